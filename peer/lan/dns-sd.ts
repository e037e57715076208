import { AUTHORITATIVE_ANSWER as AUTHORITATIVE, decode, encode, type Answer, type Packet, type RecordType } from 'dns-packet';
import { isAddress } from '../identity.ts';

/** What cameras say of themselves on a LAN: DNS-SD (RFC 6763) by multicast DNS (RFC 6762). Names hold hashes of keys, nothing else. */

const SERVICE = '_keyhole._tcp.local';
/** RFC 6763 §9: what kinds of services there are. */
const KINDS = '_services._dns-sd._udp.local';
/** RFC 6762 §10: of what depends on an address, and of the rest, s; and the longest a record may claim here. */
const HOST_TTL = 120;
const SHARED_TTL = 4500;
export const MAX_TTL = HOST_TTL;
/** RFC 6762 §6.7: of what is told to a resolver that is none of multicast DNS, s. */
const LEGACY_TTL = 10;
/** More is of no camera: ours are below 400. */
const MAX_BYTES = 1500;
const MAX_RECORDS = 64;
/** Ports that any user may listen at: a camera takes a free one. */
const MIN_PORT = 1024;
/** What every message about our service holds somewhere: all others are not even read. */
const MARKS = [Buffer.from('\x08_keyhole'), Buffer.from('\x09_services')];

const instanceOf = (address: string): string => `${address}.${SERVICE}`;
const hostOf = (address: string): string => `${address}.local`;

/** A camera as a message names it. */
export interface Seen {
  readonly address: string;
  readonly port: number;
  /** Its IPv6 addresses, as it says. */
  readonly ipv6: readonly string[];
  /** s; 0 when it is leaving. */
  readonly ttl: number;
}

export interface LanQuery {
  readonly kind: 'query';
  readonly id: number;
  readonly questions: readonly { readonly name: string; readonly type: string }[];
  /** Instances that the asking one knows already (RFC 6762 §7.1). */
  readonly known: readonly string[];
}

export type LanMessage = LanQuery | { readonly kind: 'answer'; readonly cameras: readonly Seen[] };

/** Null for all that is not about our service, or not well made. Never throws. */
export function readMessage(data: Buffer): LanMessage | null {
  if (data.length < 12 || data.length > MAX_BYTES || !MARKS.some((mark) => data.includes(mark))) return null;
  let records = 0;
  for (let at = 4; at < 12; at += 2) records += data.readUInt16BE(at);
  if (records > MAX_RECORDS) return null;
  let packet: Packet;
  try {
    packet = decode(data);
  } catch {
    return null;
  }
  if (packet.type === 'query') {
    const questions = (packet.questions ?? []).map(({ name, type }) => ({ name: name.toLowerCase(), type }));
    const known = (packet.answers ?? []).flatMap((answer) =>
      answer.type === 'PTR' && answer.name.toLowerCase() === SERVICE && (answer.ttl ?? 0) >= SHARED_TTL / 2
        ? [answer.data.toLowerCase()]
        : [],
    );
    return { kind: 'query', id: packet.id ?? 0, questions, known };
  }
  const all = [...(packet.answers ?? []), ...(packet.additionals ?? [])];
  return { kind: 'answer', cameras: all.flatMap((record) => seenIn(record, all)) };
}

function seenIn(record: Answer, all: readonly Answer[]): Seen[] {
  if (record.type !== 'SRV' || !record.name.toLowerCase().endsWith(`.${SERVICE}`)) return [];
  const address = record.name.slice(0, -SERVICE.length - 1).toLowerCase();
  const { port, target } = record.data;
  if (!isAddress(address) || port < MIN_PORT) return [];
  const host = target.toLowerCase();
  const ipv6 = all.flatMap((other) => (other.type === 'AAAA' && other.name.toLowerCase() === host ? [other.data] : []));
  return [{ address, port, ipv6, ttl: Math.min(record.ttl ?? 0, MAX_TTL) }];
}

/** Asks for all cameras there are: it does not tell which one is looked for. */
export function browseQuery(): Buffer {
  return encode({ type: 'query', id: 0, questions: [{ name: SERVICE, type: 'PTR' }] });
}

export interface Offer {
  readonly address: string;
  readonly port: number;
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** Whether `query` asks for something of the camera at `address`, and does not know it yet. */
export function concerns(query: LanQuery, address: string): boolean {
  return !query.known.includes(instanceOf(address)) && query.questions.some((question) => isAbout(question, address));
}

function isAbout({ name, type }: LanQuery['questions'][number], address: string): boolean {
  const types: readonly string[] =
    name === SERVICE || name === KINDS
      ? ['PTR']
      : name === instanceOf(address)
        ? ['SRV', 'TXT']
        : name === hostOf(address)
          ? ['A', 'AAAA']
          : [];
  return types.length > 0 && (type === 'ANY' || types.includes(type));
}

/** All that there is to say of a camera, for everybody: an announcement, and an answer (RFC 6762 §8.3, §6). */
export function announcement(offer: Offer): Buffer {
  return encode({ type: 'response', id: 0, flags: AUTHORITATIVE, answers: recordsOf(offer, true) });
}

/** The same taken back (RFC 6762 §10.1). */
export function goodbye(offer: Offer): Buffer {
  const answers = recordsOf(offer, true).map((record) => ({ ...record, ttl: 0 }) as Answer);
  return encode({ type: 'response', id: 0, flags: AUTHORITATIVE, answers });
}

/** The same for one resolver that is none of multicast DNS (RFC 6762 §6.7). */
export function legacyAnswer(offer: Offer, query: LanQuery): Buffer {
  const asked = query.questions.find((question) => isAbout(question, offer.address));
  const questions = asked ? [{ name: asked.name, type: asked.type as RecordType }] : [];
  const answers = recordsOf(offer, false).map((record) => ({ ...record, ttl: LEGACY_TTL }) as Answer);
  return encode({ type: 'response', id: query.id, flags: AUTHORITATIVE, questions, answers });
}

function recordsOf({ address, port, ipv4, ipv6 }: Offer, flush: boolean): Answer[] {
  const target = hostOf(address);
  return [
    { name: SERVICE, type: 'PTR', ttl: SHARED_TTL, data: instanceOf(address) },
    { name: KINDS, type: 'PTR', ttl: SHARED_TTL, data: SERVICE },
    { name: instanceOf(address), type: 'SRV', ttl: HOST_TTL, flush, data: { priority: 0, weight: 0, port, target } },
    // RFC 6763 §6.1: there must be one, and ours says nothing.
    { name: instanceOf(address), type: 'TXT', ttl: SHARED_TTL, flush, data: '' },
    ...ipv4.map((data): Answer => ({ name: target, type: 'A', ttl: HOST_TTL, flush, data })),
    ...ipv6.map((data): Answer => ({ name: target, type: 'AAAA', ttl: HOST_TTL, flush, data })),
  ];
}
