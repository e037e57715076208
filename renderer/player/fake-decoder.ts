import type { DecoderConfig } from '../../electron/contract/model.ts';
import type { Chunk, DecoderEvents, DecoderFactory, Picture, PictureDecoder } from './decoder.ts';

/** For tests: a picture that knows whether it was closed. */
export class FakePicture implements Picture {
  readonly timestamp: number;
  closed = false;

  constructor(timestamp: number) {
    this.timestamp = timestamp;
  }

  close(): void {
    this.closed = true;
  }
}

/** For tests: decodes when told to, or at once; insists on a keyframe first, as a real decoder does. */
export class FakeDecoder implements PictureDecoder {
  readonly events: DecoderEvents<FakePicture>;
  readonly #bench: DecoderBench;
  waiting: Chunk[] = [];
  usable = true;
  #configured = false;
  #needsKey = true;
  #flushes: { reject(error: Error): void; resolve(): void }[] = [];

  constructor(bench: DecoderBench, events: DecoderEvents<FakePicture>) {
    this.#bench = bench;
    this.events = events;
  }

  get queueSize(): number {
    return this.waiting.length;
  }

  configure(config: DecoderConfig): void {
    this.#configured = true;
    this.#needsKey = true;
    this.#bench.configs.push(config);
  }

  decode(chunk: Chunk): void {
    if (!this.#configured || !this.usable) throw new Error('not configured');
    if (this.#needsKey && !chunk.key) throw new Error('a keyframe is required');
    this.#needsKey = false;
    this.#bench.decoded.push(chunk);
    this.waiting.push(chunk);
    if (this.#bench.immediate) this.work();
  }

  flush(): Promise<void> {
    this.#needsKey = true;
    if (this.#bench.immediate) {
      this.work();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => this.#flushes.push({ resolve, reject }));
  }

  reset(): void {
    this.waiting = [];
    this.#configured = false;
    for (const flush of this.#flushes) flush.reject(new Error('reset'));
    this.#flushes = [];
  }

  close(): void {
    this.usable = false;
    this.waiting = [];
  }

  /** Decodes up to `count` of what waits, in the order of presentation within what is decoded together. */
  work(count = Number.POSITIVE_INFINITY): void {
    const chunks = this.waiting.splice(0, count).sort((a, b) => a.timestamp - b.timestamp);
    for (const chunk of chunks) {
      const picture = new FakePicture(chunk.timestamp);
      this.#bench.pictures.push(picture);
      this.events.output(picture);
    }
    if (this.waiting.length > 0) return;
    for (const flush of this.#flushes) flush.resolve();
    this.#flushes = [];
  }

  fail(): void {
    this.usable = false;
    this.events.error(new Error('broken data'));
  }
}

/** Makes fake decoders and remembers everything they did. */
export class DecoderBench {
  /** Whether a chunk becomes a picture at once. */
  immediate: boolean;
  readonly decoders: FakeDecoder[] = [];
  readonly pictures: FakePicture[] = [];
  readonly decoded: Chunk[] = [];
  readonly configs: DecoderConfig[] = [];

  constructor(immediate: boolean) {
    this.immediate = immediate;
  }

  readonly create: DecoderFactory<FakePicture> = (events) => {
    const decoder = new FakeDecoder(this, events);
    this.decoders.push(decoder);
    return decoder;
  };

  get last(): FakeDecoder {
    const decoder = this.decoders.at(-1);
    if (!decoder) throw new Error('no decoder was made');
    return decoder;
  }

  /** Pictures neither closed nor given to the screen: whoever holds them must have a reason. */
  open(): number {
    return this.pictures.filter((picture) => !picture.closed).length;
  }
}
