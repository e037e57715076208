import { createHmac } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import type { Gateway } from './gateway.ts';
import { askGateway, SILENT, type GatewayAnswer } from './gateway-request.ts';
import { LIFETIME_S, type Granted, type MappingClient, type Wanted } from './mapping-client.ts';
import { PCP_NONCE_BYTES, readPcpAnnounce, readPcpMap, writePcpAnnounce, writePcpMap } from './pcp.ts';

interface PcpOptions {
  readonly gateway: Gateway;
  readonly clock: Clock;
  /** 32 bytes of the program's run: a gateway lets only who knows a mapping's nonce renew it, or take it away (§11.2). */
  readonly secret: Uint8Array;
  readonly port?: number | undefined;
}

/** A gateway that speaks PCP. */
export class PcpClient implements MappingClient {
  readonly protocol = 'pcp';
  readonly external = null;
  readonly #options: PcpOptions;

  private constructor(options: PcpOptions) {
    this.#options = options;
  }

  static async open(options: PcpOptions): Promise<GatewayAnswer<PcpClient>> {
    const answer = await ask(options, writePcpAnnounce, readPcpAnnounce);
    if (!answer) return SILENT;
    return 'ok' in answer ? { ok: new PcpClient(options) } : answer;
  }

  get localAddress(): string {
    return this.#options.gateway.localAddress;
  }

  async map({ internalPort, externalPort, externalAddress }: Wanted): Promise<GatewayAnswer<Granted>> {
    const mapping = { internalPort, externalPort, externalAddress: externalAddress ?? '0.0.0.0', lifetimeS: LIFETIME_S };
    return (await this.#ask(mapping)) ?? SILENT;
  }

  async unmap(internalPort: number, { externalPort, externalAddress }: Granted): Promise<void> {
    await this.#ask({ internalPort, externalPort, externalAddress, lifetimeS: 0 });
  }

  #ask(mapping: Granted & { internalPort: number }): Promise<GatewayAnswer<Granted> | null> {
    const { gateway, secret } = this.#options;
    const subject = `${gateway.address} ${mapping.internalPort}`;
    const nonce = createHmac('sha256', secret).update(subject).digest().subarray(0, PCP_NONCE_BYTES);
    const asked = { ...mapping, nonce };
    return ask(
      this.#options,
      (localAddress) => writePcpMap(localAddress, asked),
      (bytes) => readPcpMap(bytes, asked),
    );
  }
}

function ask<T>({ gateway, clock, port }: PcpOptions, write: (localAddress: string) => Buffer, read: (bytes: Buffer) => T | null) {
  return askGateway({ gateway, clock, write, read, ...(port === undefined ? {} : { port }) });
}
