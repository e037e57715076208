import { randomBytes } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import type { Log } from '../../electron/base/log.ts';
import { isPublicIpv4 } from './addresses.ts';
import { findGateways, type Gateway } from './gateway.ts';
import type { GatewayAnswer } from './gateway-request.ts';
import { Mapping } from './mapping.ts';
import type { MappingClient } from './mapping-client.ts';
import { NatPmpClient } from './nat-pmp-client.ts';
import { PcpClient } from './pcp-client.ts';
import type { PortMappingFinding, PortMappingProtocol } from './report.ts';
import { UpnpClient } from './upnp-client.ts';

export interface PortMapperOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly gateways?: () => Promise<readonly Gateway[]>;
  readonly random?: () => number;
  /** Those that may be used; all unless said. */
  readonly protocols?: readonly PortMappingProtocol[];
  /** Where gateways listen; those of the standards unless a test says otherwise. */
  readonly ports?: { readonly control?: number; readonly ssdp?: number };
}

/** Best first: PCP tells us about its mappings for sure, UPnP takes an HTTP server in each router. */
const PROTOCOLS: readonly PortMappingProtocol[] = ['pcp', 'nat-pmp', 'upnp'];
/** A session or two for each camera; more is a fault of ours, and home routers have a few dozen. */
const MAX_MAPPINGS = 32;
/** When nobody answered, asking again may be worth it after this time, ms: somebody may have switched UPnP on. */
const ASK_AGAIN_MS = 120_000;

interface Asked {
  readonly gateway: Gateway;
  readonly protocol: PortMappingProtocol;
  readonly answer: Promise<GatewayAnswer<MappingClient>>;
}

/** Has the gateway pass UDP ports of this machine on from its public address, by PCP, NAT-PMP or UPnP-IGD. */
export class PortMapper {
  readonly #options: PortMapperOptions;
  readonly #secret = randomBytes(32);
  readonly #mappings = new Map<string, Promise<Mapping | null>>();
  #asked: { at: number; all: Promise<readonly Asked[]> } | null = null;
  /** Counts networks. */
  #network = 0;
  #closed = false;

  constructor(options: PortMapperOptions) {
    this.#options = options;
  }

  get #protocols(): readonly PortMappingProtocol[] {
    return PROTOCOLS.filter((protocol) => this.#options.protocols?.includes(protocol) ?? true);
  }

  /** Mappings that are held or being asked for. */
  get size(): number {
    return this.#mappings.size;
  }

  /**
   * Maps a UDP port of this machine, on `localAddress` if it is bound to one. Null when no gateway does so, or its public
   * address is none: then a further NAT stands behind it, and the mapping would be of no use. Settles within seconds.
   */
  async map(localPort: number, localAddress?: string): Promise<Mapping | null> {
    const key = `${localAddress ?? ''} ${localPort}`;
    const known = this.#mappings.get(key);
    if (known) return known;
    if (this.#closed || this.#mappings.size >= MAX_MAPPINGS) return null;
    const forget = () => {
      if (this.#mappings.get(key) === mapping) this.#mappings.delete(key);
    };
    const mapping: Promise<Mapping | null> = this.#map(localPort, localAddress, forget);
    this.#mappings.set(key, mapping);
    const made = await mapping;
    if (!made?.isLive) forget();
    return made;
  }

  /** What each protocol says at the gateways of this network; the first answer of each counts. Makes no mapping. */
  async findings(): Promise<readonly PortMappingFinding[]> {
    const asked = await this.#ask();
    const answers = await Promise.all(asked.map(async ({ protocol, answer }) => ({ protocol, answer: await answer })));
    return this.#protocols.map((protocol) => {
      const own = answers.filter((one) => one.protocol === protocol).map(({ answer }) => answer);
      const client = own.flatMap((answer) => ('ok' in answer ? answer.ok : []))[0];
      if (client) return { protocol, answers: true, external: client.external, error: null };
      const failed = own.flatMap((answer) => ('error' in answer ? answer : [])).sort((a, b) => Number(b.speaks) - Number(a.speaks))[0];
      return { protocol, answers: failed?.speaks ?? false, external: null, error: failed?.error ?? 'there is no gateway' };
    });
  }

  /** The network is another, or may be: what was known of gateways counts no more, and all mappings are lost. */
  invalidate(): void {
    this.#asked = null;
    this.#network += 1;
    const mappings = [...this.#mappings.values()];
    this.#mappings.clear();
    for (const mapping of mappings) void mapping.then((made) => made?.invalidate('the network changed'));
  }

  /** Takes all mappings away. */
  async close(): Promise<void> {
    this.#closed = true;
    const mappings = [...this.#mappings.values()];
    this.#mappings.clear();
    await Promise.all(mappings.map(async (mapping) => (await mapping)?.close()));
  }

  async #map(localPort: number, localAddress: string | undefined, ended: () => void): Promise<Mapping | null> {
    const { clock, log } = this.#options;
    const network = this.#network;
    for (const { gateway, protocol, answer } of byPreference(await this.#ask())) {
      if (localAddress !== undefined && gateway.localAddress !== localAddress) continue;
      const opened = await answer;
      if (!('ok' in opened)) continue;
      const client = opened.ok;
      if (client.external !== null && !isPublicIpv4(client.external)) {
        log.info('a gateway without a public address', { protocol, gateway: gateway.address, external: client.external });
        continue;
      }
      const granted = await client.map({ internalPort: localPort, externalPort: localPort, externalAddress: null });
      if (!('ok' in granted)) {
        log.info('a gateway maps no port', { protocol, gateway: gateway.address, why: granted.error });
        continue;
      }
      const { externalAddress, externalPort } = granted.ok;
      if (this.#closed || this.#network !== network || !isPublicIpv4(externalAddress) || externalPort === 0) {
        log.info('a mapping of no use', { protocol, gateway: gateway.address, external: externalAddress });
        await client.unmap(localPort, granted.ok);
        continue;
      }
      return new Mapping({ client, localPort, granted: granted.ok, clock, ended });
    }
    return null;
  }

  /** Asks all protocols at all gateways, once a network. */
  #ask(): Promise<readonly Asked[]> {
    const { clock, gateways = findGateways, ports = {}, random = Math.random } = this.#options;
    if (this.#asked && clock.monotonic() - this.#asked.at < ASK_AGAIN_MS) return this.#asked.all;
    const previous = this.#asked?.all;
    const ask = async (): Promise<readonly Asked[]> => {
      for (const { answer } of (await previous) ?? []) if ('ok' in (await answer)) return (await previous) ?? [];
      const found = await gateways().catch(() => []);
      return found.flatMap((gateway) => {
        const common = { gateway, clock, random, secret: this.#secret };
        const open: Record<PortMappingProtocol, () => Promise<GatewayAnswer<MappingClient>>> = {
          'pcp': () => PcpClient.open({ ...common, port: ports.control }),
          'nat-pmp': () => NatPmpClient.open({ ...common, port: ports.control }),
          'upnp': () => UpnpClient.open({ ...common, port: ports.ssdp }),
        };
        return this.#protocols.map((protocol) => ({ gateway, protocol, answer: open[protocol]() }));
      });
    };
    this.#asked = { at: clock.monotonic(), all: ask() };
    return this.#asked.all;
  }
}

function byPreference(asked: readonly Asked[]): readonly Asked[] {
  return PROTOCOLS.flatMap((protocol) => asked.filter((one) => one.protocol === protocol));
}
