import { connect } from 'node:net';
import { discoverNat } from '../../peer/nat/discovery.ts';
import { gatewaysAllowed } from '../../peer/nat/gateway-mode.ts';
import { NatMonitor } from '../../peer/nat/monitor.ts';
import { PortMapper } from '../../peer/nat/port-mapper.ts';
import { stunServerName } from '../../peer/nat/stun-url.ts';
import type { MappedPort } from '../../peer/path/ice-gather.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

interface Options {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the router may be asked to open a port. */
  readonly portMapping: () => boolean;
  /** ws:// or wss:// URLs of the cameras' rendezvous. */
  readonly rendezvous: () => readonly string[];
}

/** STUN servers that are kept: the newest ones named. */
const MAX_SERVERS = 8;
/** Who does not answer within this is not reached, ms. */
const REACH_MS = 3_000;

/** The network this engine is in: its NAT, its router, and who outside may be asked about them. */
export class Network {
  readonly monitor: NatMonitor;
  readonly #mapper: PortMapper | null;
  readonly #options: Options;
  #servers: readonly string[] = [];

  constructor(options: Options) {
    this.#options = options;
    const { clock, log, portMapping, rendezvous } = options;
    this.#mapper = gatewaysAllowed() ? new PortMapper({ clock, log }) : null;
    this.monitor = new NatMonitor({
      clock,
      log,
      servers: () => this.#servers.flatMap((url) => stunServerName(url) ?? []),
      mapper: this.#mapper,
      portMapping,
      online: () => null,
      // That UDP is blocked can only be said where something else gets through.
      discover: async (ask) => discoverNat({ ...ask, online: await anyReached(rendezvous()) }),
    });
  }

  start(): void {
    this.monitor.start();
  }

  async close(): Promise<void> {
    await this.monitor.close();
    await this.#mapper?.close();
  }

  /** A rendezvous named these STUN servers (`stun:host:port`): new ones are asked soon. */
  named(urls: readonly string[]): void {
    const fresh = urls.some((url) => !this.#servers.includes(url));
    this.#servers = [...new Set([...urls, ...this.#servers])].slice(0, MAX_SERVERS);
    if (fresh) void this.monitor.refresh();
  }

  /** Has the router lead a port of its own to one of ours; null where it does not, or must not be asked. */
  async mapPort(port: number, address: string): Promise<MappedPort | null> {
    return this.#options.portMapping() ? ((await this.#mapper?.map(port, address)) ?? null) : null;
  }
}

/** Whether one of them can be connected to by TCP; null: there is none. */
async function anyReached(urls: readonly string[]): Promise<boolean | null> {
  if (urls.length === 0) return null;
  const tries = [...new Set(urls)].slice(0, MAX_SERVERS).map((text) => reach(new URL(text)));
  return Promise.any(tries).catch(() => false);
}

function reach(url: URL): Promise<true> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(url.port || (url.protocol === 'wss:' ? 443 : 80)), timeout: REACH_MS });
    const settle = (run: () => void) => {
      socket.destroy();
      run();
    };
    socket.on('connect', () => settle(() => resolve(true)));
    socket.on('timeout', () => settle(() => reject(new Error('no answer'))));
    socket.on('error', (error) => settle(() => reject(error)));
  });
}
