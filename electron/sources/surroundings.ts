import type { Clock } from '../base/clock.ts';
import type { Emitter } from '../base/emitter.ts';
import type { Log } from '../base/log.ts';
import type { NatReport, PunchSettings, Reason } from '../contract/model.ts';
import type { Identity } from '../../peer/identity.ts';
import type { MappedPort } from '../../peer/path/ice-gather.ts';
import type { ViewerSession } from '../../peer/session/viewer-session.ts';
import type { LanFinder } from '../../peer/signaling/meeting.ts';

/** What is known of the NAT that this machine is behind. */
export interface NatMonitor {
  /** Null until somebody has looked, and while nobody could. */
  readonly current: NatReport | null;
  /** Another address, another interface, another network: what a session knew of its way may be wrong. */
  readonly networkChanged: Emitter<void>;
  /** `current` is another one than before. */
  readonly changed: Emitter<void>;
  /** Looks again; `current` is new when it resolves. Never rejects: what cannot be found out is `unknown` in the report. */
  refresh(): Promise<void>;
}

/** What one camera may spend on relays. */
export interface RelayControl {
  /** Whether its video may go through a relay at this moment. */
  allowed(): boolean;
  /** Why it may not (`relay-not-allowed`, `relay-budget-spent`), in a sentence for people; null while it may. */
  refusal(): Reason | null;
  /** The answer of `allowed` became another one. */
  readonly changed: Emitter<void>;
}

/** What every source works with. */
export interface SourceContext {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly natMonitor: NatMonitor;
  /** Finds cameras on the networks of this machine, for all sources; null: nobody looks there. */
  readonly lan: LanFinder | null;
  /** The session that was agreed on by hand with the camera that has this key (base64url), if there is one: whoever takes it closes it. */
  takeSession(publicKey: string): ViewerSession | null;
  /** Asked at each attempt: it is a setting. */
  punchBudget(): PunchSettings;
  /** Has the router lead a port of its own to one of ours; null where it does not, or must not be asked: it is a setting. */
  mapPort(port: number, address: string): Promise<MappedPort | null>;
  /** To be told the STUN servers that a rendezvous names (`stun:host:port`): they are asked about our NAT. */
  stunServers(urls: readonly string[]): void;
}

/** What the source of one camera works with. */
export interface CameraContext extends SourceContext {
  readonly relay: RelayControl;
}
