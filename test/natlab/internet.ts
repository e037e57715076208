import { cable, Machine } from './machine.ts';
import type { Namespaces } from './namespaces.ts';
import type { AttachPoint, InternetUplink } from './uplink.ts';
import type { Wire } from './wire.ts';

/** Servers are at these (RFC 5737, RFC 3849): STUN wants two of IPv4 for its tests, and a relay has its own. */
export const SERVERS = {
  rendezvous: '203.0.113.1',
  alternate: '203.0.113.2',
  relay: '203.0.113.3',
  relayAlternate: '203.0.113.4',
  /** Of a rendezvous that relays by itself. */
  relayingRendezvous: '203.0.113.5',
  rendezvous6: '2001:db8::1',
  alternate6: '2001:db8::2',
} as const;

/** The middle of the laboratory: it knows all public addresses and forwards between them; what goes elsewhere vanishes without a word. */
export class Internet extends Machine implements AttachPoint {
  readonly outermost = null;
  readonly #wire: Wire | null;
  #uplinks = 0;
  #addresses = 9;
  #subnets = 0;

  private constructor(namespace: string, wire: Wire | null) {
    super('internet', namespace, { ipv6: true });
    this.#wire = wire;
  }

  static async start(namespaces: Namespaces, wire: Wire | null): Promise<Internet> {
    const internet = new Internet(await Machine.namespace(namespaces, 'internet', { ipv6: true }), wire);
    const nowhere = new Machine('nowhere', await Machine.namespace(namespaces, 'nowhere'));
    await cable({ machine: internet, name: 'nowhere' }, { machine: nowhere, name: 'eth0' });
    await nowhere.sh('ip link set eth0 up');
    const addresses = Object.values(SERVERS).map((address) => `ip address add ${address}/${address.includes(':') ? 128 : 32} dev lo`);
    // A route that answers "unreachable" would make coturn drop a whole session.
    await internet.sh(`
      ${addresses.join('\n')}
      echo 1 >/proc/sys/net/ipv4/ip_forward
      echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
      ip link set nowhere arp off up
      ip route add default dev nowhere
      ip -6 route add default dev nowhere
      nft -f - <<END
table inet lab {
  set cut { type ifname; }
  chain in { type filter hook prerouting priority raw - 10; iifname @cut drop; }
  chain out { type filter hook postrouting priority 400; oifname @cut drop; }
  chain count { type filter hook forward priority filter; }
}
END
    `);
    return internet;
  }

  /** A public IPv4 subnet that leads to `uplink`: for hosts without NAT. */
  async routed(uplink: InternetUplink): Promise<string> {
    const subnet = `192.0.2.${16 * this.#subnets++}/28`;
    await this.sh(`ip route add ${subnet} dev ${uplink.outer} via ${uplink.address} onlink`);
    return subnet;
  }

  async attach(machine: Machine, name: string, options: { address?: string } = {}): Promise<InternetUplink> {
    const index = (this.#uplinks += 1);
    const outer = `u${index}`;
    const wire = this.#wire ? outer : null;
    const fresh = () => `198.51.100.${(this.#addresses += 1)}`;
    let address = options.address ?? fresh();
    if (this.#wire && wire) await this.#wire.join(wire, { machine: this, name: outer }, { machine, name });
    else await cable({ machine: this, name: outer }, { machine, name });
    // Of each a /56 (RFC 6177), whether it takes it or not.
    const prefix6 = machine.ipv6 ? `2001:db8:1:${index.toString(16)}00` : null;
    const route = () => this.sh(`ip route replace ${address} dev ${outer}`);
    await this.sh(`
      ip link set ${outer} up
      ${prefix6 ? `ip address add fe80::1/64 dev ${outer} nodad; ip route add ${prefix6}::/56 dev ${outer} via fe80::2` : ''}
    `);
    await route();
    await machine.sh(`
      ip address add ${address}/32 dev ${name}
      ip link set ${name} up
      ip route add default via ${SERVERS.rendezvous} dev ${name} onlink
      ${prefix6 ? `ip address add fe80::2/64 dev ${name} nodad; ip route add default via fe80::1 dev ${name}` : ''}
    `);
    const uplink: InternetUplink = {
      outer,
      wire,
      prefix6,
      get address() {
        return address;
      },
      renumber: async (next = fresh()) => {
        await this.sh(`ip route del ${address} dev ${outer}`);
        await machine.sh(`ip address add ${next}/32 dev ${name}; ip address del ${address}/32 dev ${name}`);
        address = next;
        await route();
        return address;
      },
      cut: async () => void (await this.sh(`nft add element inet lab cut { ${outer} }`)),
      mend: async () => void (await this.sh(`nft delete element inet lab cut { ${outer} }`)),
      detach: async () => void (await machine.sh(`ip link del ${name}`)),
    };
    return uplink;
  }
}
