import type { Identity } from '../../peer/identity.ts';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ExportPlan } from '../contract/export.ts';
import type { CameraId, Span } from '../contract/model.ts';
import type { Playback } from '../playback/playback.ts';
import type { Storage } from '../storage/client.ts';
import { provenClip } from './export-clip.ts';

export interface ExporterOptions {
  readonly playback: Pick<Playback, 'clip' | 'clipParts' | 'recordings'>;
  readonly storage: Pick<Storage, 'call'>;
  readonly dataDir: string;
  /** Null: exports carry no proof. */
  readonly identity: Pick<Identity, 'publicKey' | 'sign'> | null;
  /** The fingerprint of a peer-to-peer camera's key, null for any other. */
  readonly fingerprintOf: (camera: CameraId) => string | null;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ExportArgs extends Span {
  readonly camera: CameraId;
  /** Which of how many files this is. */
  readonly part?: { readonly number: number; readonly of: number } | undefined;
}

/** Exports of recordings with their proof: the one way for page, HTTP and command line. */
export class Exporter {
  readonly #options: ExporterOptions;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** Errors: `not-found` for an unknown camera, `bad-request` for more than 7 days. */
  async plan({ camera, from, to }: ExportArgs): Promise<ExportPlan> {
    const { playback } = this.#options;
    const parts = await playback.clipParts({ camera, from, to });
    const { spans } = await playback.recordings({ camera, from, to });
    const recordedMs = spans.reduce((sum, span) => sum + span.to - span.from, 0);
    return { parts, recordedMs, missingMs: Math.max(0, to - from - recordedMs) };
  }

  /** Pieces of one file. Errors before the first: `not-found` where nothing is recorded, `conflict` where the format changed. */
  async *clip({ camera: id, from, to, part }: ExportArgs): AsyncGenerator<Uint8Array> {
    const { playback, storage, dataDir, identity, fingerprintOf, clock, log } = this.#options;
    if (!identity) return yield* playback.clip({ camera: id, from, to });
    const row = await storage.call('camera', { id });
    if (!row) throw new CodedError('not-found', `There is no camera ${id}.`);
    yield* provenClip({
      playback,
      dataDir,
      camera: { id, name: row.name, fingerprint: fingerprintOf(id) },
      key: identity,
      now: clock.now(),
      from,
      to,
      ...(part ? { part } : {}),
      onChanged: (spans) => {
        for (const span of spans)
          log.error('a recording that was exported is not what had been recorded', { camera: id, from: span.from, to: span.to });
      },
    });
  }
}
