import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';
import { RecordedClip, T0 } from './recorded-clip.ts';
import { clipFrames, clipUnits } from './recording-clip.ts';

/* Rows and files of what was recorded: made to agree, and deleted. */

let world: RecordedClip;

beforeEach(async () => {
  world = await RecordedClip.open();
});

afterEach(() => world.close());

describe('the index', () => {
  it('rebuilds the same index from the files alone', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 150_000, sound: true }));
    await world.recorder.close();
    const range = { camera: world.camera.key, from: utcMs(T0), to: utcMs(T0 + 200_000) };
    const before = await world.storage.call('segmentsWithKeyframes', range);
    await world.storage.call('removeSegments', range);
    const report = await repairIndex({ ...recordingParts(world.storage, world.dataDir), log: silentLog, all: true });
    expect(report).toMatchObject({ added: before.length, cut: 0, lost: 0, empty: 0 });
    const after = await world.storage.call('segmentsWithKeyframes', range);
    // Headers are read, and no more: a hash would take all of every file.
    expect(after.map(({ end: _, hash: _hash, ...row }) => row)).toEqual(before.map(({ end: _, hash: _hash, ...row }) => row));
    for (const [i, row] of after.entries()) expect(Math.abs(row.end - (before[i]?.end ?? 0))).toBeLessThanOrEqual(1);
  });

  it('keeps what it did not write: foreign and temporary files, and files without a picture', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 5_000 }));
    await world.recorder.close();
    const [file] = world.segmentFiles();
    if (!file) throw new Error('no file');
    const folder = join(world.dataDir, file, '..');
    writeFileSync(join(folder, 'holiday.mp4'), 'mine');
    writeFileSync(join(folder, '1795428000000.mp4.part'), 'mine');
    writeFileSync(join(folder, `${T0 + 60_000}.mp4`), clipFrames()[0]?.fragment.init ?? '');
    expect(await repairIndex({ ...recordingParts(world.storage, world.dataDir), log: silentLog })).toMatchObject({ added: 0, empty: 1 });
    expect(readdirSync(folder).sort()).toEqual(['1795428000000.mp4.part', `${T0}.mp4`, `${T0 + 60_000}.mp4.empty`, 'holiday.mp4'].sort());
    expect(await repairIndex({ ...recordingParts(world.storage, world.dataDir), log: silentLog })).toMatchObject({
      added: 0,
      empty: 0,
      cut: 0,
      lost: 0,
    });
  });

  it('says so when a file is gone, but not when a whole disk is', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 100_000 }));
    await world.recorder.close();
    await repairIndex({ ...recordingParts(world.storage, world.dataDir), log: silentLog });
    const [first] = world.segmentFiles();
    if (!first) throw new Error('no file');
    rmSync(join(world.dataDir, first));
    expect(await repairIndex({ ...recordingParts(world.storage, world.dataDir), log: silentLog })).toMatchObject({
      lost: 1,
      unknownFolders: [],
    });
    const { gaps } = await world.playback.recordings({ camera: world.camera.id, from: utcMs(T0), to: utcMs(T0 + 100_000) });
    expect(gaps).toMatchObject([{ from: T0, reason: 'file-lost', text: expect.stringContaining('file is missing') as unknown }]);
    rmSync(join(world.dataDir, 'recordings'), { recursive: true });
    expect(await repairIndex({ ...recordingParts(world.storage, world.dataDir), log: silentLog })).toMatchObject({
      lost: 0,
      unknownFolders: [world.dataDir],
    });
  });
});

describe('removing a camera', () => {
  it('with its recordings deletes rows, then files, and finishes after a crash in between', async () => {
    await world.play(clipUnits({ start: T0, lengthMs: 5_000 }));
    await world.recorder.close();
    expect(world.segmentFiles()).toHaveLength(1);
    await world.storage.call('removeCamera', { id: world.camera.id, at: world.clock.now(), forgetRecordings: true });
    // Killed here, the files are still there and nobody lists them; the next start's repair deletes them.
    await repairIndex({ ...recordingParts(world.storage, world.dataDir), log: silentLog });
    expect(world.segmentFiles()).toEqual([]);
    expect(await world.storage.call('garbage', {})).toEqual([]);
    expect(await world.storage.call('forgetRemoved', { limit: 100 })).toEqual({ camera: world.camera.id, segments: 1, done: true });
    expect(await world.storage.call('forgetRemoved', { limit: 100 })).toBeNull();
    expect(await world.storage.call('totals', {})).toEqual({ segments: 0, bytes: 0 });
    await expect(world.playback.gop({ camera: world.camera.id, at: utcMs(T0) })).rejects.toMatchObject({ code: 'not-found' });
  });
});
