import { Host, internetUplinkOf } from './host.ts';
import { Internet } from './internet.ts';
import { Machine } from './machine.ts';
import { Namespaces } from './namespaces.ts';
import { PacketCounter } from './packet-counter.ts';
import { Router, type RouterPlan } from './router.ts';
import { type AttachPoint, isAtInternet, type Uplink } from './uplink.ts';
import { type Impairment, Wire } from './wire.ts';

/** An internet of one's own, of network namespaces: hosts, routers and their NATs, and servers in the middle. README.md says more. */
export class Lab {
  readonly internet: Internet;
  /** Null when the laboratory has none: packets then take no time. */
  readonly wire: Wire | null;
  readonly #namespaces: Namespaces;

  private constructor(namespaces: Namespaces, internet: Internet, wire: Wire | null) {
    this.#namespaces = namespaces;
    this.internet = internet;
    this.wire = wire;
  }

  /** With `wired`, each way to the internet leads over a wire that can delay and lose packets; without, it takes no time. */
  static async start({ wired = false }: { wired?: boolean } = {}): Promise<Lab> {
    const namespaces = await Namespaces.start();
    try {
      const wire = wired ? await Wire.start(namespaces) : null;
      return new Lab(namespaces, await Internet.start(namespaces, wire), wire);
    } catch (error) {
      await namespaces.close();
      throw error;
    }
  }

  /** For files of what runs in here; goes with the laboratory. */
  get folder(): string {
    return this.#namespaces.folder;
  }

  /** A router at the internet, or in the LAN of another. `address` is its public one, if it matters. */
  async router(name: string, plan: RouterPlan, options: { behind?: AttachPoint; ipv6?: boolean; address?: string } = {}): Promise<Router> {
    const { behind = this.internet, ipv6 = false, address } = options;
    const namespace = await Machine.namespace(this.#namespaces, name, { ipv6 });
    const uplink = await behind.attach(new Machine(name, namespace, { ipv6 }), 'wan', address ? { address } : {});
    const router = new Router(name, namespace, { plan, behind, uplink, subnet: await this.#subnet(plan, uplink), ipv6 });
    await router.start();
    return router;
  }

  /** A host in the LAN of a router, or with a public address. */
  async host(name: string, at: AttachPoint, { ipv6 = false }: { ipv6?: boolean } = {}): Promise<Host> {
    const host = new Host(name, await Machine.namespace(this.#namespaces, name, { ipv6 }), { ipv6 });
    await host.move(at);
    return host;
  }

  /** From now on packets between the host's network and the internet fare like this, in both directions or as said for each. */
  async impair(host: Host, impairment: Impairment | { readonly up: Impairment; readonly down: Impairment }): Promise<void> {
    const { wire } = internetUplinkOf(host);
    if (!this.wire || !wire) throw new Error('this laboratory has no wires: start it with `wired`');
    const { up, down } = 'up' in impairment ? impairment : { up: impairment, down: impairment };
    await this.wire.set(wire, 'up', up);
    await this.wire.set(wire, 'down', down);
  }

  /** Counts packets from here on that go straight between the networks of these two, by whatever addresses. */
  async countBetween(one: Host, other: Host): Promise<PacketCounter> {
    return PacketCounter.start(this.internet, internetUplinkOf(one), internetUplinkOf(other));
  }

  /** Ends everything that runs in here and removes it. */
  async close(): Promise<void> {
    await this.#namespaces.close();
  }

  async #subnet({ kind, lan = '192.168.1' }: RouterPlan, uplink: Uplink): Promise<string> {
    if (kind !== 'firewall') return `${lan}.0/24`;
    if (!isAtInternet(uplink)) throw new Error('a firewall stands at the internet: its hosts have public addresses');
    return this.internet.routed(uplink);
  }
}
