import type { Clock } from '../electron/base/clock.ts';
import type { Emitter } from '../electron/base/emitter.ts';
import type { Log } from '../electron/base/log.ts';
import type { CameraControl } from '../peer/session/control-messages.ts';
import { GopCache } from './gop-cache.ts';
import type { CameraInput } from './input/input.ts';
import { ViewerFeed, type FeedSession } from './viewer-feed.ts';

/** What the publisher needs of a session. */
interface PublishedSession extends FeedSession {
  hello(name: string): void;
  /** Pictures were lost on a path that was dead: the viewer needs a beginning. */
  readonly recovered?: Emitter<void>;
}

type Status = Extract<CameraControl, { type: 'status' }>;

/** Hands the input's units to every viewer; a new one begins with the last keyframe at once. */
export class Publisher {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #feeds = new Map<PublishedSession, ViewerFeed>();
  readonly #gop = new GopCache();
  readonly #offs: (() => void)[];
  #status: Status = { type: 'status', state: 'connecting', reason: null };
  #timeline: number | null = null;

  constructor(options: { input: Pick<CameraInput, 'units' | 'status'>; name: string; clock: Clock; log: Log }) {
    const { input, log } = options;
    this.#name = options.name;
    this.#clock = options.clock;
    this.#offs = [
      input.units.on((unit) => {
        // What is left of a source's former run cannot be followed by its new one.
        if (this.#timeline !== unit.timeline) this.#gop.clear();
        this.#timeline = unit.timeline;
        this.#gop.push(unit);
        for (const feed of this.#feeds.values()) feed.push(unit);
      }),
      input.status.on(({ state, reason }) => {
        if (state !== this.#status.state) log.info(`source ${state}`, { why: reason?.text });
        this.#status = { type: 'status', state, reason: reason && { code: reason.code, text: reason.text.slice(0, 512) } };
        for (const session of this.#feeds.keys()) session.send(this.#status);
      }),
    ];
  }

  get viewers(): number {
    return this.#feeds.size;
  }

  attach(session: PublishedSession): void {
    const feed = new ViewerFeed(session, this.#clock);
    this.#feeds.set(session, feed);
    session.hello(this.#name);
    session.send(this.#status);
    session.recovered?.on(() => {
      feed.restart();
      for (const unit of this.#gop.units) feed.push(unit);
    });
    for (const unit of this.#gop.units) feed.push(unit);
  }

  detach(session: PublishedSession): ViewerFeed['counters'] | null {
    const feed = this.#feeds.get(session);
    this.#feeds.delete(session);
    feed?.close();
    return feed?.counters ?? null;
  }

  close(): void {
    for (const off of this.#offs) off();
    for (const session of [...this.#feeds.keys()]) this.detach(session);
  }
}
