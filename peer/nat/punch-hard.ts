import { randomBytes } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Timer } from '../../electron/base/clock.ts';
import { pace } from './pace.ts';
import type { PunchBudget } from './punch-budget.ts';
import { NONCE_BYTES, readPunch, writePunch } from './punch-message.ts';
import { settled, type HardPunch, type Punched } from './punch-attempt.ts';
import { closeUdp, openUdp, sendUdp, type UdpAddress } from './udp.ts';

/** A NAT forgets a mapping without an answer after 20 s or more; what was lost, or came before the other side had begun, is said again. */
const REFRESH_MS = 2_000;
const ANSWER_EVERY_MS = 100;
const MAX_ANSWERS = 20;
const NOTHING = Buffer.alloc(NONCE_BYTES);

/** A way that was taken, and is not confirmed yet. */
interface Taken {
  readonly socket: Socket;
  readonly remote: UdpAddress;
  readonly echo: Buffer;
  answers: number;
}

/**
 * The side whose NAT gives each destination a port of its own: opens many sockets, so many ports, towards the other side's one
 * port, and takes the first through which that side is heard. Decides for both.
 */
export async function punchHard(options: HardPunch, budget: PunchBudget): Promise<Punched | null> {
  const { clock, key, remote, signal } = options;
  const began = clock.monotonic();
  const open = options.open ?? (() => openUdp(remote.address, { address: options.localAddress }));
  const opened = await Promise.allSettled(Array.from({ length: budget.sockets }, open));
  // Some are better than none: a system's limit on open files is not always ours to know.
  const sockets = opened.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const nonce = randomBytes(NONCE_BYTES);
  const probe = writePunch({ kind: 'probe', from: 'hard', round: 0, nonce, echo: NOTHING }, key);
  let probes = 0;
  let round = 0;
  let taken: Taken | null = null;

  const won = await settled<Socket>({ clock, timeoutMs: budget.timeoutMs, signal, late: () => null }, (finish) => {
    if (sockets.length === 0) finish(null);
    const sendProbe = () => {
      const socket = sockets[probes % sockets.length];
      if (socket) sendUdp(socket, probe, remote);
      probes += 1;
    };
    const refresh = () => {
      stopProbes = pace(clock, Math.min(budget.perSecond, (sockets.length * 1000) / REFRESH_MS), () => (sendProbe(), true));
      options.opened?.();
    };
    let stopProbes = pace(clock, budget.perSecond, () => {
      sendProbe();
      if (probes < sockets.length) return true;
      refresh();
      return false;
    });

    const answer = () => {
      const way = taken;
      if (!way) return;
      if (way.answers === MAX_ANSWERS) return (taken = null);
      way.answers += 1;
      sendUdp(way.socket, writePunch({ kind: 'answer', from: 'hard', round, nonce, echo: way.echo }, key), way.remote);
      timer = clock.setTimeout(answer, ANSWER_EVERY_MS);
    };
    let timer: Timer | null = null;
    const onMessage = (socket: Socket, bytes: Buffer, from: RemoteInfo) => {
      const message = readPunch(bytes, key);
      if (message?.from !== 'easy') return;
      if (message.kind === 'probe' && !taken) {
        round = (round + 1) & 0xff;
        taken = { socket, remote: { address: from.address, port: from.port }, echo: message.nonce, answers: 0 };
        answer();
      } else if (message.kind === 'confirm' && taken?.socket === socket && message.round === round && message.echo.equals(nonce)) {
        finish({ socket, remote: taken.remote });
      }
    };
    const listeners = sockets.map((socket) => {
      const listener = (bytes: Buffer, from: RemoteInfo) => onMessage(socket, bytes, from);
      socket.on('message', listener).on('error', ignore);
      return () => socket.off('message', listener).off('error', ignore);
    });
    return () => {
      stopProbes();
      timer?.cancel();
      for (const off of listeners) off();
    };
  });
  for (const socket of sockets) if (socket !== won?.socket) closeUdp(socket);
  return won && { ...won, probes, ms: clock.monotonic() - began };
}

/** An unreachable port is one guess that was wrong. */
function ignore(): void {}
