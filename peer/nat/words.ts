import type { NatSummary } from './report.ts';

/** Whether two ends find a direct way, what for, and what would change it. */
export interface DirectWords {
  readonly direct: 'yes' | 'by-port-mapping' | 'by-punching' | 'relay-only';
  /** One or two sentences for people. */
  readonly why: string;
  /** Sentences for people, the most helpful first; empty when there is nothing to be gained. */
  readonly advice: readonly string[];
}

/** How the ends are called in sentences. */
export interface EndNames {
  readonly mine: string;
  readonly theirs: string;
}

const NAMES: EndNames = { mine: 'this computer', theirs: 'the camera' };

/** What can be expected between two ends that are not in the same network, by what each found out about its NAT. */
export function directBetween(mine: NatSummary, theirs: NatSummary, names: EndNames = NAMES): DirectWords {
  const ends = [
    { nat: mine, name: names.mine },
    { nat: theirs, name: names.theirs },
  ];
  const [one, other] = ends as [End, End];
  if (one.nat.ipv6 && other.nat.ipv6) {
    return { direct: 'yes', why: `Direct: ${one.name} and ${other.name} both have IPv6, where no address is translated.`, advice: [] };
  }
  const blocked = ends.filter(({ nat }) => nat.classical === 'udp-blocked');
  if (blocked.length > 0) {
    const where = blocked.map(({ name }) => name).join(' and of ');
    return {
      direct: 'relay-only',
      why: `Relayed: the network of ${where} lets no UDP out, which every direct way needs.`,
      advice: blocked.map(({ name }) => `Ask whoever runs the network of ${name} to allow UDP to the internet.`),
    };
  }
  const hard = ends.filter(({ nat }) => isHard(nat));
  const easy = ends.filter(({ nat }) => !isHard(nat));
  const unknown = ends.some(({ nat }) => nat.mapping === 'unknown' || nat.filtering === 'unknown');
  const caution = unknown ? ' This is as far as is known: one of the networks could not be looked at fully.' : '';
  if (hard.length === 0) return { direct: 'yes', why: `Direct: ${bothEasy(one, other)}${caution}`, advice: [] };

  const mapped = ends.find(({ nat }) => nat.portMapping !== null);
  const [hardEnd] = hard as [End];
  const [easyEnd] = easy;
  if (easyEnd && isOpen(easyEnd.nat)) {
    const why = `Direct: ${easyEnd.name} can be reached by anyone who knows its address, so it does not matter that ${symmetric(hardEnd)}.`;
    return { direct: 'yes', why: why + caution, advice: [] };
  }
  const problem = easyEnd
    ? `${symmetric(hardEnd)}, and the ${isTranslated(easyEnd.nat) ? 'router' : 'firewall'} of ${easyEnd.name} lets in only whom it has sent to`
    : `the routers of ${one.name} and of ${other.name} both give every destination another port (they are symmetric), so neither knows where to send`;
  if (mapped) {
    const { nat, name } = mapped;
    return {
      direct: 'by-port-mapping',
      why: `Direct, as the router of ${name} opens a port when asked (${PROTOCOL[nat.portMapping ?? 'upnp']}). Without that it would be hard: ${problem}.${caution}`,
      advice: [],
    };
  }
  const advice = adviceFor(hard, ends);
  if (easyEnd) {
    const how =
      hardEnd.nat.allocation === 'sequential' ? 'by working out the next port' : 'by trying ports, which succeeds 98 times in 100';
    return { direct: 'by-punching', why: `Direct after a few seconds, ${how}: ${problem}.${caution}`, advice };
  }
  return { direct: 'relay-only', why: `Relayed: ${problem}.${caution}`, advice };
}

interface End {
  readonly nat: NatSummary;
  readonly name: string;
}

const PROTOCOL = { 'pcp': 'PCP', 'nat-pmp': 'NAT-PMP', 'upnp': 'UPnP' } as const;

function isHard({ mapping }: NatSummary): boolean {
  return mapping === 'address-dependent' || mapping === 'address-and-port-dependent';
}

function isTranslated({ mapping }: NatSummary): boolean {
  return mapping !== 'none';
}

/** Lets in packets from another port of whom it has sent to: a peer behind a symmetric NAT comes from such a one. */
function isOpen({ filtering }: NatSummary): boolean {
  return filtering === 'endpoint-independent' || filtering === 'address-dependent';
}

function symmetric({ name }: End): string {
  return `the router of ${name} gives every destination another port (it is symmetric)`;
}

function bothEasy(one: End, other: End): string {
  const translated = [one, other].filter(({ nat }) => isTranslated(nat));
  const [only] = translated;
  if (!only) return 'both have public addresses.';
  if (translated.length === 1) return `the router of ${only.name} keeps one public port for all, and the other end has a public address.`;
  return 'the routers on both sides keep one public port for all, so each knows where to send.';
}

/** What would make the hard end easy, or the two meet elsewhere. */
function adviceFor(hard: readonly End[], ends: readonly End[]): string[] {
  const without6 = ends.filter(({ nat }) => !nat.ipv6).map(({ name }) => name);
  const gateway = hard.map(({ nat, name }) =>
    nat.cgnat
      ? `Ask the internet provider of ${name} for a public IPv4 address of its own: now it is behind the provider's NAT (CGNAT).`
      : `Switch on UPnP, NAT-PMP or PCP in the router of ${name}: then it opens a port when Keyhole asks.`,
  );
  const ipv6 = `Switch on IPv6 in the network of ${without6.join(' and of ')}${without6.length < ends.length ? ': the other end has it already' : ''}.`;
  const others = ends
    .filter(({ nat }) => !isHard(nat) && isTranslated(nat) && !nat.cgnat)
    .map(({ name }) => `Or switch on UPnP, NAT-PMP or PCP in the router of ${name}; one side is enough.`);
  return [...gateway, ...(without6.length > 0 ? [ipv6] : []), ...others];
}
