/**
 * One side of a punch inside a namespace. Opens its sockets, shows them to an observer, says what it is told on stdin (one JSON
 * object: the rest of the options of `punch`) and then what came of it, and whether a word goes through both ways. Ends with stdin.
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../electron/base/clock.ts';
import { punch } from '../../peer/nat/punch.ts';
import type { Punched } from '../../peer/nat/punch-attempt.ts';
import type { PunchBudget } from '../../peer/nat/punch-budget.ts';
import { openUdp, sendUdp, type UdpAddress } from '../../peer/nat/udp.ts';

interface Order {
  readonly key: string;
  readonly remote: UdpAddress;
  readonly predicted?: number[];
  readonly budget?: Partial<PunchBudget>;
}

const [side = '', observer = '', observerPort = ''] = process.argv.slice(2);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const clock = systemClock;

const sockets = await Promise.all(Array.from({ length: side === 'easy' ? 1 : 5 }, () => openUdp(observer)));
for (const socket of sockets) sendUdp(socket, Buffer.from('see me'), { address: observer, port: Number(observerPort) });
say({ event: 'ready' });

async function obey({ key: base64, ...order }: Order): Promise<void> {
  const common = { key: Buffer.from(base64, 'base64'), clock, ...order };
  const [socket] = sockets;
  if (!socket) return;
  const won =
    side === 'easy'
      ? await punch({ side: 'easy', socket, ...common })
      : await punch({ side: 'hard', opened: () => say({ event: 'opened' }), ...common });
  if (!won) return void say({ event: 'result', key: base64, found: false });
  const heard = await exchange(won);
  say({
    event: 'result',
    key: base64,
    found: true,
    probes: won.probes,
    ms: Math.round(won.ms),
    remote: won.remote,
    local: won.socket.address().port,
    heard,
  });
}

/** What the other end says on the way that was found. */
function exchange({ socket, remote }: Punched): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    // Said until the end: who is ready later hears it too.
    const again = setInterval(() => sendUdp(socket, Buffer.from(`from ${side}`), remote), 50);
    const late = setTimeout(() => resolve('nothing'), 5_000);
    socket.on('message', (bytes, from) => {
      if (!String(bytes).startsWith('from ') || from.address !== remote.address || from.port !== remote.port) return;
      clearTimeout(late);
      resolve(String(bytes));
    });
    process.stdin.once('close', () => clearInterval(again));
  });
}

createInterface(process.stdin)
  .on('line', (line) => void obey(JSON.parse(line) as Order))
  .on('close', () => process.exit(0));
