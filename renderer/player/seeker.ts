import { utcMs, type UtcMs } from '../../electron/contract/model.ts';
import { toTimestamp, type DecoderFactory, type Picture, type PictureDecoder } from './decoder.ts';
import { frameData, type LoadedGop } from './gop-cache.ts';

/** Decodes one picture of a group: from its keyframe up to the wanted one, closing what comes before it. */
export class Seeker<P extends Picture> {
  readonly #create: DecoderFactory<P>;
  #decoder: PictureDecoder | undefined;
  #output: (picture: P) => void = (picture) => picture.close();

  constructor(create: DecoderFactory<P>) {
    this.#create = create;
  }

  /** The last picture at or before `at`; undefined when another call or `cancel` came in between, or when nothing could be decoded. */
  async picture(loaded: LoadedGop, at: UtcMs): Promise<P | undefined> {
    this.cancel();
    const { frames, config } = loaded.gop;
    const last = frames.findIndex((frame) => frame.at === at);
    const wanted = toTimestamp(at);
    let best: P | undefined;
    this.#output = (picture) => {
      if (picture.timestamp > wanted && best) {
        picture.close();
        return;
      }
      best?.close();
      best = picture;
    };
    const mine = this.#output;
    try {
      const decoder = this.#ready();
      decoder.configure(config, false);
      for (let i = 0; i <= last; i++) {
        const frame = frames[i];
        if (frame) decoder.decode({ timestamp: toTimestamp(frame.at), key: frame.key, data: frameData(loaded, i) });
      }
      await decoder.flush();
    } catch {
      // Reset by a newer seek, or broken data: what came out before is shown if this is still the newest.
    }
    if (this.#output === mine) return best;
    // Assigned in the output callback, which the compiler does not follow.
    (best as P | undefined)?.close();
    return undefined;
  }

  cancel(): void {
    this.#output = (picture) => picture.close();
    if (this.#decoder?.usable) this.#decoder.reset();
  }

  close(): void {
    this.cancel();
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  #ready(): PictureDecoder {
    if (this.#decoder?.usable) return this.#decoder;
    this.#decoder = this.#create({ output: (picture) => this.#output(picture), error: () => {} });
    return this.#decoder;
  }
}

export const pictureTime = (picture: Picture): UtcMs => utcMs(Math.round(picture.timestamp / 1000));
