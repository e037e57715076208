import { cable, Machine } from './machine.ts';
import { natRules, type NatKind } from './nat.ts';
import { type AttachPoint, type InternetUplink, isAtInternet, type Uplink } from './uplink.ts';

export interface RouterPlan {
  readonly kind: NatKind;
  /** First three numbers of its LAN, whose first address is the router's. Not of a firewall, whose LAN is public. */
  readonly lan?: string;
  readonly hairpin?: boolean;
  /** Hosts in the LAN do not reach each other directly (client isolation of an access point). */
  readonly isolated?: boolean;
  /** How long a UDP mapping lasts that nothing goes through, in seconds; RFC 4787 §4.3 asks for 120 at least, not all give it. */
  readonly lifetimeS?: number;
}

/** The kernel tells of a plug pulled or put in some time later. */
const untilIs = (file: string, pattern: string) => `
  while :; do
    case "$(cat ${file})" in ${pattern}) break ;; esac
    sleep 0.01
  done
`;

interface RouterPlace {
  readonly plan: RouterPlan;
  readonly behind: AttachPoint;
  readonly uplink: Uplink;
  /** Of the LAN, as `192.168.1.0/24`. */
  readonly subnet: string;
  readonly ipv6: boolean;
}

/** A router with one way up, `wan`, and a switch, `lan`. */
export class Router extends Machine implements AttachPoint {
  #plan: RouterPlan;
  readonly uplink: Uplink;
  readonly outermost: InternetUplink | null;
  /** IPv4 subnet of the LAN: its numbers without the last, that of the subnet itself, and the length of its mask. */
  readonly #net: string;
  readonly #first: number;
  readonly #length: number;
  #ports = 0;

  constructor(name: string, namespace: string, options: RouterPlace) {
    super(name, namespace, { ipv6: options.ipv6 });
    this.#plan = options.plan;
    this.uplink = options.uplink;
    this.outermost = isAtInternet(options.uplink) ? options.uplink : options.behind.outermost;
    const [, net = '', first = '', length = ''] = /^(\d+\.\d+\.\d+)\.(\d+)\/(\d+)$/.exec(options.subnet) ?? [];
    this.#net = net;
    this.#first = Number(first);
    this.#length = Number(length);
  }

  get gateway(): string {
    return `${this.#net}.${this.#first + 1}`;
  }

  get subnet(): string {
    return `${this.#net}.${this.#first}/${this.#length}`;
  }

  get #prefix6(): string | null {
    return this.uplink.prefix6;
  }

  /** Sets the LAN and the rules up. */
  async start(): Promise<void> {
    await this.sh(`
      ip link add lan type bridge
      ip address add ${this.gateway}/${this.#length} dev lan
      ${this.#prefix6 ? `ip address add ${this.#prefix6}::1/64 dev lan nodad` : ''}
      ip link set lan up
      echo 1 >/proc/sys/net/ipv4/ip_forward
      ${this.ipv6 ? 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding' : ''}
    `);
    await this.#load();
  }

  async attach(machine: Machine, name: string, options: { address?: string } = {}): Promise<Uplink> {
    const index = (this.#ports += 1);
    const port = `p${index}`;
    const last = this.#first + (this.#length === 24 ? 9 : 1) + index;
    const address = options.address ?? `${this.#net}.${last}`;
    await cable({ machine: this, name: port }, { machine, name });
    await this.sh(`
      ip link set ${port} master lan up
      ${this.#plan.isolated ? `ip link set ${port} type bridge_slave isolated on` : ''}
    `);
    const prefix6 = machine.ipv6 ? this.#prefix6 : null;
    await machine.sh(`
      ip address add ${address}/${this.#length} dev ${name}
      ${prefix6 ? `ip address add ${prefix6}::${last}/64 dev ${name} nodad` : ''}
      ip link set ${name} up
      ip route add default via ${this.gateway}
      ${prefix6 ? `ip route add default via ${prefix6}::1` : ''}
    `);
    return {
      address,
      prefix6,
      cut: async () => {
        await this.sh(`ip link set ${port} down`);
        await machine.sh(untilIs(`/sys/class/net/${name}/operstate`, '*down'));
      },
      mend: async () => {
        await this.sh(`ip link set ${port} up\n${untilIs(`/sys/class/net/${port}/brport/state`, '3')}`);
        // Else a neighbour that was asked for meanwhile is asked for again only after a second.
        await machine.sh(`${untilIs(`/sys/class/net/${name}/operstate`, 'up')}\nip neigh flush dev ${name}`);
      },
      detach: async () => void (await machine.sh(`ip link del ${name}`)),
    };
  }

  /** Turns into another router in its place. UDP mappings are forgotten; TCP connections live on. */
  async become(plan: Omit<RouterPlan, 'lan'>): Promise<void> {
    if ((plan.kind === 'firewall') !== (this.#plan.kind === 'firewall'))
      throw new Error('the LAN of a firewall is public: that of others is not');
    this.#plan = { ...this.#plan, hairpin: false, isolated: false, ...plan };
    const isolated = this.#plan.isolated ? 'on' : 'off';
    await this.sh(`for port in /sys/class/net/lan/brif/*; do ip link set "\${port##*/}" type bridge_slave isolated ${isolated}; done`);
    await this.#load();
    await this.forget('udp');
  }

  /** As after a restart: all mappings and connections are unknown; with `udp`, those of UDP only, as of a router that runs out of room. */
  async forget(what: 'all' | 'udp' = 'all'): Promise<void> {
    await this.sh(`
      conntrack ${what === 'udp' ? '-D -p udp' : '-F'} >/dev/null 2>&1 || true
      nft flush map ip nat cone 2>/dev/null || true
    `);
  }

  /** Another public address, as some providers give each night, or after a reconnection. @returns the new one */
  async renumber(address?: string): Promise<string> {
    if (!isAtInternet(this.uplink)) throw new Error(`${this.name} is not at the internet itself`);
    const next = await this.uplink.renumber(address);
    await this.#load();
    await this.forget();
    return next;
  }

  /** No UDP through it in either direction any more, of running flows neither; without a word to who sends it. */
  async blockUdp(): Promise<void> {
    await this.sh(
      'nft add table inet block; nft "add chain inet block forward { type filter hook forward priority -100; }"; nft add rule inet block forward meta l4proto udp drop',
    );
  }

  async unblockUdp(): Promise<void> {
    await this.sh('nft delete table inet block');
  }

  async #load(): Promise<void> {
    const { kind, hairpin = false, lifetimeS = 120 } = this.#plan;
    const rules = natRules(kind, { wan: this.uplink.address, lan: this.subnet, hairpin, lifetimeS });
    // The first is of flows without an answer yet: 30 s, or less.
    await this.sh(`
      nft -f - <<'END'\n${rules}\nEND
      cd /proc/sys/net/netfilter
      echo ${Math.min(lifetimeS, 30)} >nf_conntrack_udp_timeout
      echo ${lifetimeS} >nf_conntrack_udp_timeout_stream
    `);
  }
}
