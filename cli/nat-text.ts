import { outlook } from '../peer/nat/outlook.ts';
import type { NatReport } from '../peer/nat/report.ts';

const MAPPING: Readonly<Record<NatReport['mapping'], string>> = {
  'none': 'none: this machine has a public address',
  'endpoint-independent': 'endpoint-independent: one public port for all destinations',
  'address-dependent': 'address-dependent: each destination address gets another public port',
  'address-and-port-dependent': 'address- and port-dependent: each destination gets another public port',
  'unknown': 'not known',
};
const FILTERING: Readonly<Record<NatReport['filtering'], string>> = {
  'endpoint-independent': 'endpoint-independent: lets everybody in',
  'address-dependent': 'address-dependent: lets in the addresses that were sent to',
  'address-and-port-dependent': 'address- and port-dependent: lets in only whom was sent to, from that very port',
  'unknown': 'not known',
};
const CLASSICAL: Readonly<Record<NatReport['classical'], string>> = {
  'open': 'open internet',
  'firewall': 'firewall without NAT',
  'full-cone': 'full cone',
  'restricted-cone': 'restricted cone',
  'port-restricted-cone': 'port-restricted cone',
  'symmetric': 'symmetric',
  'udp-blocked': 'UDP blocked',
  'unknown': 'not known',
};
const PROTOCOL = { 'pcp': 'PCP', 'nat-pmp': 'NAT-PMP', 'upnp': 'UPnP' } as const;
const yesNo = (value: boolean | null) => (value === null ? 'not known' : value ? 'yes' : 'no');

/** A report for people: what it comes to, what was observed, and which cameras will be direct. */
export function natText(report: NatReport): string {
  const facts: [string, string][] = [
    ['Mapping', MAPPING[report.mapping]],
    ['Filtering', FILTERING[report.filtering]],
    ['Also called', CLASSICAL[report.classical]],
    ['Public address', report.publicAddress ?? 'not known'],
    ['Ports', portsOf(report)],
    ['Hairpin', yesNo(report.hairpin)],
    ['IPv6', yesNo(report.ipv6)],
    ['Provider’s NAT', report.cgnat ? 'yes (CGNAT, or a second router)' : 'no sign of it'],
    ...(report.mappingLifetimeS === null ? [] : [['Unused mapping', `lives ${report.mappingLifetimeS} s at least`] as [string, string]]),
    ...report.portMappings.map(({ protocol, answers, external, error }): [string, string] => [
      PROTOCOL[protocol],
      answers
        ? `answers${external ? `, at ${external}` : ''}${error ? `, but ${error.replace(/^it /, '')}` : ''}`
        : (error ?? '').replace(/^it /, ''),
    ]),
  ];
  const seen = report.observations.map(({ local, server, mapped }) => [local, server, mapped ?? 'no answer'] as const);
  return [
    ...columns(facts),
    ...(seen.length > 0 ? ['', ...columns([['Sent from', 'to', 'and seen there as'], ...seen])] : []),
    ...report.notes.flatMap((note) => ['', note]),
    ...(report.mapping === 'unknown' && !report.udpBlocked ? [] : expectations(report)),
    '',
  ].join('\n');
}

function portsOf({ allocation, allocationStep }: NatReport): string {
  if (allocation === 'sequential') return `one after another, in steps of ${allocationStep ?? 1}`;
  return { preserved: 'kept as they are', random: 'at random', unknown: 'not known' }[allocation];
}

function expectations(report: NatReport): string[] {
  const lines = outlook(report).map(({ where, words }) => `- ${where}\n  ${words.why}`);
  return ['', 'How a camera elsewhere will be reached from here, when it is', ...lines, ...advice(report)];
}

/** What would help most, by the hardest of the cameras that can be helped. */
function advice(report: NatReport): string[] {
  const own = outlook(report).flatMap(({ words }) => words.advice.filter((text) => text.includes('this computer')));
  return own.length > 0 ? ['', 'What would help here:', ...[...new Set(own)].map((text) => `- ${text}`)] : [];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, index) => Math.max(most[index] ?? 0, cell.length)), []);
  return rows.map((row) => row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  '));
}
