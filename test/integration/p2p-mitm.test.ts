import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Transport } from '../../peer/session/transport.ts';
import { ManInTheMiddle } from './p2p-mitm.ts';
import { World, type Sink } from './p2p-world.ts';

let world: World;
beforeEach(async () => {
  world = await new World().start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.close();
});

const failedWith =
  (code: string) =>
  ({ statuses }: Sink) =>
    statuses.some(({ reason }) => reason?.code === code);

async function attacked(options: { extendedMasterSecret: boolean }) {
  const camera = world.camera();
  const app = world.app();
  const known = await world.pair(app, camera.invite());
  const attacker = new ManInTheMiddle(options);
  world.onClose(() => attacker.close());
  await attacker.start();
  return { attacker, start: () => world.source(app, known) };
}

describe('somebody on the path who copies the certificates and signs with another key', () => {
  it('is accepted by DTLS and found out by the binding: no frame, no packet, ever', async () => {
    const released = vi.spyOn(Transport.prototype, 'release');
    const { attacker, start } = await attacked({ extendedMasterSecret: true });
    const { sink } = start();
    await sink.until(failedWith('identity-mismatch'));
    expect(attacker.sitsInBetween).toBe(true);
    expect(released).not.toHaveBeenCalled();
    expect(attacker.seen).toEqual([]);
    expect(sink.units).toEqual([]);
  });

  it('would be shown everything if the exported keying material were left out of the binding', async () => {
    const { attacker, start } = await attacked({ extendedMasterSecret: true });
    const facts = Object.getOwnPropertyDescriptor(Transport.prototype, 'facts')?.get;
    vi.spyOn(Transport.prototype, 'facts', 'get').mockImplementation(function (this: Transport) {
      const real = facts?.call(this) as Transport['facts'];
      return real && { ...real, exportKeyingMaterial: (_label: string, length: number) => Buffer.alloc(length) };
    });
    const { sink } = start();
    await sink.until(({ units }) => units.length >= 10);
    expect(attacker.sitsInBetween).toBe(true);
    expect(attacker.seen.length).toBeGreaterThan(10);
  });

  it('who also leaves out the extended master secret is refused for that', async () => {
    const { attacker, start } = await attacked({ extendedMasterSecret: false });
    const { sink } = start();
    await sink.until(({ statuses }) => statuses.some(({ reason }) => reason?.text.includes('extended master secret') === true));
    expect(attacker.seen).toEqual([]);
    expect(sink.units).toEqual([]);
  });
});
