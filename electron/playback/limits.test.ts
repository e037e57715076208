import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { VIDEO } from '../../test/fixtures/muxed-units.ts';
import { SimulatedClock } from '../base/clock.ts';
import { utcMs } from '../base/units.ts';
import type { Segment } from '../contract/model.ts';
import { buildInit } from '../media/fmp4/build-init.ts';
import { Playback } from './playback.ts';
import { SegmentReader } from './segment-reader.ts';

it('keeps the headers of the 512 files used last', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'keyhole-headers-'));
  const header = buildInit([VIDEO]);
  for (let id = 0; id <= 512; id++) writeFileSync(join(dataDir, `${id}.mp4`), header);
  const segment = (id: number): Segment => ({
    id: String(id),
    camera: 'cam-aaaaaaaa',
    start: utcMs(0),
    end: utcMs(1),
    bytes: header.length,
    file: `${id}.mp4`,
    folder: 0,
    origin: 'live',
    archived: false,
    codec: 'h264',
    open: false,
    keyframes: [{ at: utcMs(0), offset: header.length, bytes: 0 }],
  });
  const reader = new SegmentReader({ root: () => dataDir });
  for (let id = 0; id < 512; id++) await reader.header(segment(id));
  await reader.header(segment(0));
  expect(reader.counters.headers).toBe(512);
  await reader.header(segment(512));
  await reader.header(segment(0));
  expect(reader.counters.headers, 'the one used last is still there').toBe(513);
  await reader.header(segment(1));
  expect(reader.counters.headers, 'the one used longest ago is not').toBe(514);
  rmSync(dataDir, { recursive: true });
});

it('decodes four pictures at the same time and refuses a fifth', async () => {
  const answers: (() => void)[] = [];
  // The index answers when the test says so: until then every picture is on its way.
  const storage = { call: () => new Promise<never>((_resolve, reject) => answers.push(() => reject(new Error('no such camera')))) };
  const playback = new Playback({ storage, folders: { root: () => '/' }, clock: new SimulatedClock(), unlisted: () => [] });
  const ask = () => playback.frameJpeg({ camera: 'cam-aaaaaaaa', at: 'now' });
  const first = [ask(), ask(), ask(), ask()];
  await expect(ask()).rejects.toMatchObject({ code: 'too-busy' });
  for (const answer of answers) answer();
  for (const one of first) await expect(one).rejects.toThrow('no such camera');
  const next = ask();
  answers.at(-1)?.();
  await expect(next).rejects.toThrow('no such camera');
});
