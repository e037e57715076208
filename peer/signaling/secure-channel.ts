import { randomBytes } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import { CodedError } from '../../electron/base/errors.ts';
import type { Identity } from '../identity.ts';
import { x25519FromEd25519 } from '../keys.ts';
import { NoiseInitiator, NoiseError, type NoiseSession } from '../noise.ts';
import {
  FRAME,
  frameHeader,
  introduce,
  MAX_BODY,
  openBody,
  openIntroduction,
  parseFrame,
  prologue,
  signBody,
  type Frame,
  type Role,
} from './frames.ts';
import type { RendezvousClient, RendezvousState } from './rendezvous-client.ts';

/**
 * Messages between two identities, sealed and signed, whose bytes a rendezvous carries. Every message that comes out of
 * `messages` was written by `remotePublicKey` for this channel, comes once and in order; messages may be missing.
 */
export class SecureChannel {
  readonly messages = new Emitter<string>();
  /** It cannot be used any more: closed, or the rendezvous under it is gone. Once. */
  readonly lost = new Emitter<CodedError>();
  readonly remotePublicKey: Buffer;
  readonly remoteAddress: string;
  /** Of Noise: the same at both ends, and at no other two. */
  readonly handshakeHash: Buffer;
  readonly id: string;
  readonly #role: Role;
  readonly #session: NoiseSession;
  readonly #identity: Pick<Identity, 'sign'>;
  readonly #send: (frame: Buffer) => boolean;
  #sent = 0;
  #received = 0;
  #rejected = 0;
  #closed = false;

  constructor(options: {
    id: string;
    role: Role;
    session: NoiseSession;
    identity: Pick<Identity, 'sign'>;
    remotePublicKey: Buffer;
    remoteAddress: string;
    send: (frame: Buffer) => boolean;
  }) {
    this.id = options.id;
    this.#role = options.role;
    this.#session = options.session;
    this.#identity = options.identity;
    this.remotePublicKey = options.remotePublicKey;
    this.remoteAddress = options.remoteAddress;
    this.handshakeHash = options.session.handshakeHash;
    this.#send = options.send;
  }

  /** Messages that were altered, replayed or not the peer's: they have no effect. */
  get rejected(): number {
    return this.#rejected;
  }

  /** False when it could not be handed to the rendezvous. */
  send(message: object): boolean {
    if (this.#closed) return false;
    const body = Buffer.from(JSON.stringify(message));
    if (body.length > MAX_BODY) throw new RangeError(`a message of ${body.length} bytes is too long`);
    this.#sent += 1;
    const counter = this.#sent;
    const header = frameHeader(FRAME.transport, this.id, counter);
    const of = { kind: FRAME.transport, role: this.#role, handshakeHash: this.handshakeHash, counter } as const;
    return this.#send(Buffer.concat([header, this.#session.send.encrypt(counter, header, signBody(this.#identity.sign, of, body))]));
  }

  /** Opens a transport frame; the body, or null, and nothing changed, for anything but the peer's next message. */
  open(frame: Frame): string | null {
    const body = this.#open(frame);
    if (body === null) this.#rejected += 1;
    return body;
  }

  #open(frame: Frame): string | null {
    if (this.#closed || frame.kind !== FRAME.transport || frame.channel !== this.id || frame.counter <= this.#received) return null;
    const role = this.#role === 'initiator' ? 'responder' : 'initiator';
    try {
      const payload = this.#session.receive.decrypt(frame.counter, frame.header, frame.sealed);
      const of = { kind: FRAME.transport, role, handshakeHash: this.handshakeHash, counter: frame.counter } as const;
      const body = openBody(this.remotePublicKey, of, payload);
      if (!body) return null;
      this.#received = frame.counter;
      return body.toString('utf8');
    } catch (error) {
      if (error instanceof NoiseError) return null;
      throw error;
    }
  }

  close(reason = new CodedError('closed', 'The channel to the camera was closed.')): void {
    if (this.#closed) return;
    this.#closed = true;
    this.messages.clear();
    this.lost.emit(reason);
    this.lost.clear();
  }
}

/** The first message of a handshake is sent again after this time, then ever more slowly, ms. */
const REPEAT_MS = 400;
const MAX_REPEAT_MS = 2_000;

export interface OpenChannelOptions {
  readonly client: RendezvousClient;
  readonly identity: Identity;
  /** Pinned: an answer by anybody else is refused. */
  readonly remote: { readonly publicKey: Uint8Array; readonly address: string };
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

/**
 * Opens a channel to a camera (initiator of Noise IK). `client` must be registered.
 * @throws CodedError `peer-absent`, `identity-mismatch`, `rendezvous-unreachable`
 */
export function openChannel(options: OpenChannelOptions): Promise<SecureChannel> {
  const { client, identity, remote, clock } = options;
  const remoteStatic = x25519FromEd25519(remote.publicKey);
  if (!remoteStatic)
    return Promise.reject(new CodedError('identity-mismatch', 'The public key of the camera makes no sense: pair it again.'));
  const id = randomBytes(16).toString('base64url');
  const noise = new NoiseInitiator(
    {
      prologue: prologue(id, client.address, remote.address),
      staticKey: { privateKey: identity.noiseKey, publicKey: identity.noisePublicKey },
    },
    remoteStatic,
  );
  const first = noise.writeFirst((handshakeHash) =>
    introduce(identity, { kind: FRAME.first, role: 'initiator', handshakeHash, counter: 0 }, Buffer.from('{}')),
  );
  const listen = (resolve: (channel: SecureChannel) => void, fail: (error: Error) => void) => {
    const offs = [
      client.unreachable.on((address) => {
        if (address === remote.address)
          fail(new CodedError('peer-absent', 'The camera is not at the rendezvous: it is switched off, or has no network.'));
      }),
      client.state.on((state) => {
        if (state.kind === 'connecting') fail(rendezvousLost(client, state));
      }),
      client.ended.on(fail),
      client.messages.on(({ from, data }) => {
        const frame = from === remote.address ? parseFrame(data) : null;
        if (frame?.kind !== FRAME.second || frame.channel !== id) return;
        try {
          const { payload, handshakeHash, session } = noise.readSecond(frame.sealed);
          const opened = openIntroduction({ kind: FRAME.second, role: 'responder', handshakeHash, counter: 0 }, payload);
          if (!opened?.publicKey.equals(remote.publicKey)) throw new NoiseError('signed by another key');
          const send = (out: Buffer) => client.send(remote.address, out);
          const remotePublicKey = opened.publicKey;
          const channel = new SecureChannel({
            id,
            role: 'initiator',
            session,
            identity,
            remotePublicKey,
            remoteAddress: remote.address,
            send,
          });
          client.messages.on((message) => {
            const next = message.from === remote.address ? parseFrame(message.data) : null;
            const body = next?.kind === FRAME.transport && next.channel === id ? channel.open(next) : null;
            if (body !== null) channel.messages.emit(body);
          });
          client.state.on((state) => {
            if (state.kind === 'connecting') channel.close(rendezvousLost(client, state));
          });
          client.ended.on((error) => channel.close(error));
          resolve(channel);
        } catch (error) {
          if (!(error instanceof NoiseError)) throw error;
          fail(
            new CodedError(
              'identity-mismatch',
              'What answers at the address of the camera is not the camera that was paired: pair it again, or look who stands in between.',
            ),
          );
        }
      }),
    ];
    const frame = Buffer.concat([frameHeader(FRAME.first, id), first]);
    if (!client.send(remote.address, frame)) {
      fail(new CodedError('rendezvous-unreachable', `The rendezvous ${client.url} cannot be reached: check the network.`));
    }
    // A camera whose network has just changed may be known to the rendezvous by a connection that is dead: until it is there anew,
    // what is sent to it is lost. It takes a repetition for what it is.
    let repeatMs = REPEAT_MS;
    const repeat = () => {
      repeatMs = Math.min(MAX_REPEAT_MS, repeatMs * 1.5);
      timer = clock.setTimeout(repeat, repeatMs);
      client.send(remote.address, frame);
    };
    let timer = clock.setTimeout(repeat, repeatMs);
    offs.push(() => timer.cancel());
    return offs;
  };
  const late = () => new CodedError('peer-absent', 'The camera does not answer: it has lost its network, or is too busy.');
  return firstOf({ clock, timeoutMs: options.timeoutMs ?? 8_000, late, listen });
}

function rendezvousLost(client: RendezvousClient, state: Extract<RendezvousState, { kind: 'connecting' }>): CodedError {
  return new CodedError('rendezvous-unreachable', state.error?.message ?? `The rendezvous ${client.url} cannot be reached.`);
}
