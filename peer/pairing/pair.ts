import type { Clock } from '../../electron/base/clock.ts';
import { CodedError, type ErrorCode } from '../../electron/base/errors.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import type { Log } from '../../electron/base/log.ts';
import { freshAddressKey, type Identity } from '../identity.ts';
import { parseJson } from '../signaling/rendezvous-messages.ts';
import { RendezvousClient } from '../signaling/rendezvous-client.ts';
import { openChannel, type SecureChannel } from '../signaling/secure-channel.ts';
import { cameraMessage, type AppMessage, type CameraMessage } from './channel-messages.ts';
import { inviteId, parseInvite, proveSecret, tidyName, type Invite } from './invite.ts';
import type { PairedCamera } from './paired-camera.ts';

/**
 * Failures after which the next rendezvous is tried. What the camera itself said is final; a rendezvous that does not reach
 * it, or lies about it, must not hide it from who can meet it at another.
 */
export const ANOTHER_MAY_DO: ReadonlySet<ErrorCode> = new Set(['rendezvous-unreachable', 'peer-absent', 'identity-mismatch']);

/** Of what the rendezvous came to, what a person should hear of: somebody in between, else the last. */
export const weightiest = (failures: readonly CodedError[]): CodedError | undefined =>
  failures.find(({ code }) => code === 'identity-mismatch') ?? failures.at(-1);

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
}

/**
 * Pairs with the camera that printed the invite; from then on each knows the other's identity. Tries every rendezvous that
 * the invite names. Doing it twice with one invite is harmless for the app that used it.
 * @throws CodedError `invite-malformed`, `invite-expired`, `invite-used`, `invite-wrong`, `rendezvous-unreachable`, `peer-absent`, `identity-mismatch`
 */
export async function pair(options: PairOptions): Promise<PairedCamera> {
  const invite = parseInvite(options.invite);
  const failures: CodedError[] = [];
  for (const url of invite.rendezvous) {
    try {
      const name = await pairAt(url, invite, options);
      return { publicKey: invite.publicKey.toString('base64url'), address: invite.address, rendezvous: invite.rendezvous, name };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (!ANOTHER_MAY_DO.has(error.code)) throw error;
      failures.push(error);
    }
  }
  // Whether it has expired is for the camera's clock to say; ours explains why no camera answers to an old one.
  if (invite.expires <= options.clock.now()) throw expired();
  throw weightiest(failures) ?? new CodedError('invite-malformed', 'The invite names no rendezvous.');
}

async function pairAt(url: string, invite: Invite, options: PairOptions): Promise<string> {
  const { identity, clock, log } = options;
  const timeoutMs = options.timeoutMs ?? 8_000;
  const client = new RendezvousClient({ url, addressKey: freshAddressKey(), clock, log });
  client.start();
  try {
    await client.registered(timeoutMs);
    const channel = await openChannel({ client, identity, remote: invite, clock, timeoutMs });
    const reply = await ask(channel, clock, timeoutMs, {
      type: 'pair',
      invite: inviteId(invite.secret),
      proof: proveSecret(invite.secret, channel.handshakeHash).toString('base64url'),
      name: tidyName(options.name),
    });
    if (reply.type === 'refused') throw new CodedError(reply.code, reply.text);
    if (reply.type !== 'paired')
      throw new CodedError('protocol-error', 'The camera answered something else than was asked: update both programs.');
    return tidyName(reply.name) || tidyName(invite.name) || 'Camera';
  } finally {
    client.close();
  }
}

export function expired(): CodedError {
  return new CodedError('invite-expired', 'This invite has expired: take the newest one that the camera shows.');
}

/** Sends `message` and resolves to the camera's next message. @throws CodedError `peer-absent` when none comes, or why the channel is lost */
export function ask(channel: SecureChannel, clock: Clock, timeoutMs: number, message: AppMessage): Promise<CameraMessage> {
  return firstOf<CameraMessage>({
    clock,
    timeoutMs,
    late: () => new CodedError('peer-absent', 'The camera stopped answering: it has lost its network, or was switched off.'),
    listen: (resolve, reject) => {
      const offs = [
        channel.lost.on(reject),
        channel.messages.on((text) => {
          const reply = parseJson(cameraMessage, text);
          if (reply) resolve(reply);
        }),
      ];
      if (!channel.send(message)) reject(new CodedError('rendezvous-unreachable', 'The rendezvous was lost while the camera was asked.'));
      return offs;
    },
  });
}
