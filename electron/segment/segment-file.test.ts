import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeDisk, type SegmentDisk } from './disk.ts';
import { SegmentFile } from './segment-file.ts';

const START = Date.UTC(2026, 10, 23, 10, 0, 7);
const turn = () => new Promise((resolve) => setImmediate(resolve));

let root: string;
/** What was asked of the disk, in order. */
let asked: string[];
/** Set to make the next datasync wait, or fail. */
let gate: Promise<void>;

/** The real disk, watched. */
const disk: SegmentDisk = {
  ...nodeDisk,
  async open(path, as) {
    const file = await nodeDisk.open(path, as);
    return {
      ...file,
      writev: async (parts, position) => {
        asked.push('write');
        return file.writev(parts, position);
      },
      datasync: async () => {
        asked.push('datasync');
        await gate;
        return file.datasync();
      },
    };
  },
  syncFolder: async (path) => {
    asked.push(path.endsWith('2026-11-23') ? 'syncFolder' : 'above');
    return nodeDisk.syncFolder(path);
  },
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'keyhole-segment-file-'));
  asked = [];
  gate = Promise.resolve();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function open(): Promise<SegmentFile> {
  const file = await SegmentFile.create(root, 'cam-aaaaaaaa', START, 'live', disk);
  asked = [];
  return file;
}

describe('a segment’s file', () => {
  it('makes what was written safe behind the back of who writes, the name with the first time', async () => {
    const file = await open();
    await file.write([Buffer.from('one')]);
    expect(file.syncedBytes).toBe(0);
    file.sync();
    await expect.poll(() => file.syncedBytes).toBe(3);
    await file.write([Buffer.from('two')]);
    expect(file.syncedBytes).toBe(3);
    file.sync();
    await expect.poll(() => file.syncedBytes).toBe(6);
    file.sync();
    await file.finish();
    expect(asked).toEqual(['write', 'datasync', 'syncFolder', 'write', 'datasync']);
    expect(readFileSync(join(root, file.file), 'utf8')).toBe('onetwo');
  });

  it('writes on while the disk takes its time to sync, and waits for it at the end', async () => {
    let release = () => {};
    gate = new Promise((resolve) => (release = resolve));
    const file = await open();
    await file.write([Buffer.from('one')]);
    file.sync();
    file.sync();
    await file.write([Buffer.from('two')]);
    expect(asked).toEqual(['write', 'datasync', 'write']);
    let finished = false;
    const end = file.finish().then(() => (finished = true));
    await turn();
    expect(finished).toBe(false);
    release();
    await end;
    // What came meanwhile is made safe too.
    expect(asked).toEqual(['write', 'datasync', 'write', 'syncFolder', 'datasync']);
  });

  it('is not finished, and takes no more, after a sync that failed: nobody knows what the disk has', async () => {
    const file = await open();
    await file.write([Buffer.from('one')]);
    gate = Promise.reject(Object.assign(new Error('I/O error'), { code: 'EIO' }));
    file.sync();
    await turn();
    await expect(file.write([Buffer.from('two')])).rejects.toMatchObject({ code: 'EIO' });
    await expect(file.finish()).rejects.toMatchObject({ code: 'EIO' });
    expect(readFileSync(join(root, file.file), 'utf8')).toBe('one');
  });
});
