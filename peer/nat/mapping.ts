import type { Clock, Timer } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import type { GatewayAnswer } from './gateway-request.ts';
import { LIFETIME_S, type Granted, type MappingClient } from './mapping-client.ts';
import type { PortMappingProtocol } from './report.ts';

/** A gateway that grants a second is not asked every half second. */
const LEAST_RENEW_S = 30;
const MOST_LIFETIME_S = 86_400;

/**
 * A UDP port of this machine that the gateway passes on from its public address. Renewed at half its lifetime; when that fails
 * until it has run out, or comes to another public address or port, it is `lost`: then map anew.
 */
export class Mapping {
  /** Once at most, with the reason; not after `close`. */
  readonly lost = new Emitter<string>();
  readonly localPort: number;
  readonly localAddress: string;
  readonly protocol: PortMappingProtocol;
  readonly externalAddress: string;
  readonly externalPort: number;
  readonly #client: MappingClient;
  readonly #clock: Clock;
  readonly #ended: () => void;
  #granted: Granted;
  #expires = 0;
  #timer: Timer | null = null;
  #live = true;
  #renewing: Promise<void> = Promise.resolve();

  /** `ended` is called when it is closed or lost. */
  constructor(options: { client: MappingClient; localPort: number; granted: Granted; clock: Clock; ended: () => void }) {
    const { client, granted } = options;
    this.localPort = options.localPort;
    this.localAddress = client.localAddress;
    this.protocol = client.protocol;
    this.externalAddress = granted.externalAddress;
    this.externalPort = granted.externalPort;
    this.#client = client;
    this.#clock = options.clock;
    this.#ended = options.ended;
    this.#granted = granted;
    this.#extend(granted);
  }

  /** As granted last; 0: without an end. */
  get lifetimeS(): number {
    return this.#granted.lifetimeS;
  }

  get isLive(): boolean {
    return this.#live;
  }

  /** Takes it away at the gateway. Resolves when that has answered, or does not; does not reject. */
  async close(): Promise<void> {
    if (!this.#end()) return;
    await this.#renewing;
    await this.#client.unmap(this.localPort, this.#granted);
  }

  /** Holds no longer, whatever the gateway believes. */
  invalidate(reason: string): void {
    const { lost } = this;
    if (this.#end()) lost.emit(reason);
  }

  #end(): boolean {
    if (!this.#live) return false;
    this.#live = false;
    this.#timer?.cancel();
    this.#ended();
    return true;
  }

  /** One without an end is renewed too: a gateway that restarts forgets it. */
  #extend(granted: Granted): void {
    this.#granted = granted;
    const lifetimeS = Math.min(granted.lifetimeS || LIFETIME_S, MOST_LIFETIME_S);
    this.#expires = this.#clock.monotonic() + lifetimeS * 1000;
    this.#renewIn(lifetimeS / 2);
  }

  #renewIn(seconds: number): void {
    this.#timer = this.#clock.setTimeout(() => (this.#renewing = this.#renew()), Math.max(LEAST_RENEW_S, seconds) * 1000);
  }

  async #renew(): Promise<void> {
    const { externalPort, externalAddress } = this;
    const answer: GatewayAnswer<Granted> = await this.#client.map({ internalPort: this.localPort, externalPort, externalAddress });
    if (!this.#live) {
      if ('ok' in answer) this.#granted = answer.ok;
      return;
    }
    if ('ok' in answer) {
      const same = answer.ok.externalAddress === externalAddress && answer.ok.externalPort === externalPort;
      if (same) return this.#extend(answer.ok);
      this.invalidate('the gateway moved it to another address or port');
      return this.#client.unmap(this.localPort, answer.ok);
    }
    const leftS = (this.#expires - this.#clock.monotonic()) / 1000;
    if (leftS <= 0) this.invalidate(`it ran out and is not renewed: ${answer.error}`);
    else this.#renewIn(Math.min(leftS, leftS / 2 + LEAST_RENEW_S));
  }
}
