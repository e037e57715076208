import { randomBytes } from 'node:crypto';
import { delay, type Clock, type Timer } from '../../electron/base/clock.ts';
import { asCoded, CodedError } from '../../electron/base/errors.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import type { Log } from '../../electron/base/log.ts';
import type { UtcMs } from '../../electron/base/units.ts';
import type { PunchBudget } from '../nat/punch-budget.ts';
import type { NatSummary } from '../nat/report.ts';
import { IcePath } from './ice-path.ts';
import { type IceOptions } from './ice-gather.ts';
import type { PathAnswer, PathOffer } from './path-messages.ts';
import type { Paths } from './paths.ts';
import { preparePunch, punchSide, runPunch } from './punching.ts';

export type PathWay = 'ice' | 'mapped-port' | 'ipv6' | 'prediction' | 'birthday';

/** One try to find a further path, and what came of it. */
export interface PathAttempt {
  readonly at: UtcMs;
  readonly way: PathWay;
  readonly ok: boolean;
  readonly ms: number;
  readonly text: string;
}

/** Carries an offer to the camera and its answer back; gets ready for that while the offer is made. @throws CodedError */
export type AskCamera = (offer: Promise<PathOffer>) => Promise<PathAnswer>;

export interface PathKeeperOptions {
  readonly paths: Paths;
  /** Servers and policy as they are now. */
  readonly ice: () => IceOptions;
  /** Over the session's own control channel. */
  readonly inBand: AskCamera;
  /** Over a rendezvous or the local network; null where there is neither. */
  readonly outOfBand: AskCamera | null;
  /** The relay carries the session, as either end sees it. */
  readonly isRelayed: () => boolean;
  readonly nat: () => { readonly mine: NatSummary | null; readonly theirs: NatSummary | null };
  /** Null: no punching. */
  readonly punchBudget: () => Partial<PunchBudget> | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: () => number;
}

/** After this time without a pair a try is over, ms. */
const TRY_MS = 4_000;
/** How long a path may be in doubt before another is looked for, ms. */
const DOUBT_MS = 550;
/** Between two tries to restore a dead path, ms, with jitter: the network may be back any moment. */
const RESTORE_EVERY_MS = 700;
/** When a relayed session looks for a direct path: this long after it began, and after each try that failed, ms. */
const IMPROVE_AFTER_MS = [800, 5_000, 20_000, 60_000, 300_000, 900_000];
/** What ICE gets before ports are punched that it does not know, ms: with a relay it has its path by then. */
const ICE_ALONE_MS = 1_500;
/** The longest wait for word of our own NAT while there is no path, and how often that is looked at, ms. */
const NAT_KNOWN_MS = 6_000;
const POLL_MS = 250;
/** How often improving waits for word of both NATs before it tries ICE without. */
const BLIND_ROUNDS = 2;
const MAX_ATTEMPTS = 20;
const NOBODY_TO_ASK = 'The way to the camera broke, and no rendezvous answers by which it could be asked for another: check the network.';

/**
 * The viewer's end of further paths (the camera only answers): restores a path that is dead or in doubt, by ICE anew over a
 * rendezvous, and looks for a direct one while a relay carries the session. The old path is used until the new one works.
 */
export class PathKeeper {
  /** A dead path could not be restored yet, and why. */
  readonly troubled = new Emitter<CodedError>();
  readonly #options: PathKeeperOptions;
  readonly #offs: (() => void)[];
  #attempts: readonly PathAttempt[] = [];
  #ids = 0;
  #restoring = false;
  #improving = false;
  #improved = 0;
  #timer: Timer | null = null;
  #abort = new AbortController();
  #closed = false;

  constructor(options: PathKeeperOptions) {
    this.#options = options;
    const { paths } = options;
    this.#offs = [
      paths.consentChanged.on((state) => {
        if (state !== 'fresh') void this.#restore();
      }),
      paths.changed.on(() => this.#planImprovement()),
    ];
  }

  /** Newest first. */
  get attempts(): readonly PathAttempt[] {
    return this.#attempts;
  }

  /** The session has begun. */
  start(): void {
    this.#planImprovement();
  }

  /** Before there is any path: punches over a rendezvous where ICE alone will not do. @param begun an attempt takes its time */
  async punchAtOnce(begun: () => void): Promise<void> {
    const { outOfBand, paths, clock, punchBudget, nat } = this.#options;
    if (!outOfBand || !punchBudget() || !nat().theirs) return;
    // Our own NAT may just be being looked at, where the first camera has only now named a server to ask.
    let waitedMs = 0;
    for (let waitMs = ICE_ALONE_MS; waitedMs < NAT_KNOWN_MS; waitMs = POLL_MS) {
      await delay(clock, waitMs);
      waitedMs += waitMs;
      if (this.#closed || paths.current) return;
      if (this.#canPunch()) break;
    }
    if (!this.#canPunch()) return;
    begun();
    this.#improving = true;
    await this.#punch(outOfBand).finally(() => (this.#improving = false));
  }

  /** What is known of the NATs has changed, or the user's settings: another try may have another end. */
  reconsider(): void {
    this.#improved = 0;
    this.#planImprovement();
  }

  /** This end's network has changed, or the other end says that its own has: a path over the new one may be better, or the only one. */
  networkChanged(): void {
    const { paths } = this.#options;
    const local = paths.current?.isLocalAddressGone() ?? false;
    paths.current?.hurry();
    if (local || paths.consent !== 'fresh') void this.#restore(true);
    else {
      this.reconsider();
      void this.#try(true, this.#options.inBand);
    }
  }

  close(): void {
    this.#closed = true;
    this.#abort.abort();
    this.#timer?.cancel();
    this.troubled.clear();
    for (const off of this.#offs) off();
  }

  async #restore(atOnce = false): Promise<void> {
    const { paths, clock, outOfBand } = this.#options;
    if (this.#restoring || !outOfBand) return;
    this.#restoring = true;
    const random = this.#options.random ?? Math.random;
    // One lost check is no dead path: two more are sent by then.
    if (!atOnce) await delay(clock, DOUBT_MS);
    for (let first = atOnce; !this.#closed && (first || paths.consent !== 'fresh'); first = false) {
      if (await this.#try(true, outOfBand)) break;
      await delay(clock, RESTORE_EVERY_MS * (0.7 + 0.6 * random()));
    }
    this.#restoring = false;
  }

  #planImprovement(): void {
    this.#timer?.cancel();
    if (this.#closed || !this.#options.isRelayed()) {
      this.#improved = 0;
      return;
    }
    const last = IMPROVE_AFTER_MS.length - 1;
    const waitMs = IMPROVE_AFTER_MS[Math.min(this.#improved, last)] ?? 0;
    this.#timer = this.#options.clock.setTimeout(
      () => void this.#improve(),
      waitMs * (this.#improved === 0 ? 1 : 0.8 + 0.4 * Math.random()),
    );
  }

  async #improve(): Promise<void> {
    const { isRelayed, inBand, paths, nat } = this.#options;
    if (this.#closed || this.#improving || this.#options.ice().policy === 'relay') return;
    this.#improved += 1;
    // ICE has just failed to find one; what else to try, the NATs say. They are told soon.
    const { mine, theirs } = nat();
    if (this.#improved <= BLIND_ROUNDS && !(mine && theirs)) return this.#planImprovement();
    // No direct way without UDP: what may change that is told by `reconsider`.
    if ([mine, theirs].some((end) => end?.classical === 'udp-blocked')) return;
    this.#improving = true;
    try {
      const mapped = Boolean(mine?.portMapping ?? theirs?.portMapping);
      const plans = mapped || !this.#canPunch() ? (['ice', 'punch'] as const) : (['punch', 'ice'] as const);
      for (const plan of plans) {
        if (this.#closed || !isRelayed() || paths.consent !== 'fresh') break;
        if (plan === 'punch' ? await this.#punch(inBand) : await this.#try(false, inBand)) break;
      }
    } finally {
      this.#improving = false;
      this.#planImprovement();
    }
  }

  #canPunch(): boolean {
    const { mine, theirs } = this.#options.nat();
    return this.#options.punchBudget() !== null && punchSide(mine, theirs) !== null;
  }

  /** ICE anew (RFC 8445 §2.4). */
  async #try(relay: boolean, ask: AskCamera): Promise<boolean> {
    const { clock, log, paths, ice } = this.#options;
    const began = clock.monotonic();
    const servers = ice();
    const policy = relay ? servers.policy : 'direct';
    const gathered = IcePath.gather(true, { ...servers, policy }, clock, log);
    const answered = ask(gathered.then((path) => ({ id: this.#nextId(), relay: policy !== 'direct', ice: path.description, punch: null })));
    answered.catch(() => {}); // told below
    const path = await gathered;
    if (this.#closed) return (await path.close(), false);
    paths.add(path);
    let asked = false;
    const reached = await this.#reach(path, async () => {
      const { ice: theirs } = await answered;
      asked = true;
      path.connect(theirs);
    });
    // Nothing was tried: it is not the path that failed.
    const outcome = reached?.code === 'ice-failed' && !asked ? new CodedError('rendezvous-unreachable', NOBODY_TO_ASK) : reached;
    // Nobody to ask is no attempt: while the network is away it is so every second.
    if (asked) this.#note(wayOf(path), began, outcome);
    else log.debug('no path yet', { why: outcome?.message });
    if (outcome && paths.consent === 'lost') this.troubled.emit(outcome);
    return outcome === null;
  }

  async #punch(ask: AskCamera): Promise<boolean> {
    const { clock, log, paths, nat, ice } = this.#options;
    const { mine, theirs } = nat();
    const side = punchSide(mine, theirs);
    const budget = this.#options.punchBudget();
    if (!side || !budget) return false;
    const began = clock.monotonic();
    const part = await preparePunch(side, mine, ice().stun, clock);
    if (!part) return false;
    const path = IcePath.bare(true, clock, log);
    paths.add(path);
    const key = randomBytes(32);
    let predicted = part.target.predicted.length > 0;
    const outcome = await this.#reach(
      path,
      async () => {
        const plan = { side, key: key.toString('base64'), target: part.target };
        const answer = await ask(Promise.resolve({ id: this.#nextId(), relay: false, ice: path.description, punch: plan }));
        if (!answer.punch) throw new CodedError('protocol-error', 'The camera answered a hole punch without saying where to.');
        predicted ||= answer.punch.predicted.length > 0;
        const candidate = await runPunch(part, answer.punch, key, path, { clock, budget, signal: this.#abort.signal });
        if (!candidate) throw new CodedError('ice-failed', 'No port of the symmetric NAT was met within the budget of packets.');
        path.connect({ ...answer.ice, candidates: [candidate] });
      },
      (budget.timeoutMs ?? 10_000) + TRY_MS,
    );
    this.#note(predicted ? 'prediction' : 'birthday', began, outcome);
    return outcome === null;
  }

  /** Resolves to null when the path is connected and in use, else to why it is not; it is dropped then. */
  async #reach(path: IcePath, begin: () => Promise<void>, timeoutMs = TRY_MS): Promise<CodedError | null> {
    const { clock, paths } = this.#options;
    try {
      await firstOf<void>({
        clock,
        timeoutMs,
        late: () => new CodedError('ice-failed', 'None of the candidate pairs answered in time.'),
        listen: (resolve, reject) => {
          begin().catch(reject);
          return [
            path.state.on((state) =>
              state === 'connected' ? resolve() : state === 'closed' && reject(new CodedError('closed', 'The path was given up.')),
            ),
          ];
        },
      });
      paths.use(path);
      return null;
    } catch (error) {
      paths.drop(path);
      return asCoded(error);
    }
  }

  #note(way: PathWay, began: number, outcome: CodedError | null): void {
    const { clock, paths, log } = this.#options;
    const ms = Math.round(clock.monotonic() - began);
    const pair = paths.pair;
    const text = outcome ? outcome.message : `Found: ${pair?.kind ?? 'path'} ${pair?.local ?? ''} ↔ ${pair?.remote ?? ''}.`;
    this.#attempts = [{ at: clock.now(), way, ok: !outcome, ms, text }, ...this.#attempts].slice(0, MAX_ATTEMPTS);
    log.info(outcome ? 'no other path' : 'another path', { way, ms, why: outcome?.message, path: outcome ? undefined : pair?.kind });
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }
}

function wayOf(path: IcePath): PathWay {
  if (path.pair?.local.startsWith('[')) return 'ipv6';
  return path.usesMappedPort ? 'mapped-port' : 'ice';
}
