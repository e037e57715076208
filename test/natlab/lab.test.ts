import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AgentSocket } from './agent.ts';
import type { Host } from './host.ts';
import { SERVERS } from './internet.ts';
import { Lab } from './lab.ts';
import { laboratoryUnavailable, namespacesThere } from './namespaces.ts';
import { punch, Reflectors } from './probe.ts';
import type { Router } from './router.ts';
import { run } from './shell.ts';

const NOBODY = { address: '192.0.2.200', port: 9 };
const unavailable = laboratoryUnavailable();

describe.skipIf(unavailable !== null)(`the laboratory${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let reflectors: Reflectors;
  let cone: Router;
  let strict: Router;
  let one: Host;
  let other: Host;

  beforeAll(async () => {
    lab = await Lab.start();
    reflectors = await Reflectors.start(lab.internet);
    cone = await lab.router('cone', { kind: 'full-cone' });
    strict = await lab.router('strict', { kind: 'port-restricted-cone' });
    one = await lab.host('one', cone);
    other = await lab.host('other', strict);
  });
  afterAll(() => lab?.close());

  const gets = async (socket: AgentSocket) => (await reflectors.mapped(socket)) !== null;

  it('forgets the mappings of a NAT', async () => {
    const socket = await (await one.agent()).udp();
    const public_ = await reflectors.mapped(socket);
    if (!public_) throw new Error('no way out');
    const { main, otherBoth } = reflectors;
    expect(await reflectors.reaching(socket, public_, [otherBoth, main])).toEqual([true, true]);
    await cone.forget();
    await expect(reflectors.reaching(socket, public_, [main])).rejects.toThrow('what must come through');
    expect(await gets(socket)).toBe(true);
    expect(await reflectors.reaching(socket, public_, [otherBoth, main])).toEqual([true, true]);
  });

  it('forgets the UDP of a NAT, and leaves TCP alone', async () => {
    const server = { address: SERVERS.alternate, port: 8_000 };
    await (await lab.internet.agent()).listen(server);
    await (await one.agent()).tcp(server);
    const known = (protocol: string) => cone.sh(`conntrack -L -p ${protocol} 2>/dev/null`);
    const socket = await (await one.agent()).udp();
    expect(await gets(socket)).toBe(true);
    expect([await known('udp'), await known('tcp')]).toEqual([
      expect.stringContaining('dport=7001'),
      expect.stringContaining('dport=8000'),
    ]);
    await cone.forget('udp');
    expect([await known('udp'), await known('tcp')]).toEqual(['', expect.stringContaining('dport=8000')]);
  });

  it('lets a mapping live as long as it is told to', async () => {
    const brief = await lab.router('brief', { kind: 'full-cone', lifetimeS: 1 });
    const socket = await (await (await lab.host('brief-host', brief)).agent()).udp();
    const to = await reflectors.mapped(socket);
    const { main, otherBoth } = reflectors;
    expect(await reflectors.reaching(socket, to ?? NOBODY, [otherBoth, main])).toEqual([true, true]);
    await vi.waitFor(
      async () => expect(await brief.sh('nft list map ip nat cone; conntrack -L -p udp 2>/dev/null')).not.toContain('192.168.1.10'),
      10_000,
    );
    await expect(reflectors.reaching(socket, to ?? NOBODY, [main])).rejects.toThrow('what must come through');
  });

  it('turns a NAT into another', async () => {
    const socket = await (await other.agent()).udp();
    await strict.become({ kind: 'full-cone' });
    const { main, otherBoth } = reflectors;
    const to = await reflectors.mapped(socket);
    expect(await reflectors.reaching(socket, to ?? NOBODY, [otherBoth, main])).toEqual([true, true]);
    await strict.become({ kind: 'port-restricted-cone' });
    const again = await reflectors.mapped(socket);
    expect(await reflectors.reaching(socket, again ?? NOBODY, [otherBoth, main])).toEqual([false, true]);
  });

  it('gives a NAT another public address, and the old one leads nowhere', async () => {
    const socket = await (await one.agent()).udp();
    const before = await reflectors.mapped(socket);
    const address = await cone.renumber();
    const after = await reflectors.mapped(socket);
    expect(after).toEqual({ address, port: before?.port });
    expect(address).not.toBe(before?.address);
    await expect(reflectors.reaching(socket, before ?? NOBODY, [reflectors.main])).rejects.toThrow('what must come through');
    expect(await reflectors.reaching(socket, { address, port: socket.port }, [reflectors.otherBoth, reflectors.main])).toEqual([
      true,
      true,
    ]);
  });

  it('moves a host to another NAT', async () => {
    const before = one.address;
    await one.move(strict);
    const socket = await (await one.agent()).udp();
    expect(await reflectors.mapped(socket)).toMatchObject({ address: strict.uplink.address });
    expect(one.address).not.toBe(before);
    await one.move(cone);
    expect(await reflectors.mapped(socket)).toMatchObject({ address: cone.uplink.address });
  });

  it('cuts a way to the internet without a word, and mends it', async () => {
    const socket = await (await one.agent()).udp();
    expect(await gets(socket)).toBe(true);
    await cone.uplink.cut();
    expect(await gets(socket)).toBe(false);
    expect(await one.sh('cat /sys/class/net/eth0/carrier')).toBe('1\n');
    await cone.uplink.mend();
    expect(await gets(socket)).toBe(true);
  });

  it('pulls the plug of a host, which sees it, and puts it in again', async () => {
    const socket = await (await one.agent()).udp();
    await one.uplink.cut();
    expect(await one.sh('cat /sys/class/net/eth0/carrier')).toBe('0\n');
    expect(await gets(socket)).toBe(false);
    await one.uplink.mend();
    expect(await gets(socket)).toBe(true);
  });

  it('blocks UDP on the fly, of running flows too', async () => {
    const socket = await (await one.agent()).udp();
    const there = await reflectors.mapped(socket);
    await cone.blockUdp();
    expect(await gets(socket)).toBe(false);
    await expect(reflectors.reaching(socket, there ?? NOBODY, [reflectors.main])).rejects.toThrow('what must come through');
    await cone.unblockUdp();
    expect(await gets(socket)).toBe(true);
  });

  it('counts what goes straight between two hosts, and nothing else', async () => {
    const counter = await lab.countBetween(one, other);
    expect(await punch(await one.agent(), await other.agent(), reflectors)).toBe(true);
    const { there, back } = await counter.read();
    // Two punches and an answer to each that came, of some 40 bytes; what went to the reflectors is not among them.
    expect(there.packets).toBe(3);
    expect(back.packets).toBeGreaterThanOrEqual(2);
    expect(there.bytes).toBeGreaterThan(3 * 28);
    await one.uplink.cut();
    await one.uplink.mend();
    await cone.renumber();
    expect(await punch(await one.agent(), await other.agent(), reflectors)).toBe(true);
    expect((await counter.read()).there.packets).toBe(6);
  });

  it('leads nowhere what nobody has', async () => {
    const socket = await (await one.agent()).udp();
    await socket.send(NOBODY, 'nobody');
    // Not even a word that it is unreachable, which would make the next send fail.
    await socket.send(NOBODY, 'nobody');
    expect(await gets(socket)).toBe(true);
  });
});

describe.skipIf(unavailable !== null)('nothing of a laboratory stays', () => {
  const prefix = (pid: number) => `khlab-${pid}-`;

  it('when it is closed', async () => {
    const lab = await Lab.start();
    const router = await lab.router('r', { kind: 'symmetric' });
    const { namespace } = await lab.host('h', router);
    await run(['ip', 'netns', 'exec', namespace, 'sh', '-c', 'sleep 1000 >/dev/null 2>&1 &']);
    const pid = Number(await run(['ip', 'netns', 'pids', namespace]));
    const { folder } = lab;
    expect(existsSync(folder)).toBe(true);
    await lab.close();
    expect(namespacesThere().filter((name) => namespace.startsWith(name.replace(/-[^-]*$/, '')))).toEqual([]);
    expect(existsSync(folder)).toBe(false);
    await vi.waitFor(() => expect(existsSync(`/proc/${pid}/exe`)).toBe(false));
  });

  it('when its process is killed', async () => {
    const script = `import { Lab } from '${new URL('./lab.ts', import.meta.url).href}';
      const lab = await Lab.start(); await lab.host('h', await lab.router('r', { kind: 'full-cone' })); console.log(lab.folder); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [folder] = (await once(child.stdout, 'data')) as [Buffer];
    const own = () => namespacesThere().filter((name) => name.startsWith(prefix(child.pid ?? 0)));
    expect(own().length).toBe(4);
    child.kill('SIGKILL');
    await vi.waitFor(() => expect([own(), existsSync(String(folder).trim())]).toEqual([[], false]), 10_000);
  });

  it('when even that failed: the next one sweeps, and lets alone what lives', async () => {
    const child = spawn('true');
    await once(child, 'close');
    const dead = `${prefix(child.pid ?? 0)}12345-1`;
    await run(['ip', 'netns', 'add', `${dead}-internet`]);
    mkdirSync(join(tmpdir(), dead));
    const living = await Lab.start();
    await (await Lab.start()).close();
    expect([namespacesThere().includes(`${dead}-internet`), existsSync(join(tmpdir(), dead))]).toEqual([false, false]);
    expect([namespacesThere().includes(living.internet.namespace), existsSync(living.folder)]).toEqual([true, true]);
    await living.close();
  });
});
