import type { Clock } from '../electron/base/clock.ts';
import type { Log } from '../electron/base/log.ts';
import { gatewaysAllowed } from '../peer/nat/gateway-mode.ts';
import { NatMonitor } from '../peer/nat/monitor.ts';
import { PortMapper } from '../peer/nat/port-mapper.ts';
import { summaryOf, type NatSummary } from '../peer/nat/report.ts';
import { stunServerName } from '../peer/nat/stun-url.ts';
import type { MappedPort } from '../peer/path/ice-gather.ts';
import type { CameraPeer } from './camera-peer.ts';

/** What the camera knows of the network it is in, and asks of its router. */
export class CameraNetwork {
  readonly #mapper: PortMapper | null;
  readonly #monitor: NatMonitor;
  #peer: CameraPeer | null = null;

  constructor(options: { clock: Clock; log: Log }) {
    const { clock, log } = options;
    // Who keeps the program off its own networks does not want the router asked either.
    this.#mapper = gatewaysAllowed() ? new PortMapper({ clock, log: log.child('mapper') }) : null;
    this.#monitor = new NatMonitor({
      clock,
      log,
      servers: () => (this.#peer?.stun ?? []).flatMap((url) => stunServerName(url) ?? []),
      mapper: this.#mapper,
      online: () => this.#peer?.isRegistered ?? null,
    });
  }

  /** Null until it was found out. */
  get nat(): NatSummary | null {
    const { current } = this.#monitor;
    return current && summaryOf(current);
  }

  async mapPort(port: number): Promise<MappedPort | null> {
    return (await this.#mapper?.map(port)) ?? null;
  }

  /** From now on the peer is told what changes, and asked for the servers that its rendezvous name. */
  start(peer: CameraPeer): void {
    this.#peer = peer;
    this.#monitor.networkChanged.on(() => peer.networkChanged());
    this.#monitor.changed.on(() => peer.natChanged());
    peer.serversChanged.on(() => void this.#monitor.refresh());
    this.#monitor.start();
  }

  /** Takes back what the router was asked for. */
  async close(): Promise<void> {
    await this.#monitor.close();
    await this.#mapper?.close();
  }
}
