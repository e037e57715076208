import type { ClassicalNat, NatFiltering, NatMapping, NatReport, NatSummary, PortMappingProtocol } from '../../electron/contract/model.ts';

/** NATs in words for people who never heard of one, beside the names of the field. */

export const CLASSICAL_NAMES: Readonly<Record<ClassicalNat, string>> = {
  'open': 'No router in between',
  'firewall': 'Firewall, no translation',
  'full-cone': 'Full cone',
  'restricted-cone': 'Restricted cone',
  'port-restricted-cone': 'Port-restricted cone',
  'symmetric': 'Symmetric',
  'udp-blocked': 'UDP blocked',
  'unknown': 'Not known',
};

/**
 * The kind to reckon with: where it is not known who is let in (that takes a STUN server with two addresses), the strictest
 * that fits what is known.
 */
function worstOf({ classical, mapping }: NatSummary): ClassicalNat {
  if (classical !== 'unknown' || mapping === 'unknown') return classical;
  if (mapping === 'none') return 'firewall';
  return mapping === 'endpoint-independent' ? 'port-restricted-cone' : 'symmetric';
}

/** Its classical name, or as much of it as is known. */
export function natName(nat: NatSummary): string {
  if (nat.classical !== 'unknown' || nat.mapping === 'unknown') return CLASSICAL_NAMES[nat.classical];
  if (nat.mapping === 'none') return 'No translation';
  return nat.mapping === 'endpoint-independent' ? 'A cone of some kind' : CLASSICAL_NAMES.symmetric;
}

const MEANING: Readonly<Record<ClassicalNat, string>> = {
  'open': 'This network has a public address of its own, and lets everybody in.',
  'firewall': 'This network has a public address of its own; a firewall lets in only who was called from inside.',
  'full-cone': 'The router keeps one door open for each program, and lets everybody in by it.',
  'restricted-cone': 'The router keeps one door for each program, and lets in whoever was called from inside before.',
  'port-restricted-cone':
    'The router keeps one door for each program, and lets in exactly whom it called before. Most routers at home are like this.',
  'symmetric':
    'The router opens another door for everybody who is called, so nobody can be told where to knock. Mobile and company networks are often like this.',
  'udp-blocked': 'This network lets no video packets (UDP) out at all.',
  'unknown': 'How the router behaves could not be found out.',
};

export function natMeaning(nat: NatSummary): string {
  const worst = worstOf(nat);
  return worst === nat.classical ? MEANING[worst] : SUPPOSED[worst];
}

/** What it comes to, as a headline. */
export function verdict(nat: NatSummary): string {
  const kind = worstOf(nat);
  if (kind === 'udp-blocked') return 'Cameras outside come through a relay';
  if (kind === 'unknown') return 'Not known, but tried all the same';
  if (opens(nat) || ['open', 'full-cone', 'restricted-cone'].includes(kind)) return 'Cameras will be direct';
  return kind === 'symmetric' ? 'Many cameras will be direct' : 'Nearly all cameras will be direct';
}

/** Behind the provider's own translation an opened port is not one of the internet. */
const opens = ({ portMapping, cgnat }: NatSummary): boolean => portMapping !== null && !cgnat;

export const MAPPING_NAMES: Readonly<Record<NatMapping, string>> = {
  'none': 'No translation',
  'endpoint-independent': 'Endpoint-independent',
  'address-dependent': 'Address-dependent',
  'address-and-port-dependent': 'Address- and port-dependent',
  'unknown': 'Not known',
};

export const FILTERING_NAMES: Readonly<Record<NatFiltering, string>> = {
  'endpoint-independent': 'Endpoint-independent',
  'address-dependent': 'Address-dependent',
  'address-and-port-dependent': 'Address- and port-dependent',
  'unknown': 'Not known',
};

const SUPPOSED: Readonly<Record<ClassicalNat, string>> = {
  ...MEANING,
  'firewall': 'No router translates in between. Whom a firewall lets in is not known; supposed is the strictest.',
  'port-restricted-cone': 'The router keeps one door for each program. Whom it lets in by it is not known; supposed is the strictest.',
};

export const PROTOCOL_NAMES: Readonly<Record<PortMappingProtocol, string>> = { 'pcp': 'PCP', 'nat-pmp': 'NAT-PMP', 'upnp': 'UPnP-IGD' };

/** `Kept as they are`, `Counted up by 2`. */
export function allocationWords({ allocation, allocationStep }: NatSummary): string {
  if (allocation === 'preserved') return 'Kept as inside';
  if (allocation === 'sequential') return `One after the other${allocationStep === null ? '' : `, ${signed(allocationStep)} each`}`;
  return allocation === 'random' ? 'At random' : 'Not known';
}

const signed = (step: number): string => (step > 0 ? `+${step}` : String(step));

const lasting = (seconds: number): string => (seconds >= 120 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds)} s`);

export const lifetimeWords = ({ mappingLifetimeS }: NatReport): string =>
  mappingLifetimeS === null ? 'Not measured' : `At least ${lasting(mappingLifetimeS)} without traffic`;

export function yesNo(value: boolean | null): string {
  if (value === null) return 'Not known';
  return value ? 'Yes' : 'No';
}

/**
 * Which cameras will be direct from here, and which will not: one sentence each, the most important first.
 * @param punching whether many ports may be tried
 */
export function outlook(nat: NatSummary, punching: boolean): string[] {
  if (nat.classical === 'udp-blocked') {
    return [
      'Cameras outside this network come through a relay, over TCP.',
      'They become direct when the firewall lets UDP out. Cameras in this network are direct in any case.',
    ];
  }
  const lines = expectations(nat, punching);
  if (nat.ipv6) lines.push('There is IPv6 here: a camera that has it too is direct, whatever the routers do.');
  if (nat.cgnat)
    lines.push('Your provider seems to share one public address among several customers: ports opened at your own router do not count.');
  return lines;
}

function expectations(nat: NatSummary, punching: boolean): string[] {
  const later = punching
    ? 'begin on a relay and usually become direct after a few seconds of trying many ports.'
    : 'go through a relay: trying many ports is switched off below.';
  if (opens(nat)) {
    return [
      `The router opens a port when Keyhole asks (${PROTOCOL_NAMES[nat.portMapping ?? 'upnp']}).`,
      'Every camera that may send UDP will be direct.',
    ];
  }
  switch (worstOf(nat)) {
    case 'unknown':
      return ['Cameras are tried directly all the same; what does not work out goes through a relay.'];
    case 'open':
    case 'full-cone':
    case 'restricted-cone':
      return ['Every camera that may send UDP will be direct.'];
    case 'symmetric':
      return [
        'Cameras behind an open or simple router will be direct.',
        `Cameras behind an ordinary router at home (port-restricted) ${later}`,
        'Cameras behind a symmetric router as well go through a relay, unless one of the two routers opens a port (UPnP, NAT-PMP or PCP).',
      ];
    default:
      return [
        'Cameras behind most routers, of homes and small shops, will be direct at once.',
        `Cameras behind a symmetric router (mobile, company) ${later}`,
      ];
  }
}
