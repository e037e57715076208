import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import type { Log } from '../../electron/base/log.ts';
import { discoverNat, type DiscoveryOptions, type StunServerName } from './discovery.ts';
import { NetworkWatch, type NetworkWatchOptions } from './network-watch.ts';
import type { PortMapper } from './port-mapper.ts';
import type { NatReport } from './report.ts';

export interface NatMonitorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Asked at each look: rendezvous come and go. */
  readonly servers: () => readonly StunServerName[];
  /** Invalidated when the network changes; belongs to whoever made it. Null, or `portMapping` false: gateways are left alone. */
  readonly mapper: PortMapper | null;
  readonly portMapping?: () => boolean;
  /** Whether a rendezvous is reached now; null: there is none. */
  readonly online: () => boolean | null;
  readonly interfaces?: NetworkWatchOptions['interfaces'];
  readonly discover?: (options: DiscoveryOptions) => Promise<NatReport>;
}

/** Addresses come one by one when a network comes up: a look so long after the last of them sees it whole. */
const SETTLE_MS = 2_000;
/** Routers are exchanged and their settings changed without our addresses changing. */
const AGAIN_MS = 60 * 60_000;
/** While nothing was found out: the servers may come. */
const RETRY_MS = 30_000;

/** Knows what NAT this machine is behind, and looks again when the network changes. */
export class NatMonitor {
  /** At once, for what is running; `current` is of the network before until `changed`. */
  readonly networkChanged = new Emitter<void>();
  readonly changed = new Emitter<void>();
  readonly #options: NatMonitorOptions;
  readonly #watch: NetworkWatch;
  #current: NatReport | null = null;
  #timer: Timer | null = null;
  #looking: Promise<void> | null = null;
  /** Somebody asked for a look after the one under way had begun. */
  #again = false;
  #stop: AbortController | null = null;
  #closed = false;

  constructor(options: NatMonitorOptions) {
    this.#options = options;
    const { clock, interfaces } = options;
    this.#watch = new NetworkWatch({ clock, ...(interfaces ? { interfaces } : {}) });
  }

  /** Null until somebody has looked, and when the network is another than then. */
  get current(): NatReport | null {
    return this.#current;
  }

  start(): void {
    if (this.#stop || this.#closed) return;
    this.#stop = new AbortController();
    this.#watch.changed.on(({ kind, added, removed }) => {
      this.#options.log.info('the network changed', { kind, added: added.join(' '), removed: removed.join(' ') });
      this.#options.mapper?.invalidate();
      if (kind === 'addresses') this.#set(null);
      this.#lookIn(SETTLE_MS);
      this.networkChanged.emit();
    });
    this.#watch.start();
    this.#lookIn(0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop?.abort();
    this.#stop = null;
    this.#timer?.cancel();
    this.#watch.close();
    await this.#looking;
    this.networkChanged.clear();
    this.changed.clear();
  }

  /** Looks again; `current` is of now when it resolves. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    this.#timer?.cancel();
    this.#looking = this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { clock, log, servers, mapper, portMapping, online, discover = discoverNat } = this.#options;
    do {
      this.#again = false;
      const names = servers();
      try {
        const report = await discover({
          clock,
          servers: names,
          mapper: (portMapping?.() ?? true) ? mapper : null,
          online: online(),
          signal: this.#stop?.signal,
        });
        // Of a network that is gone, it would say something wrong.
        if (!this.#again && !this.#closed) this.#set(report);
      } catch (error) {
        log.warn('the NAT could not be looked at', { error: String(error) });
      }
    } while (this.#again && !this.#closed);
    const known = this.#current !== null && (this.#current.mapping !== 'unknown' || this.#current.udpBlocked);
    this.#lookIn(known ? AGAIN_MS : RETRY_MS);
  }

  #lookIn(ms: number): void {
    this.#timer?.cancel();
    if (!this.#stop) return;
    // A look under way began in the network that was.
    if (this.#looking && ms === SETTLE_MS) this.#again = true;
    this.#timer = this.#options.clock.setTimeout(() => void this.refresh(), ms);
  }

  #set(report: NatReport | null): void {
    if (report === null && this.#current === null) return;
    this.#current = report;
    if (report) {
      const { classical, mapping, filtering, publicAddress, portMapping, cgnat, ipv6 } = report;
      this.#options.log.info('NAT', { classical, mapping, filtering, publicAddress, portMapping, cgnat, ipv6 });
    }
    this.changed.emit();
  }
}
