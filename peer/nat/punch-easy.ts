import { randomBytes } from 'node:crypto';
import type { RemoteInfo, Socket } from 'node:dgram';
import type { Timer } from '../../electron/base/clock.ts';
import { pace } from './pace.ts';
import { portOrder } from './port-order.ts';
import { settled, type EasyPunch, type Punched } from './punch-attempt.ts';
import type { PunchBudget } from './punch-budget.ts';
import { NONCE_BYTES, readPunch, writePunch } from './punch-message.ts';
import { sendUdp, type UdpAddress } from './udp.ts';

/** After the last probe, for what is under way, ms. */
const GRACE_MS = 2_000;
/** The hard side repeats its answer every 100 ms until it is confirmed: this long without one, it is content. */
const QUIET_MS = 300;
/** Probes of the other side that are answered with one beyond the budget: each comes through a port that works. */
const MAX_REPLIES = 64;
const NOTHING = Buffer.alloc(NONCE_BYTES);

/** The side with one public port for all destinations: looks for the ports that the other side's sockets were given. */
export async function punchEasy(options: EasyPunch, budget: PunchBudget): Promise<Punched | null> {
  const { clock, key, remote, signal, socket } = options;
  const began = clock.monotonic();
  const nonce = randomBytes(NONCE_BYTES);
  const probe = writePunch({ kind: 'probe', from: 'easy', round: 0, nonce, echo: NOTHING }, key);
  const ports = portOrder(
    [...(remote.port === undefined ? [] : [remote.port]), ...(options.predicted ?? [])],
    budget.probes,
    random(options),
  );
  let probes = 0;
  let replies = 0;
  let taken: { remote: UdpAddress; round: number } | null = null;
  const way = () => taken && { socket, remote: taken.remote };

  const won = await settled<Socket>({ clock, timeoutMs: budget.timeoutMs, signal, late: way }, (finish) => {
    let timer: Timer | null = null;
    const stopProbes = pace(clock, budget.perSecond, () => {
      const next = ports.next();
      if (next.done) {
        timer = clock.setTimeout(() => finish(null), GRACE_MS);
        return false;
      }
      sendUdp(socket, probe, { address: remote.address, port: next.value });
      probes += 1;
      return true;
    });
    const onMessage = (bytes: Buffer, { address, port }: RemoteInfo) => {
      const from = { address, port };
      const message = readPunch(bytes, key);
      // The other side uses the way already: what it sends will come again, and we hand it over the sooner.
      if (!message && taken?.remote.address === address && taken.remote.port === port) return finish(way());
      if (message?.from !== 'hard') return;
      if (message.kind === 'probe' && !taken && replies < MAX_REPLIES) {
        replies += 1;
        sendUdp(socket, probe, from);
      } else if (message.kind === 'answer' && message.echo.equals(nonce) && !isOlder(message.round, taken?.round)) {
        stopProbes();
        taken = { remote: from, round: message.round };
        sendUdp(socket, writePunch({ kind: 'confirm', from: 'easy', round: message.round, nonce, echo: message.nonce }, key), from);
        timer?.cancel();
        timer = clock.setTimeout(() => finish(way()), QUIET_MS);
      }
    };
    socket.on('message', onMessage).on('error', ignore);
    return () => {
      stopProbes();
      timer?.cancel();
      socket.off('message', onMessage).off('error', ignore);
    };
  });
  return won && { ...won, probes, ms: clock.monotonic() - began };
}

function random(options: EasyPunch): () => number {
  return options.random ?? Math.random;
}

/** In counting modulo 256. */
function isOlder(round: number, than: number | undefined): boolean {
  return than !== undefined && ((than - round) & 0xff) !== 0 && ((than - round) & 0xff) < 128;
}

function ignore(): void {}
