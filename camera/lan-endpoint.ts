import type { Clock } from '../electron/base/clock.ts';
import type { Log } from '../electron/base/log.ts';
import { LanAdvertiser } from '../peer/lan/advertiser.ts';
import type { LanInterface } from '../peer/lan/interfaces.ts';
import { MulticastDns } from '../peer/lan/multicast.ts';
import { DEFAULT_LIMITS } from '../rendezvous/limits.ts';
import { RendezvousServer } from '../rendezvous/server.ts';

/** A public one's limits, for one network's worth of apps. */
const LIMITS = { ...DEFAULT_LIMITS, connections: 256, connectionsPerAddress: 32 };

export interface LanEndpointOptions {
  /** The camera's. */
  readonly address: string;
  readonly interfaces: () => readonly LanInterface[];
  readonly clock: Clock;
  readonly log: Log;
  /** Of multicast DNS; tests take another. */
  readonly dnsPort?: number;
}

/**
 * The camera's own rendezvous, for apps on its networks: only neighbours get to it, and only to this camera. Advertised by
 * multicast DNS. It is trusted no more than any other: what goes through it is sealed.
 */
export class LanEndpoint {
  readonly #options: LanEndpointOptions;
  readonly #dns: MulticastDns;
  readonly #server: RendezvousServer;
  #advertiser: LanAdvertiser | null = null;
  #port: number | null = null;

  constructor(options: LanEndpointOptions) {
    const { address, interfaces, clock, log, dnsPort } = options;
    this.#options = options;
    this.#dns = new MulticastDns({ clock, log, interfaces, ...(dnsPort === undefined ? {} : { port: dnsPort }) });
    const admits = (remote: string) => isLoopback(remote) || interfaces().some((each) => each.isNeighbour(remote));
    this.#server = new RendezvousServer({ clock, log, limits: LIMITS, stunPort: () => null, admits, hub: address });
  }

  /** Where the camera itself registers; null while it is not started. */
  get url(): string | null {
    return this.#port === null ? null : `ws://127.0.0.1:${this.#port}`;
  }

  /** @throws CodedError when it can listen nowhere */
  async start(): Promise<void> {
    const { address, clock, log } = this.#options;
    const port = await this.#listen();
    this.#dns.start();
    this.#advertiser = new LanAdvertiser({ dns: this.#dns, address, port, clock });
    this.#advertiser.start();
    this.#port = port;
    log.info('to be found on this network', { port });
  }

  async close(): Promise<void> {
    this.#advertiser?.close();
    this.#advertiser = null;
    this.#port = null;
    await this.#dns.close();
    await this.#server.close();
  }

  /** On every address, so that those of a later network are among them; `admits` keeps strangers out. */
  async #listen(): Promise<number> {
    try {
      return await this.#server.start('::', 0);
    } catch {
      // IPv6 is switched off here.
      return this.#server.start('0.0.0.0', 0);
    }
  }
}

const isLoopback = (address: string): boolean => /^(::1$|(::ffff:)?127\.)/i.test(address);
