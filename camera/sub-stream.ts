import type { Clock, Timer } from '../electron/base/clock.ts';
import { Emitter } from '../electron/base/emitter.ts';
import type { Log } from '../electron/base/log.ts';
import { pts90k } from '../electron/base/units.ts';
import type { AccessUnit } from '../electron/media/access-unit.ts';
import { GopCache } from './gop-cache.ts';
import type { CameraInput } from './input/input.ts';

export interface SubStreamOptions {
  /** Opens the small picture. */
  readonly open: () => CameraInput;
  readonly clock: Clock;
  readonly log: Log;
}

/** After the last viewer has gone back, the small picture goes on for so long: a thin way is rarely so for once, ms. */
const LINGER_MS = 60_000;
/** A small picture that sends no frame for so long is none, ms; nor one that has not begun by then. */
const DEAD_MS = 8_000;

/** How the small picture's times belong to the main one's. */
interface Mapping {
  readonly mainTimeline: number;
  readonly subTimeline: number;
  /** To be added, 1/90000 s. */
  readonly offset: number;
}

/**
 * The small picture of a camera, opened when a viewer's way is too thin for the main one. Its units come on the timeline of the
 * main picture, matched by when they were captured: for a viewer it is the same camera, in another format.
 */
export class SubStream {
  readonly units = new Emitter<AccessUnit>();
  readonly #options: SubStreamOptions;
  readonly #users = new Set<object>();
  readonly #gop = new GopCache();
  #input: CameraInput | null = null;
  #closing: Promise<void> = Promise.resolve();
  #openedAt = 0;
  #unitAt = -Infinity;
  #main: AccessUnit | null = null;
  #newest: AccessUnit | null = null;
  #mapping: Mapping | null = null;
  #linger: Timer | null = null;
  #closed = false;

  constructor(options: SubStreamOptions) {
    this.#options = options;
  }

  /** False when it was opened, and does not come. */
  get isAlive(): boolean {
    const now = this.#options.clock.monotonic();
    return !this.#closed && (!this.#input || now - Math.max(this.#openedAt, this.#unitAt) < DEAD_MS);
  }

  /** To be told each unit of the main picture: it keeps the time. */
  onMain(unit: AccessUnit): void {
    if (unit.config.kind !== 'video') return;
    this.#main = unit;
    if (this.#mapping && this.#mapping.mainTimeline !== unit.timeline) this.#mapping = null;
  }

  /** Opens it, unless it is open. */
  want(user: object): void {
    this.#users.add(user);
    this.#linger?.cancel();
    this.#linger = null;
    if (this.#input || this.#closed) return;
    const { open, clock, log } = this.#options;
    const input = open();
    this.#input = input;
    this.#openedAt = clock.monotonic();
    log.info('opening the small picture');
    input.units.on((unit) => this.#onUnit(unit));
    void this.#closing.then(() => this.#input === input && input.start());
  }

  /** Closes it a while after nobody wants it any more. */
  release(user: object): void {
    if (!this.#users.delete(user) || this.#users.size > 0) return;
    this.#mapping = null;
    this.#linger = this.#options.clock.setTimeout(() => this.#stop(), LINGER_MS);
  }

  /** What a viewer can begin with: all since the last keyframe; empty while there is none. */
  get beginning(): readonly AccessUnit[] {
    this.#mapping ??= this.#match();
    const { units } = this.#gop;
    return this.#mapping ? units.flatMap((unit) => this.#onMainTimeline(unit) ?? []) : [];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#linger?.cancel();
    this.#stop();
    this.units.clear();
    await this.#closing;
  }

  #stop(): void {
    const input = this.#input;
    this.#input = null;
    this.#mapping = this.#newest = null;
    this.#gop.clear();
    if (input) this.#closing = this.#closing.then(() => input.close());
  }

  #onUnit(unit: AccessUnit): void {
    // The sound is the main picture's.
    if (unit.config.kind !== 'video') return;
    this.#unitAt = this.#options.clock.monotonic();
    if (this.#newest && this.#newest.timeline !== unit.timeline) {
      this.#gop.clear();
      this.#mapping = null;
    }
    this.#newest = unit;
    this.#gop.push(unit);
    if (!this.#mapping && unit.key && this.#users.size > 0) this.#mapping = this.#match();
    const moved = this.#onMainTimeline(unit);
    if (moved) this.units.emit(moved);
  }

  #match(): Mapping | null {
    const [main, sub] = [this.#main, this.#newest];
    if (!main || !sub) return null;
    const offset = Math.round(main.pts - sub.pts + (sub.utc - main.utc) * 90);
    return { mainTimeline: main.timeline, subTimeline: sub.timeline, offset };
  }

  /** Null for what has no place there. */
  #onMainTimeline(unit: AccessUnit): AccessUnit | null {
    const mapping = this.#mapping;
    if (!mapping || mapping.subTimeline !== unit.timeline || unit.dts + mapping.offset < 0) return null;
    const { mainTimeline, offset } = mapping;
    return { ...unit, timeline: mainTimeline, pts: pts90k(unit.pts + offset), dts: pts90k(unit.dts + offset) };
  }
}
