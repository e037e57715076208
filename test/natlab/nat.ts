/** What the routers of the laboratory do to packets. The words are those of RFC 4787 (§4.1 mapping, §5 filtering). */

export type Mapping = 'none' | 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';
export type Filtering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/**
 * Kinds of one router. `firewall` lets replies in and translates nothing; `udp-blocked` translates, and lets nothing out but
 * TCP to port 443; `symmetric-sequential` gives out its ports in equal steps; `address-dependent` has one mapping for each
 * address spoken to. Beside the classical names of RFC 3489.
 */
export type NatKind =
  | 'firewall'
  | 'full-cone'
  | 'restricted-cone'
  | 'port-restricted-cone'
  | 'symmetric'
  | 'symmetric-sequential'
  | 'address-dependent'
  | 'udp-blocked';

export interface Behaviour {
  readonly mapping: Mapping;
  readonly filtering: Filtering;
  /** The public port is the private one where it is free (RFC 4787 §4.2.1). */
  readonly preservesPort: boolean;
  /** One port after another, by the same step, for each new mapping. */
  readonly sequential: boolean;
}

const cone = (filtering: Filtering): Behaviour => ({ mapping: 'endpoint-independent', filtering, preservesPort: true, sequential: false });
const symmetric = (mapping: Mapping, sequential: boolean): Behaviour => ({
  mapping,
  filtering: 'address-and-port-dependent',
  preservesPort: false,
  sequential,
});

/** What each kind is meant to be; nat.test.ts proves it of the rules below. */
export const BEHAVIOUR: Readonly<Record<Exclude<NatKind, 'udp-blocked'>, Behaviour>> = {
  'firewall': { mapping: 'none', filtering: 'address-and-port-dependent', preservesPort: true, sequential: false },
  'full-cone': cone('endpoint-independent'),
  'restricted-cone': cone('address-dependent'),
  'port-restricted-cone': cone('address-and-port-dependent'),
  'symmetric': symmetric('address-and-port-dependent', false),
  'symmetric-sequential': symmetric('address-and-port-dependent', true),
  'address-dependent': symmetric('address-dependent', false),
};

export interface NatPlace {
  /** Public IPv4 address. */
  readonly wan: string;
  /** IPv4 subnet of the hosts. */
  readonly lan: string;
  /** Hosts behind it reach each other by their public addresses (RFC 4787 §6); of cones only. */
  readonly hairpin: boolean;
  /** So long a mapping lasts that nothing goes through, in seconds. */
  readonly lifetimeS: number;
}

/**
 * Of what comes from outside, only what belongs to something known comes in. Without it a packet that comes too early would
 * leave an entry in the connection table, and that would change the mapping of what goes out later.
 */
const base = (kind: NatKind, { wan }: NatPlace) => `
table inet base
delete table inet base
table inet base {
  chain input {
    type filter hook input priority filter
    iifname wan ct state established,related accept
    iifname wan meta l4proto { icmp, icmpv6 } accept
    iifname wan drop
    iifname lan ip daddr ${wan} drop
  }
  chain forward {
    type filter hook forward priority filter
    iifname wan ct state established,related accept
    iifname wan ct status dnat accept
    iifname wan drop
    ${kind === 'udp-blocked' ? 'iifname lan tcp dport != 443 drop; iifname lan meta l4proto != tcp drop' : ''}
  }
}
`;

/** What a cone's filter looks at: of a packet that goes out, of one that comes in, and of one from a neighbour by the hairpin. */
interface Key {
  readonly type: string;
  readonly out: string;
  readonly in: string;
  /** A neighbour counts by its public endpoint: our own address, at which it sends, and the port it has here, as ports are preserved. */
  readonly near: string;
}

const KEYS: Readonly<Partial<Record<NatKind, Key>>> = {
  'full-cone': { type: 'inet_service', out: 'udp sport', in: 'udp dport', near: 'udp dport' },
  'restricted-cone': {
    type: 'inet_service . ipv4_addr',
    out: 'udp sport . ip daddr',
    in: 'udp dport . ip saddr',
    near: 'udp dport . ip daddr',
  },
  'port-restricted-cone': {
    type: 'inet_service . ipv4_addr . inet_service',
    out: 'udp sport . ip daddr . udp dport',
    in: 'udp dport . ip saddr . udp sport',
    near: 'udp dport . ip daddr . udp sport',
  },
};

/** A cone remembers which of its hosts a public port belongs to, for whom the filter lets in: beyond what the connection table does. */
const coneRules = (key: Key, { wan, lan, hairpin, lifetimeS }: NatPlace) => `
  map cone {
    type ${key.type} : ipv4_addr . inet_service
    flags dynamic,timeout
    timeout ${lifetimeS}s
    size 65535
  }
  chain learn {
    type filter hook postrouting priority 300
    oifname wan ct direction original meta l4proto udp update @cone { ${key.out} : ct original ip saddr . ct original proto-src }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    iifname wan ip daddr ${wan} meta l4proto udp dnat ip to ${key.in} map @cone
    ${hairpin ? `iifname lan ip daddr ${wan} meta l4proto udp dnat ip to ${key.near} map @cone` : ''}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname wan masquerade
    ${hairpin ? `oifname lan ct status dnat ip saddr ${lan} snat ip to ${wan}` : ''}
  }
  ${hairpin ? learnNear(key, wan) : ''}
`;

/** Before the translation, as the first packet to a neighbour that does not expect it yet goes no further than to here. */
const learnNear = ({ out }: Key, wan: string) => `
  chain near {
    type filter hook prerouting priority dstnat - 10
    iifname lan ip daddr ${wan} meta l4proto udp update @cone { ${out} : ip saddr . udp sport }
  }
`;

const translation = (kind: NatKind, { wan }: NatPlace): string => {
  const ports = 'mod 20000';
  const rule = {
    'symmetric': 'oifname wan masquerade fully-random',
    'symmetric-sequential': `oifname wan meta l4proto udp snat ip to ${wan} : numgen inc ${ports} offset 30000\n    oifname wan masquerade`,
    'address-dependent': `oifname wan meta l4proto udp snat ip to ${wan} : jhash ip daddr . udp sport ${ports} seed 0x4b48 offset 30000\n    oifname wan masquerade`,
  }[kind as string];
  return `
  chain postrouting {
    type nat hook postrouting priority srcnat
    ${rule ?? 'oifname wan masquerade'}
  }
`;
};

/**
 * The rules for `nft -f`, of a router whose interfaces are called `wan` and `lan`. They replace those before in one step: what is
 * begun without any would stay untranslated for good.
 */
export function natRules(kind: NatKind, place: NatPlace): string {
  if (kind === 'firewall') return base(kind, place);
  const key = place.hairpin || kind === 'full-cone' || kind === 'restricted-cone' ? KEYS[kind] : undefined;
  if (place.hairpin && !key) throw new Error(`a hairpin is of cones, not of ${kind}`);
  return `${base(kind, place)}
table ip nat
delete table ip nat
table ip nat {
${key ? coneRules(key, place) : translation(kind, place)}
}
`;
}
