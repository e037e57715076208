import type { Clock } from '../electron/base/clock.ts';
import type { Emitter } from '../electron/base/emitter.ts';
import type { Log } from '../electron/base/log.ts';
import type { AccessUnit } from '../electron/media/access-unit.ts';
import type { Spool } from '../peer/session/bulk-server.ts';
import type { CameraControl } from '../peer/session/control-messages.ts';
import { GopCache } from './gop-cache.ts';
import type { CameraInput } from './input/input.ts';
import { RateMeter } from './rate-meter.ts';
import type { SubStream } from './sub-stream.ts';
import type { FeedSession, ViewerFeed } from './viewer-feed.ts';
import { ViewerPicture } from './viewer-picture.ts';

/** What the publisher needs of a session. */
interface PublishedSession extends FeedSession {
  hello(name: string): void;
  serveSpool?(spool: Spool): void;
  /** Pictures were lost on a path that was dead: the viewer needs a beginning. */
  readonly recovered?: Emitter<void>;
}

export interface PublisherOptions {
  readonly input: Pick<CameraInput, 'units' | 'status'>;
  /** The small picture, for viewers whose way is too thin; null: there is none. Closed by who made it. */
  readonly sub?: SubStream | null;
  /** What is kept for viewers that were away; null: nothing is. Closed by who made it. */
  readonly spool?: (Spool & { push(unit: AccessUnit): void }) | null;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
}

type Status = Extract<CameraControl, { type: 'status' }>;

/** What a packet's payload and its headers are, in the mean, bytes: what a unit takes on the way. */
const [PAYLOAD, AROUND] = [1_100, 64];

/** Hands the input's units to every viewer; a new one begins with the last keyframe at once. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #pictures = new Map<PublishedSession, ViewerPicture>();
  readonly #gop = new GopCache();
  readonly #rate: RateMeter;
  readonly #offs: (() => void)[];
  #status: Status = { type: 'status', state: 'connecting', reason: null };
  #timeline: number | null = null;

  constructor(options: PublisherOptions) {
    const { input, clock, log, sub, spool } = options;
    this.#options = options;
    this.#rate = new RateMeter(clock);
    this.#offs = [
      input.units.on((unit) => {
        // What is left of a source's former run cannot be followed by its new one.
        if (this.#timeline !== unit.timeline) this.#gop.clear();
        this.#timeline = unit.timeline;
        this.#gop.push(unit);
        this.#rate.add(unit.data.length + Math.ceil(unit.data.length / PAYLOAD) * AROUND);
        sub?.onMain(unit);
        spool?.push(unit);
        for (const picture of this.#pictures.values()) picture.push(unit);
      }),
      input.status.on(({ state, reason }) => {
        if (state !== this.#status.state) log.info(`source ${state}`, { why: reason?.text });
        this.#status = { type: 'status', state, reason: reason && { code: reason.code, text: reason.text.slice(0, 512) } };
        for (const session of this.#pictures.keys()) session.send(this.#status);
      }),
    ];
  }

  get viewers(): number {
    return this.#pictures.size;
  }

  attach(session: PublishedSession): void {
    const { clock, name, sub = null, spool } = this.#options;
    const picture = new ViewerPicture({ session, clock, sub, mainRate: this.#rate });
    this.#pictures.set(session, picture);
    if (spool) session.serveSpool?.(spool);
    session.hello(name);
    session.send(this.#status);
    session.recovered?.on(() => picture.restart(this.#gop.units));
    for (const unit of this.#gop.units) picture.push(unit);
  }

  detach(session: PublishedSession): ViewerFeed['counters'] | null {
    const picture = this.#pictures.get(session);
    this.#pictures.delete(session);
    picture?.close();
    return picture?.counters ?? null;
  }

  close(): void {
    for (const off of this.#offs) off();
    for (const session of [...this.#pictures.keys()]) this.detach(session);
  }
}
