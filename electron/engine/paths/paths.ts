import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { utcMs } from '../../base/units.ts';
import type { PathSpan, RelayPolicy } from '../../contract/model.ts';
import type { SourceStatus } from '../../sources/source.ts';
import type { Storage } from '../../storage/client.ts';
import type { CameraKey } from '../../storage/interface.ts';
import { AttemptCounts } from './attempt-counts.ts';
import { PathTrack, tile } from './path-track.ts';
import { RelayAccount, monthOf } from './relay-account.ts';

/** How far back the ways of a camera are told, milliseconds. */
const HISTORY_MS = 86_400_000;
/** What was counted is written at most this often, milliseconds. */
const FLUSH_MS = 10_000;

/** The ways of one camera: what they were, what went through relays, what was tried. */
export interface CameraPaths {
  readonly relay: RelayAccount;
  readonly attempts: AttemptCounts;
  /** Spans left out because storage was too slow for too long. */
  readonly dropped: number;
  status(status: SourceStatus): void;
  /** The last 24 h up to now, tiled. */
  history(): Promise<readonly PathSpan[]>;
  /** Writes what is not written. Idempotent. */
  close(): Promise<void>;
}

interface Kept {
  readonly key: CameraKey;
  readonly track: PathTrack;
  readonly relay: RelayAccount;
}

/** Keeps the ways of all cameras: one transaction each ten seconds at most, however many cameras there are. */
export class Paths {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #kept = new Set<Kept>();
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: { storage: Pick<Storage, 'call'>; clock: Clock; log: Log }) {
    this.#storage = options.storage;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  start(): void {
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = null;
      this.start();
      for (const { relay } of this.#kept) relay.check();
      void this.#write([...this.#kept], false);
    }, FLUSH_MS);
  }

  async open(camera: { key: CameraKey; policy: RelayPolicy }): Promise<CameraPaths> {
    const { key, policy } = camera;
    const bytes = await this.#storage.call('relayUse', { camera: key, month: monthOf(this.#clock.now()) });
    const track = new PathTrack(this.#clock);
    const relay = new RelayAccount({ clock: this.#clock, policy, bytes });
    const attempts = new AttemptCounts();
    const kept = { key, track, relay };
    this.#kept.add(kept);
    return {
      relay,
      attempts,
      get dropped() {
        return track.dropped;
      },
      status: ({ path, reason, state, report }) => {
        // Pictures that come by a way nobody has named yet tell nothing new.
        if (path || state !== 'live') track.set(path, reason);
        if (!report) return;
        relay.count(report.relayedBytes);
        attempts.see(report.attempts);
      },
      history: () => this.#history(kept),
      close: async () => {
        if (!this.#kept.delete(kept)) return;
        track.stop();
        await this.#write([kept], true);
      },
    };
  }

  /** Writes what is not written. Idempotent. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#write([...this.#kept], true);
  }

  async #history({ key, track }: Kept): Promise<readonly PathSpan[]> {
    // What is under way to storage is in neither until it is there; what is taken from here on is in both.
    await this.#writing;
    const to = utcMs(Math.round(this.#clock.now()));
    const from = utcMs(to - HISTORY_MS);
    const unwritten = track.unwritten;
    const written = await this.#storage.call('pathSpans', { camera: key, from, to });
    return tile([...written, ...unwritten], from, to);
  }

  /** One after another. What cannot be written waits for the next time. */
  #write(kept: readonly Kept[], all: boolean): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const taken = kept.map((camera) => ({ ...camera, spans: camera.track.take(all), use: camera.relay.take() }));
      const spans = taken.flatMap(({ key, spans }) => spans.map((span) => ({ camera: key, ...span })));
      const relayed = taken.flatMap(({ key, use }) => (use ? [{ camera: key, ...use }] : []));
      if (spans.length + relayed.length === 0) return;
      try {
        await this.#storage.call('notePaths', { spans, relayed, forgetBefore: utcMs(Math.round(this.#clock.now()) - HISTORY_MS) });
      } catch (error) {
        this.#log.warn('the ways of the cameras could not be noted', { error: String(error) });
        for (const { track, relay, spans, use } of taken) {
          track.giveBack(spans);
          if (use) relay.giveBack(use);
        }
      }
    });
    return this.#writing;
  }
}
