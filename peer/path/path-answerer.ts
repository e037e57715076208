import type { Clock, Timer } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import { TokenBucket } from '../../electron/base/token-bucket.ts';
import type { PunchBudget } from '../nat/punch-budget.ts';
import type { NatSummary } from '../nat/report.ts';
import { IcePath } from './ice-path.ts';
import { type IceOptions } from './ice-gather.ts';
import type { PathAnswer, PathOffer } from './path-messages.ts';
import type { Paths } from './paths.ts';
import { preparePunch, runPunch } from './punching.ts';

/** A path that does not come about in this time is given up, ms. */
const TRY_MS = 20_000;
/** Offers answered a second, in the long run and at once: each opens sockets. */
const OFFERS = { perSecond: 1, burst: 5 };

export interface PathAnswererOptions {
  readonly paths: Paths;
  readonly ice: () => IceOptions;
  readonly nat: () => NatSummary | null;
  readonly punchBudget: () => Partial<PunchBudget>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The camera's end of further paths: answers the viewer's offers, tries what they name, and changes over when it works. */
export class PathAnswerer {
  readonly #options: PathAnswererOptions;
  readonly #offers: TokenBucket;
  #trying: { path: IcePath; limit: Timer; abort: AbortController } | null = null;
  #closed = false;

  constructor(options: PathAnswererOptions) {
    this.#options = options;
    this.#offers = new TokenBucket(options.clock, OFFERS.perSecond, OFFERS.burst);
  }

  /** @throws CodedError `too-busy`, `relay-not-allowed`, `ice-failed` when there is nothing to answer with */
  async answer(offer: PathOffer): Promise<PathAnswer> {
    const { paths, clock, log, ice } = this.#options;
    if (this.#closed || !this.#offers.take()) throw new CodedError('too-busy', 'The camera is asked for too many paths at once.');
    const servers = ice();
    if (!offer.relay && servers.policy === 'relay')
      throw new CodedError('relay-not-allowed', 'The camera is set to be reached through a relay only (--ice-policy relay).');
    this.#giveUp();
    const abort = new AbortController();
    const policy = offer.relay ? servers.policy : 'direct';
    const path = offer.punch ? IcePath.bare(false, clock, log) : await IcePath.gather(false, { ...servers, policy }, clock, log);
    if (this.#closed) {
      await path.close();
      throw new CodedError('closed', 'The session is over.');
    }
    const part =
      offer.punch && (await preparePunch(offer.punch.side === 'hard' ? 'easy' : 'hard', this.#options.nat(), servers.stun, clock));
    if (offer.punch && !part) {
      await path.close();
      throw new CodedError('ice-failed', 'The camera does not know its own public address, so that there is nowhere to punch to.');
    }
    paths.add(path);
    path.state.on((state) => {
      if (state !== 'connected') return;
      paths.use(path);
      if (this.#trying?.path === path) this.#trying.limit.cancel();
      if (this.#trying?.path === path) this.#trying = null;
    });
    this.#trying = { path, abort, limit: clock.setTimeout(() => this.#giveUp(), TRY_MS) };
    if (offer.punch && part) {
      const key = Buffer.from(offer.punch.key, 'base64');
      const options = { clock, budget: this.#options.punchBudget(), signal: abort.signal };
      void runPunch(part, offer.punch.target, key, path, options).then((candidate) => {
        if (candidate && path.current === 'new') path.connect({ ...offer.ice, candidates: [candidate] });
        else if (this.#trying?.path === path) this.#giveUp();
      });
    } else path.connect(offer.ice);
    return { id: offer.id, ice: path.description, punch: part?.target ?? null };
  }

  close(): void {
    this.#closed = true;
    this.#giveUp();
  }

  #giveUp(): void {
    const trying = this.#trying;
    this.#trying = null;
    trying?.limit.cancel();
    trying?.abort.abort();
    if (trying) this.#options.paths.drop(trying.path);
  }
}
