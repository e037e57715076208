import type { Clock } from '../../electron/base/clock.ts';
import type { Gateway } from './gateway.ts';
import { askGateway, SILENT, type GatewayAnswer } from './gateway-request.ts';
import { LIFETIME_S, type Granted, type MappingClient, type Wanted } from './mapping-client.ts';
import { readPmpAddress, readPmpMap, writePmpAddress, writePmpMap, type PmpMapping } from './nat-pmp.ts';

interface PmpOptions {
  readonly gateway: Gateway;
  readonly clock: Clock;
  readonly port?: number | undefined;
}

/** A gateway that speaks NAT-PMP. */
export class NatPmpClient implements MappingClient {
  readonly protocol = 'nat-pmp';
  readonly external: string;
  readonly #options: PmpOptions;

  private constructor(options: PmpOptions, external: string) {
    this.#options = options;
    this.external = external;
  }

  static async open(options: PmpOptions): Promise<GatewayAnswer<NatPmpClient>> {
    const answer = await askAddress(options);
    return 'ok' in answer ? { ok: new NatPmpClient(options, answer.ok) } : answer;
  }

  get localAddress(): string {
    return this.#options.gateway.localAddress;
  }

  async map({ internalPort, externalPort }: Wanted): Promise<GatewayAnswer<Granted>> {
    const answer = await this.#ask({ internalPort, externalPort, lifetimeS: LIFETIME_S });
    if (!answer) return SILENT;
    if ('error' in answer) return answer;
    // The address may have changed since the last time.
    const address = await askAddress(this.#options);
    return 'ok' in address ? { ok: { ...answer.ok, externalAddress: address.ok } } : address;
  }

  async unmap(internalPort: number): Promise<void> {
    await this.#ask({ internalPort, externalPort: 0, lifetimeS: 0 });
  }

  #ask(mapping: PmpMapping): Promise<GatewayAnswer<PmpMapping> | null> {
    return ask(this.#options, writePmpMap(mapping), (bytes) => readPmpMap(bytes, mapping.internalPort));
  }
}

async function askAddress(options: PmpOptions): Promise<GatewayAnswer<string>> {
  return (await ask(options, writePmpAddress(), readPmpAddress)) ?? SILENT;
}

function ask<T>({ gateway, clock, port }: PmpOptions, question: Buffer, read: (bytes: Buffer) => T | null): Promise<T | null> {
  return askGateway({ gateway, clock, write: () => question, read, ...(port === undefined ? {} : { port }) });
}
