import type { ErrorCode } from '../base/errors.ts';
import type { UtcMs } from '../base/units.ts';

/** How a camera is reached through the networks between: what its connection is made of, and why it is that one. */

/** Why something is not as one would wish: a code for programs, a sentence for people. */
export interface Reason {
  readonly code: ErrorCode;
  readonly text: string;
}

/** ICE candidate type of the selected pair (RFC 8445 §5.1.1), or `rtsp` for a camera reached without P2P. */
export type PathKind = 'host' | 'srflx' | 'prflx' | 'relay' | 'rtsp';

export interface CameraPath {
  readonly kind: PathKind;
  /** `address:port` of each end of the selected pair. */
  readonly local: string;
  readonly remote: string;
  readonly rttMs: number | null;
  /** Packets lost in the last 5 s, in percent, before repair by retransmission. */
  readonly lossPct: number | null;
}

/** How a NAT gives out public ports (RFC 4787 §4.1). `none`: no translation seen. */
export type NatMapping = 'none' | 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown';

/** Whom a NAT or firewall lets in (RFC 4787 §5). */
export type NatFiltering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown';

/** The classical names (RFC 3489 §5), beside. `firewall`: no translation, yet not everybody is let in. */
export type ClassicalNat =
  'open' | 'firewall' | 'full-cone' | 'restricted-cone' | 'port-restricted-cone' | 'symmetric' | 'udp-blocked' | 'unknown';

/** Ways to ask a router for an open port: RFC 6887, RFC 6886, UPnP-IGD WANIPConnection. */
export type PortMappingProtocol = 'pcp' | 'nat-pmp' | 'upnp';

/** What one end of a session tells the other of the network it is in. */
export interface NatSummary {
  readonly mapping: NatMapping;
  readonly filtering: NatFiltering;
  readonly classical: ClassicalNat;
  /** As a STUN server sees it, without a port; null when none answered. */
  readonly publicAddress: string | null;
  /** How the public port follows from the inner one (RFC 4787 §4.2.1) or from the one before. */
  readonly allocation: 'preserved' | 'sequential' | 'random' | 'unknown';
  /** Ports from one mapping to the next where it is sequential. */
  readonly allocationStep: number | null;
  /** The router opened a port when it was asked by this protocol. */
  readonly portMapping: PortMappingProtocol | null;
  /** There is a global IPv6 address. */
  readonly ipv6: boolean;
  /** The provider translates once more, behind the router: a port opened there does not reach the internet. */
  readonly cgnat: boolean;
}

export interface NatReport extends NatSummary {
  readonly at: UtcMs;
  /** Each answer of a STUN server: `address:port` of our end, of the server, and what it saw. Null: no answer. */
  readonly observations: readonly { readonly local: string; readonly server: string; readonly mapped: string | null }[];
  /** Two machines behind this router reach each other by its public address (RFC 4787 §6); null: not known. */
  readonly hairpin: boolean | null;
  /** Seconds that an idle mapping is known to have lasted; null: not measured. */
  readonly mappingLifetimeS: number | null;
  readonly portMappings: readonly {
    readonly protocol: PortMappingProtocol;
    readonly answers: boolean;
    /** `address:port` that was opened. */
    readonly external: string | null;
    readonly error: string | null;
  }[];
  readonly udpBlocked: boolean;
  /** Sentences for people about what was odd. */
  readonly notes: readonly string[];
}

/** Whether a camera's video may go through a relay, which costs whoever runs it. A month is one of UTC. */
export type RelayPolicy =
  { readonly kind: 'allow' } | { readonly kind: 'never' } | { readonly kind: 'budget'; readonly bytesPerMonth: number };

/** A candidate pair of the newest ICE generation (RFC 8445 §6.1.2). */
export interface CandidatePair {
  readonly local: string;
  readonly localKind: PathKind;
  readonly remote: string;
  readonly remoteKind: PathKind;
  readonly protocol: 'udp' | 'tcp';
  readonly state: 'waiting' | 'in-progress' | 'succeeded' | 'failed';
  readonly nominated: boolean;
  readonly rttMs: number | null;
}

/** One try for a better way. */
export interface PathAttempt {
  readonly at: UtcMs;
  readonly way: 'ice' | 'mapped-port' | 'ipv6' | 'prediction' | 'birthday';
  readonly ok: boolean;
  readonly ms: number;
  /** One sentence for people: what came of it. */
  readonly text: string;
}

/** A stretch of time with one kind of way, or with none and the reason for it. */
export interface PathSpan {
  readonly from: UtcMs;
  readonly to: UtcMs;
  readonly kind: PathKind | 'none';
  readonly reason: Reason | null;
}

/** What the NAT doctor shows of one camera's way. */
export interface PathReport {
  /** Now; null while there is none. */
  readonly path: CameraPath | null;
  /** The last 24 h, tiled exactly, oldest first. What was before the camera was added, or while the app did not run, is `none`. */
  readonly history: readonly PathSpan[];
  readonly pairs: readonly CandidatePair[];
  /** Newest first, at most 20. */
  readonly attempts: readonly PathAttempt[];
  readonly mine: NatSummary | null;
  readonly theirs: NatSummary | null;
  /** Received now, video and audio, kilobits a second. */
  readonly kbps: number | null;
  /** Bytes that came or went through a relay since the month (UTC) began. */
  readonly relayedBytesMonth: number;
  readonly relay: RelayPolicy;
  /** Plain words: why it is this path. */
  readonly why: string;
  /** Plain words: what would make it direct. Empty when it is. */
  readonly advice: readonly string[];
}

/** The share of a PathReport that a source knows. */
export interface SourcePathReport extends Pick<PathReport, 'pairs' | 'attempts' | 'mine' | 'theirs' | 'kbps' | 'why' | 'advice'> {
  /** Bytes through a relay, both ways, since the source was started, over all its sessions. One that goes down began anew at 0. */
  readonly relayedBytes: number;
}

/** What the camera sends, and why, when its uplink is thinner than its picture. */
export interface CameraQuality {
  readonly stream: 'main' | 'sub';
  /** One sentence for people; null when it is as it should be. */
  readonly reason: string | null;
  /** What the camera believes its uplink carries, kilobits a second. */
  readonly estimateKbps: number | null;
}

/** How much may be spent on a direct way where ICE finds none. */
export interface PunchSettings {
  readonly enabled: boolean;
  /** Packets of one attempt, 1..1024. */
  readonly probes: number;
  /** Packets a second, 100..1000. */
  readonly perSecond: number;
  /** An attempt ends after so long, 1..60. */
  readonly seconds: number;
}

export interface NatSettings {
  readonly punch: PunchSettings;
  /** Ask the router to open a port (PCP, NAT-PMP, UPnP-IGD). */
  readonly portMapping: boolean;
}

/** The first of two texts that people carry where there is no server. */
export interface HandOffer {
  /** Names this offer when the answer comes; good for a while, in this run of the app only. */
  readonly ticket: string;
  /** One line of text, for the camera's side. */
  readonly offer: string;
  /** The same as a QR code: rows of `1` (dark) and `0`, without the quiet zone. Null when it does not fit into one. */
  readonly qr: readonly string[] | null;
}
