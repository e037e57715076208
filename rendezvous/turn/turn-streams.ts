import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import type { Endpoint } from '../../peer/stun/address.ts';
import { padFrame, StunFrames } from '../../peer/stun/frames.ts';
import { METHOD_BINDING, parseStun } from '../../peer/stun/message.ts';
import { SourceLimiter } from '../source-limiter.ts';
import { answerBinding } from '../stun-answer.ts';
import { TurnClient } from './turn-client.ts';
import type { TurnServer } from './turn-server.ts';

export interface TurnStreamsOptions {
  readonly clock: Clock;
  /** Null when there is no relay: Binding alone is answered. */
  readonly server: TurnServer | null;
  readonly limits: { readonly bufferedBytes: number; readonly idleStreamMs: number; readonly stunPerSecondPerAddress: number };
}

/** STUN and TURN over TCP and TLS: each stream is one client, with at most one allocation, which ends with it. */
export class TurnStreams {
  readonly #options: TurnStreamsOptions;
  readonly #bindings: SourceLimiter;
  readonly #sockets = new Set<Socket>();
  #dropped = 0;

  constructor(options: TurnStreamsOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#bindings = new SourceLimiter(clock, limits.stunPerSecondPerAddress, 2 * limits.stunPerSecondPerAddress);
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Messages that were not sent to readers that are too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a stream over, paused or not; `remote` is who is at its other end. */
  accept(socket: Socket, remote: Endpoint): void {
    const { clock, server, limits } = this.#options;
    const frames = new StunFrames();
    let idle: Timer | null = null;
    const waitForUse = () => {
      idle?.cancel();
      idle = clock.setTimeout(() => client.allocating || socket.destroy(), limits.idleStreamMs);
    };
    const client = new TurnClient(
      { remote, send: (data) => this.#send(socket, data), answer: (message) => this.#answer(socket, message) },
      waitForUse,
    );
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.once('close', () => {
      idle?.cancel();
      this.#sockets.delete(socket);
      server?.forget(client);
      idle?.cancel();
    });
    socket.on('data', (chunk: Buffer) => {
      const whole = frames.push(chunk);
      if (!whole) return void socket.destroy();
      for (const frame of whole) if (!this.#binding(client, frame)) server?.receive(client, frame);
    });
    waitForUse();
    socket.resume();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #binding({ way }: TurnClient, frame: Buffer): boolean {
    // The type of a Binding request, before all of it is looked at.
    if (frame.readUInt16BE(0) !== METHOD_BINDING) return false;
    const request = parseStun(frame);
    const answer =
      request && this.#bindings.take(way.remote.address)
        ? answerBinding(request, way.remote, { discovery: false, origin: (address, port) => (address || port ? null : way.remote) })
        : null;
    if (answer) way.answer(answer.bytes);
    return true;
  }

  #send(socket: Socket, data: Buffer | readonly Buffer[]): boolean {
    if (!socket.writable) return false;
    if (socket.writableLength > this.#options.limits.bufferedBytes) {
      this.#dropped += 1;
      return false;
    }
    socket.write(padFrame(Buffer.isBuffer(data) ? data : Buffer.concat(data)));
    return true;
  }

  /** Answers have room of their own behind what comes from peers; who asks without end, and reads nothing, is let go. */
  #answer(socket: Socket, message: Buffer): void {
    if (socket.writableLength > 2 * this.#options.limits.bufferedBytes) socket.destroy();
    else if (socket.writable) socket.write(padFrame(message));
  }
}
