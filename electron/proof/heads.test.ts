import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BEGIN, ProvenFootage } from '../../test/fixtures/proven-footage.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { chainFiles, recordsOf } from './chain-files.ts';
import { HEADS_SETTING, readHeads } from './heads.ts';
import { ProofLog } from './proof-log.ts';

let world: ProvenFootage;
beforeEach(async () => {
  world = new ProvenFootage();
  await world.open();
});
afterEach(async () => {
  await world.close();
  world.remove();
});

describe('the ends of the chains', () => {
  it('are in the database with each segment, and in the backup at each start and end', async () => {
    await world.record(0, 20_000);
    const [head] = await world.proofs.heads();
    expect(await world.storage.call('proofHead', { camera: world.camera.key })).toEqual({
      seq: head?.seq,
      hash: Uint8Array.from(head?.hash ?? []),
    });
    await world.close();
    const backup = readFileSync(join(world.dataDir, 'cameras-backup.json'), 'utf8');
    const kept = readHeads(
      (JSON.parse(backup) as { settings: { key: string; value: string }[] }).settings.find(({ key }) => key === HEADS_SETTING)?.value ??
        null,
    );
    expect(kept).toMatchObject([{ camera: world.camera.id, seq: (head?.seq ?? 0) + 1 }]);
    await world.open();
  });

  it('are read from anything', () => {
    for (const text of [null, '', '[]', '{"a":1}', '{"a":{"seq":-1,"hash":""}}']) expect(readHeads(text)).toEqual([]);
  });

  it('are noted for each camera, also when that of another cannot be', async () => {
    const { dataDir, storage, folders, clock, identity, camera } = world;
    const other = await storage.call('addCamera', { ...camera, id: 'cam-bbbbbbbb', createdAt: utcMs(BEGIN), sourceKind: 'rtsp' });
    await world.proofs.close();
    const call = ((name, args) =>
      name === 'setProofHead' && isRefusing && (args as { camera: number }).camera === camera.key
        ? Promise.reject(new Error('the database is full'))
        : storage.call(name, args)) as typeof storage.call;
    let isRefusing = false;
    const proofs = new ProofLog({ dataDir, storage: { call }, folders, identity, clock, log: silentLog });
    await proofs.start();
    await proofs.begin(other.key);
    isRefusing = true;
    await proofs.close();
    const last = [];
    for (const file of await chainFiles(join(dataDir, 'proofs', other.id)))
      for await (const { link } of recordsOf(file)) last.push(link?.kind);
    expect(last.at(-1)).toBe('closed');
  });
});
