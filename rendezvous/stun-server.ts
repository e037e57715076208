import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../electron/base/clock.ts';
import { CodedError, errnoOf } from '../electron/base/errors.ts';
import type { Log } from '../electron/base/log.ts';
import { TokenBucket } from '../electron/base/token-bucket.ts';
import { answerStun } from './stun-answer.ts';

/** STUN Binding over UDP. Answers at a bounded rate; an answer is at most 60 bytes longer than its question. */
export class StunServer {
  readonly #log: Log;
  readonly #bucket: TokenBucket;
  #socket: Socket | null = null;
  #dropped = 0;

  constructor(options: { clock: Clock; log: Log; perSecond: number }) {
    this.#log = options.log;
    this.#bucket = new TokenBucket(options.clock, options.perSecond, options.perSecond);
  }

  get port(): number {
    return this.#socket?.address().port ?? 0;
  }

  /** Datagrams left unanswered because of the rate limit. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @throws CodedError `port-in-use` */
  async start(bind: string, port: number): Promise<void> {
    if (this.#socket) return;
    const socket = createSocket(isIPv6(bind) ? { type: 'udp6' } : { type: 'udp4' });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        const taken = errnoOf(error) === 'EADDRINUSE';
        reject(
          taken
            ? new CodedError('port-in-use', `UDP port ${port} is taken by another program: stop it, or choose another with --stun-port.`)
            : error,
        );
      });
      socket.bind(port, bind, resolve);
    });
    socket.removeAllListeners('error');
    socket.on('error', (error) => this.#log.warn('STUN socket error', { error: error.message }));
    socket.on('message', (datagram, from) => {
      if (!this.#bucket.take()) {
        this.#dropped += 1;
        return;
      }
      const answer = answerStun(datagram, from);
      if (answer) socket.send(answer, from.port, from.address, () => {});
    });
    this.#socket = socket;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}
