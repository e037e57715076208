import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import type { ConsentState } from './consent.ts';
import type { IcePath } from './ice-path.ts';
import type { PathKind, SelectedPair } from './selected-pair.ts';

/** How long a path that was left is still listened to, ms: packets are on their way, and the other end may change over later. */
const RETIRE_MS = 3_000;
/** Paths that are held at a time: the current one, one that is tried, those that are being left. */
const MAX_PATHS = 6;

/**
 * The paths of one session: what is sent goes by the current one, what comes is taken from all. Changing over is make before
 * break: DTLS and SRTP above do not know which way their packets went.
 */
export class Paths {
  readonly data = new Emitter<Buffer>();
  /** Another path carries the session from now on. */
  readonly changed = new Emitter<IcePath>();
  /** Of the current path. */
  readonly consentChanged = new Emitter<ConsentState>();
  readonly #clock: Clock;
  readonly #paths = new Set<IcePath>();
  readonly #retiring = new Map<IcePath, Timer>();
  #current: IcePath | null = null;
  /** Bytes over relays of paths that are gone. */
  #pastRelayed = 0;
  #theirKind: PathKind = 'host';
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get current(): IcePath | null {
    return this.#current;
  }

  get pair(): SelectedPair | null {
    return this.#current?.pair ?? null;
  }

  get consent(): ConsentState {
    return this.#current?.consent ?? 'lost';
  }

  /** Bytes of this session that went over a relay, both ways, ours or theirs. */
  get relayedBytes(): number {
    return this.#pastRelayed + (this.#current && this.#isRelayed(this.#current) ? bytesOf(this.#current) : 0);
  }

  /** The other end sees a relay where this one sees an ordinary address. */
  set theirKind(kind: PathKind) {
    this.#theirKind = kind;
  }

  /** Listens to a path that is being tried. The oldest that is of no use goes when there are too many. */
  add(path: IcePath): void {
    if (this.#closed) return void path.close();
    this.#paths.add(path);
    path.data.on((data) => this.data.emit(data));
    path.consentChanged.on((state) => path === this.#current && this.consentChanged.emit(state));
    for (const oldest of this.#paths) {
      if (this.#paths.size <= MAX_PATHS) break;
      if (oldest !== this.#current && oldest !== path) this.drop(oldest);
    }
  }

  /** From now on this is the way. The former one is listened to for a while. */
  use(path: IcePath): void {
    if (this.#closed || path === this.#current || !this.#paths.has(path)) return;
    const former = this.#current;
    this.#current = path;
    if (former) {
      if (this.#isRelayed(former)) this.#pastRelayed += bytesOf(former);
      this.#retiring.set(
        former,
        this.#clock.setTimeout(() => this.drop(former), RETIRE_MS),
      );
      this.#theirKind = 'host';
    }
    this.changed.emit(path);
  }

  drop(path: IcePath): void {
    this.#paths.delete(path);
    this.#retiring.get(path)?.cancel();
    this.#retiring.delete(path);
    if (path !== this.#current) void path.close();
  }

  send(data: Buffer): void {
    this.#current?.send(data);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#retiring.values()) timer.cancel();
    if (this.#current && this.#isRelayed(this.#current)) this.#pastRelayed += bytesOf(this.#current);
    this.#current = null;
    for (const emitter of [this.data, this.changed, this.consentChanged]) emitter.clear();
    await Promise.all([...this.#paths].map((path) => path.close()));
    this.#paths.clear();
  }

  #isRelayed(path: IcePath): boolean {
    return path.pair?.kind === 'relay' || this.#theirKind === 'relay';
  }
}

const bytesOf = ({ bytes }: IcePath): number => bytes.sent + bytes.received;
