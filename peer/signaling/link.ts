import type { Clock } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import { cameraMessage, type AppMessage, type CameraMessage } from '../pairing/channel-messages.ts';
import { parseJson } from './rendezvous-messages.ts';
import type { SecureChannel } from './secure-channel.ts';

/**
 * How an app asks a camera one question, over whatever carries it: a channel at a rendezvous, or texts that people carry.
 * What comes back was written by `remotePublicKey`, for this question.
 */
export interface SignalingLink {
  /** The camera's identity, proven. */
  readonly remotePublicKey: Buffer;
  /** Of Noise: what a session that is agreed on over this link is bound to. To be asked for when `ask` has resolved. */
  readonly handshakeHash: Buffer;
  /**
   * To be called once: a camera answers one question over a link.
   * @throws CodedError `peer-absent` when no answer comes within `timeoutMs`, or why the link is lost
   */
  ask(message: AppMessage, timeoutMs: number): Promise<CameraMessage>;
}

/** A secure channel as a link. */
export function linkOf(channel: SecureChannel, clock: Clock): SignalingLink {
  return {
    remotePublicKey: channel.remotePublicKey,
    handshakeHash: channel.handshakeHash,
    ask: (message, timeoutMs) => ask(channel, clock, timeoutMs, message),
  };
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
