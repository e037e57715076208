import type { Clock } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import type { Identity } from '../identity.ts';
import { MeetingPlaces } from '../signaling/meeting-places.ts';
import { ANOTHER_MAY_DO, type LanFinder } from '../signaling/meeting.ts';
import type { AppMessage, CameraMessage } from './channel-messages.ts';
import { inviteId, parseInvite, proveSecret, tidyName, type Invite } from './invite.ts';
import type { PairedCamera } from './paired-camera.ts';

export interface PairOptions {
  readonly identity: Identity;
  /** The `keyhole:` URI. */
  readonly invite: string;
  /** How this app calls itself, for the camera's list of apps. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** For each step at each rendezvous, ms. */
  readonly timeoutMs?: number;
  /** Looks for the camera on this network too. */
  readonly lan?: LanFinder | null;
}

/**
 * Pairs with the camera that printed the invite; from then on each knows the other's identity. All rendezvous that the invite
 * names are raced, and this network. Doing it twice with one invite is harmless for the app that used it.
 * @throws CodedError `invite-malformed`, `invite-expired`, `invite-used`, `invite-wrong`, `rendezvous-unreachable`, `peer-absent`, `identity-mismatch`
 */
export async function pair(options: PairOptions): Promise<PairedCamera> {
  const { identity, clock, log, timeoutMs = 8_000, lan = null } = options;
  const invite = parseInvite(options.invite);
  const { rendezvous, secret } = invite;
  const places = new MeetingPlaces({ rendezvous, camera: invite, identity, clock, log, timeoutMs, lan });
  try {
    const reply = await places.use(({ link }) => link.ask(pairMessage(secret, link.handshakeHash, options.name), timeoutMs));
    return pairedCamera(invite, reply);
  } catch (error) {
    // Whether it has expired is for the camera's clock to say; ours explains why no camera answers to an old one.
    if (error instanceof CodedError && ANOTHER_MAY_DO.has(error.code) && invite.expires <= clock.now()) throw expired();
    throw error;
  }
}

/** Asks to be let in: shows that the invite's secret is known, in the exchange with this handshake hash only. */
export function pairMessage(secret: Uint8Array, handshakeHash: Uint8Array, appName: string): Extract<AppMessage, { type: 'pair' }> {
  const proof = proveSecret(secret, handshakeHash).toString('base64url');
  return { type: 'pair', invite: inviteId(secret), proof, name: tidyName(appName) };
}

/** What to keep of the camera that has let the app in. @throws CodedError what the camera refused with, `protocol-error` */
export function pairedCamera(invite: Invite, reply: CameraMessage): PairedCamera {
  if (reply.type === 'refused') throw new CodedError(reply.code, reply.text);
  if (reply.type !== 'paired')
    throw new CodedError('protocol-error', 'The camera answered something else than was asked: update both programs.');
  const name = tidyName(reply.name) || tidyName(invite.name) || 'Camera';
  return { publicKey: invite.publicKey.toString('base64url'), address: invite.address, rendezvous: invite.rendezvous, name };
}

export function expired(): CodedError {
  return new CodedError('invite-expired', 'This invite has expired: take the newest one that the camera shows.');
}
