import type { Clock } from '../../electron/base/clock.ts';
import type { Gateway } from './gateway.ts';
import { SILENT, type GatewayAnswer } from './gateway-request.ts';
import { LIFETIME_S, type Granted, type MappingClient, type Wanted } from './mapping-client.ts';
import { searchUpnp } from './ssdp.ts';
import { UPNP_ERROR, UpnpIgd } from './upnp-igd.ts';

interface UpnpOptions {
  readonly gateway: Gateway;
  readonly clock: Clock;
  /** For the choice of other ports when the one wanted is taken. */
  readonly random: () => number;
  readonly port?: number | undefined;
}

/** Ports that are tried: the one wanted, then random ones. */
const ATTEMPTS = 4;

/** A gateway that speaks UPnP-IGD. */
export class UpnpClient implements MappingClient {
  readonly protocol = 'upnp';
  readonly external: string;
  readonly #igd: UpnpIgd;
  readonly #options: UpnpOptions;

  private constructor(options: UpnpOptions, igd: UpnpIgd, external: string) {
    this.#options = options;
    this.#igd = igd;
    this.external = external;
  }

  static async open(options: UpnpOptions): Promise<GatewayAnswer<UpnpClient>> {
    const { gateway, clock, port } = options;
    let answer: GatewayAnswer<{ igd: UpnpIgd; external: string }> = SILENT;
    for (const device of await searchUpnp({ gateway, clock, ...(port === undefined ? {} : { port }) })) {
      answer = await UpnpIgd.open(device, clock);
      if ('ok' in answer) return { ok: new UpnpClient(options, answer.ok.igd, answer.ok.external) };
    }
    return answer;
  }

  get localAddress(): string {
    return this.#options.gateway.localAddress;
  }

  async map({ internalPort, externalPort: wanted }: Wanted): Promise<GatewayAnswer<Granted>> {
    let externalPort = wanted || internalPort;
    let leaseS = LIFETIME_S;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#igd.add({ internalPort, externalPort, leaseS });
      if ('ok' in answer) break;
      // Routers of the first version know only mappings without an end; some, only equal ports.
      if (answer.code === UPNP_ERROR.onlyPermanentLeases && leaseS > 0) leaseS = 0;
      else if (answer.code === UPNP_ERROR.samePortRequired && externalPort !== internalPort) externalPort = internalPort;
      else if (answer.code === UPNP_ERROR.conflict && attempt < ATTEMPTS)
        externalPort = 49_152 + Math.floor(this.#options.random() * 16_384);
      else return { error: answer.error, speaks: true };
    }
    const address = await this.#igd.externalAddress();
    if ('ok' in address) return { ok: { externalAddress: address.ok, externalPort, lifetimeS: leaseS } };
    await this.#igd.remove(externalPort);
    return { error: address.error, speaks: true };
  }

  async unmap(_internalPort: number, { externalPort }: Granted): Promise<void> {
    await this.#igd.remove(externalPort);
  }
}
