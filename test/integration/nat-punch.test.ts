import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { allocationOf, predictPorts } from '../../peer/nat/allocation.ts';
import { Program } from '../fakes/program.ts';
import { Lab } from '../natlab/lab.ts';
import type { AgentSocket, Endpoint } from '../natlab/agent.ts';
import type { Host } from '../natlab/host.ts';
import { SERVERS } from '../natlab/internet.ts';
import { laboratoryUnavailable } from '../natlab/namespaces.ts';
import type { NatKind } from '../natlab/nat.ts';

const unavailable = laboratoryUnavailable();
const SIDE = fileURLToPath(new URL('./nat-punch-side.ts', import.meta.url));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Two sides behind NATs of those kinds, and where the internet sees their sockets. */
async function sides(hardKind: NatKind, easyKind: NatKind) {
  const lab = await Lab.start();
  closers.push(() => lab.close());
  const [hardRouter, easyRouter] = [
    await lab.router('hard-router', { kind: hardKind }),
    await lab.router('easy-router', { kind: easyKind }),
  ];
  const observer = await (await lab.internet.agent()).udp({ address: SERVERS.rendezvous });
  const hard = await side('hard', await lab.host('hard', hardRouter), observer);
  const easy = await side('easy', await lab.host('easy', easyRouter), observer);
  return { hard, easy, hardAddress: hardRouter.uplink.address };
}

async function side(name: 'hard' | 'easy', host: Host, observer: AgentSocket) {
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', SIDE];
  const program = new Program([name, SERVERS.rendezvous, String(observer.port)], { command, namespace: host.namespace });
  closers.push(() => (program.child.stdin?.end(), program.exited));
  await program.event('ready');
  const seen: Endpoint[] = [];
  while (seen.length < (name === 'hard' ? 5 : 1)) {
    const packet = await observer.receive();
    if (!packet) throw new Error(`the observer did not see the ${name} side`);
    seen.push(packet.from);
  }
  const order = (options: object) => void program.child.stdin?.write(`${JSON.stringify(options)}\n`);
  return { program, seen, order };
}

describe.skipIf(unavailable !== null)(`a punch through real NATs${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  it.each(['port-restricted-cone', 'firewall'] as const)('by chance meets a symmetric NAT from behind a %s', async (easyKind) => {
    const { hard, easy, hardAddress } = await sides('symmetric', easyKind);
    const [remote] = easy.seen;
    const budget = { sockets: 256, probes: 1_024, perSecond: 1_000, timeoutMs: 15_000 };
    // A chance of 98 % each time.
    for (let attempt = 1; ; attempt += 1) {
      const key = randomBytes(32).toString('base64');
      hard.order({ key, remote, budget });
      await hard.program.event('opened');
      easy.order({ key, remote: { address: hardAddress }, budget });
      const [one, other] = await Promise.all([hard, easy].map(({ program }) => program.event('result', (result) => result.key === key)));
      if (!one?.found && !other?.found && attempt < 3) continue;
      expect(one).toMatchObject({ remote, heard: 'from easy' });
      expect(other).toMatchObject({ remote: { address: hardAddress }, heard: 'from hard' });
      break;
    }
  });

  it('by prediction meets a NAT that counts its ports, with 16 sockets and 32 probes', async () => {
    const { hard, easy, hardAddress } = await sides('symmetric-sequential', 'port-restricted-cone');
    const [remote] = easy.seen;
    const ports = hard.seen.map(({ port }) => port);
    const { allocation, step } = allocationOf(ports.map((mapped) => ({ local: 0, mapped })));
    expect(allocation, ports.join(' ')).toBe('sequential');
    const key = randomBytes(32).toString('base64');
    const budget = { sockets: 16, probes: 32 };
    hard.order({ key, remote, budget });
    await hard.program.event('opened');
    easy.order({ key, remote: { address: hardAddress }, predicted: predictPorts(ports.at(-1) ?? 0, step ?? 0, 32), budget });
    expect(await hard.program.event('result')).toMatchObject({ remote, heard: 'from easy' });
    expect(await easy.program.event('result')).toMatchObject({ remote: { address: hardAddress }, heard: 'from hard' });
  });
});
