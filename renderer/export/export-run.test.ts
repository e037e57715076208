import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import { FakeEngine, settle } from '../state/fake-engine.ts';
import { ExportRun } from './export-run.svelte.ts';

const part = { from: utcMs(0), to: utcMs(60_000), bytes: 4 };
const order = { camera: { id: 'cam-aaaaaaaa', name: 'Yard' }, parts: [part], proof: true, zone: 'UTC' } as const;

async function begin(write: () => Promise<void> = () => Promise.resolve()) {
  const engine = new FakeEngine({});
  engine.link.start();
  const did: string[] = [];
  const target = { write, finish: async () => void did.push('finished'), abort: async () => void did.push('aborted') };
  const run = new ExportRun(engine.link, async () => target);
  const saved = run.save(order);
  await settle();
  const chunk = () => engine.tell('clip', { kind: 'chunk' }, new Uint8Array(4));
  return { engine, did, run, saved, chunk };
}

describe('an export', () => {
  it('finishes its file when all of it is there', async () => {
    const { engine, did, run, saved, chunk } = await begin();
    chunk();
    engine.end('clip');
    expect(await saved).toBe(true);
    expect(did).toEqual(['finished']);
    expect(run.written).toBe(4);
  });

  it('leaves no file half written when it is stopped', async () => {
    const { engine, did, run, saved, chunk } = await begin();
    chunk();
    run.stop();
    expect(await saved).toBe(false);
    expect(did).toEqual(['aborted']);
    expect(engine.closed).toEqual(['clip']);
  });

  it('says why a file could not be written, or the engine ended it', async () => {
    const full = await begin(() => Promise.reject(new Error('no space')));
    full.chunk();
    await expect(full.saved).rejects.toMatchObject({ code: 'disk-failed', message: expect.stringContaining('no space') as string });
    expect(full.did).toEqual(['aborted']);
    const cut = await begin();
    cut.engine.breakConnection();
    await expect(cut.saved).rejects.toMatchObject({ code: 'closed' });
    expect(cut.did).toEqual(['aborted']);
  });
});
