import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';

/** What happened to this machine's network. */
export interface NetworkChange {
  /** `wake`: the machine slept, or this process stood still: what others remember of us may be gone, at the same addresses. */
  readonly kind: 'addresses' | 'wake';
  /** `interface address`, both empty on a mere wake. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface NetworkWatchOptions {
  readonly clock: Clock;
  readonly interfaces?: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  /** How often to look, ms. */
  readonly everyMs?: number;
}

/** A look that comes this much later than it should, ms, by either clock, comes after a sleep. */
const SLEPT_MS = 5_000;

/**
 * Notices that the set of this machine's addresses changed, and that it woke from sleep. Node has no event for either, and
 * looking takes well under a millisecond.
 */
export class NetworkWatch {
  readonly changed = new Emitter<NetworkChange>();
  readonly #clock: Clock;
  readonly #interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  readonly #everyMs: number;
  #timer: Timer | null = null;
  #addresses: ReadonlySet<string> = new Set();
  #wall = 0;
  #monotonic = 0;

  constructor(options: NetworkWatchOptions) {
    this.#clock = options.clock;
    this.#interfaces = options.interfaces ?? networkInterfaces;
    this.#everyMs = options.everyMs ?? 1_000;
  }

  /** `interface address`, as last seen; link-local and loopback ones are left out. */
  get addresses(): ReadonlySet<string> {
    return this.#addresses;
  }

  start(): void {
    if (this.#timer) return;
    this.#addresses = this.#read() ?? new Set();
    this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.changed.clear();
  }

  #arm(): void {
    this.#wall = this.#clock.now();
    this.#monotonic = this.#clock.monotonic();
    this.#timer = this.#clock.setTimeout(() => this.#look(), this.#everyMs);
  }

  #look(): void {
    // Some systems' monotonic clock counts the sleep (macOS, Windows) and Linux' does not; the wall clock always does.
    const passed = Math.max(this.#clock.now() - this.#wall, this.#clock.monotonic() - this.#monotonic);
    const before = this.#addresses;
    this.#addresses = this.#read() ?? before;
    this.#arm();
    const added = [...this.#addresses].filter((address) => !before.has(address));
    const removed = [...before].filter((address) => !this.#addresses.has(address));
    if (added.length + removed.length > 0) this.changed.emit({ kind: 'addresses', added, removed });
    else if (passed > this.#everyMs + SLEPT_MS) this.changed.emit({ kind: 'wake', added, removed });
  }

  /** Null when the system does not say: then nothing is known to have changed. */
  #read(): ReadonlySet<string> | null {
    try {
      return new Set(
        Object.entries(this.#interfaces()).flatMap(([name, list = []]) =>
          // Link-local ones come and go with every container's interface, and nobody outside reaches them.
          list.flatMap(({ address, internal }) => (internal || /^fe[89ab]/i.test(address) ? [] : `${name} ${address}`)),
        ),
      );
    } catch {
      return null;
    }
  }
}
