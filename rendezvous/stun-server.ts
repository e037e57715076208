import type { Clock } from '../electron/base/clock.ts';
import type { Log } from '../electron/base/log.ts';
import { TokenBucket } from '../electron/base/token-bucket.ts';
import type { Endpoint } from '../peer/stun/address.ts';
import { parseStun } from '../peer/stun/message.ts';
import type { KnownAddress } from './addresses.ts';
import { SourceLimiter } from './source-limiter.ts';
import { answerBinding } from './stun-answer.ts';
import { sendUdp } from './udp-socket.ts';
import { UdpSites, type UdpSite } from './udp-sites.ts';

/** Takes the datagrams that are its own (TURN), and says so. */
export type DatagramHandler = (site: UdpSite, datagram: Buffer, from: Endpoint) => boolean;

export interface StunServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Answers a second, to all and to one address. */
  readonly perSecond: number;
  readonly perSecondPerAddress?: number;
  /** Further addresses of this machine, for RFC 5780. */
  readonly alternates?: readonly KnownAddress[];
  readonly known?: readonly KnownAddress[];
  /** Asked first about what comes to the STUN port. */
  readonly handler?: DatagramHandler | undefined;
}

/** STUN Binding over UDP with NAT behaviour discovery (RFC 8489, 5780). Answers at a bounded rate, with little more than it was asked. */
export class StunServer {
  readonly #options: StunServerOptions;
  readonly #bucket: TokenBucket;
  readonly #sources: SourceLimiter;
  #sites: UdpSites | null = null;
  #answered = 0;
  #dropped = 0;

  constructor(options: StunServerOptions) {
    const { clock, perSecond, perSecondPerAddress = perSecond } = options;
    this.#options = options;
    this.#bucket = new TokenBucket(clock, perSecond, perSecond);
    this.#sources = new SourceLimiter(clock, perSecondPerAddress, 2 * perSecondPerAddress);
  }

  /** 0 when it does not run. */
  get port(): number {
    return this.#sites?.ports[0] ?? 0;
  }

  get alternatePort(): number {
    return this.#sites?.ports[1] ?? 0;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Datagrams left unanswered because of the rate limits. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @throws CodedError `port-in-use`, `usage` when an address is not this machine's. */
  async start(bind: string, port: number): Promise<void> {
    if (this.#sites) return;
    const { clock, log, alternates = [], known = [] } = this.#options;
    const onDatagram = (site: UdpSite, datagram: Buffer, from: Endpoint) => this.#receive(site, datagram, from);
    const sites = new UdpSites({ bind, port, alternates, known, clock, log, onDatagram });
    this.#sites = sites;
    try {
      await sites.start();
    } catch (error) {
      this.#sites = null;
      await sites.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const sites = this.#sites;
    this.#sites = null;
    await sites?.close();
  }

  #receive(site: UdpSite, datagram: Buffer, from: Endpoint): void {
    if (!site.alternatePort && this.#options.handler?.(site, datagram, from)) return;
    const request = parseStun(datagram);
    if (!request) return;
    if (!this.#sources.take(from.address) || !this.#bucket.take()) {
      this.#dropped += 1;
      return;
    }
    const sites = this.#sites;
    const answer = answerBinding(request, from, {
      discovery: true,
      origin: (address, port) => sites?.change(site, address, port)?.announced ?? null,
    });
    const answering = answer && sites?.change(site, answer.changeAddress, answer.changePort);
    if (!answering) return;
    if (sendUdp(answering.socket, answer.bytes, { address: from.address, port: answer.port })) this.#answered += 1;
  }
}
