import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AHEAD_MS, CAMERA, FRAME_MS, GOP_MS, HealingWorld, T0 } from '../../test/fixtures/healing-world.ts';
import { utcMs } from '../contract/model.ts';
import { scanSegment } from '../segment/segment-scan.ts';

let world: HealingWorld;
beforeEach(async () => {
  world = await HealingWorld.open();
});
afterEach(() => world.close());

describe('healing', () => {
  it('fills an outage of ten minutes completely, at its true times, with its sound, and says so', async () => {
    const { from, to } = await world.outage(600);
    expect((await world.recordings({ from, to })).coverage).toBeLessThan(0.01);
    const part = world.healing();
    expect(await part.round()).toBe('done');
    const whole = await world.recordings({ from: utcMs(T0), to: world.clock.now() });
    expect(whole.gaps.filter(({ to: end }) => end <= to)).toEqual([]);
    expect((await world.recordings({ from, to })).coverage).toBe(1);
    const { healed } = await world.recordings({ from, to });
    expect(healed).toEqual([{ from, to }]);
    expect(part.counters.healedMs).toBeGreaterThanOrEqual(599_000);
    expect(part.status).toMatchObject({ fetching: null, problem: null });
    expect(world.added.length).toBeGreaterThan(30);
    // Every group plays, and those at the borders are not there twice.
    for (let at = from - 3_000; at < to + 3_000; at += 1_900) {
      const { value } = await world.playback.gop({ camera: CAMERA, at: utcMs(at) });
      expect(value.kind).toBe('gop');
      if (value.kind !== 'gop') continue;
      expect(value.from).toBeLessThanOrEqual(at);
      expect((value.from - T0) % GOP_MS).toBe(0);
      expect(value.frames.length).toBe(at > from && at < to ? GOP_MS / FRAME_MS : value.frames.length);
    }
    expect(existsSync(world.partsFolder) ? readdirSync(world.partsFolder) : []).toEqual([]);
  });

  it('writes files that say of themselves what their rows say, with the hash of what is in them', async () => {
    await world.outage(60);
    await world.healing().round();
    const rows = await world.healedRows();
    expect(rows.length).toBeGreaterThan(3);
    const paths: string[] = [];
    for (const { start, end, bytes, keyframes, hash, codec } of rows) {
      const path = join(world.dataDir, 'recordings', CAMERA, new Date(start).toISOString().slice(0, 10), `${start}.healed.mp4`);
      expect(createHash('sha256').update(readFileSync(path)).digest()).toEqual(Buffer.from(hash ?? []));
      expect((await scanSegment(path, start)).segment).toEqual({ start, end, bytes, keyframes, codec });
      paths.push(path);
    }
    const pictures = timesOf(paths[0] ?? '');
    expect(pictures[0]).toBe(0);
    expect(Math.abs(timesOf(paths[0] ?? '', 'a').length - pictures.length)).toBeLessThanOrEqual(1);
  });

  it('makes one clip of live, healed and live footage, without a group twice', async () => {
    const { from, to } = await world.outage(30);
    await world.healing().round();
    const chunks: Uint8Array[] = [];
    for await (const chunk of world.playback.clip({ camera: CAMERA, from: utcMs(from - 10_000), to: utcMs(to + 10_000) }))
      chunks.push(chunk);
    const path = join(world.dir, 'clip.mp4');
    writeFileSync(path, Buffer.concat(chunks));
    const videoTimes = timesOf(path);
    expect(videoTimes).toHaveLength(Math.round((to - from + 20_000 + ((from - 10_000 - T0) % GOP_MS)) / FRAME_MS));
    for (const [index, time] of videoTimes.slice(1).entries()) expect(time - (videoTimes[index] ?? 0)).toBeCloseTo(FRAME_MS, -1);
  });

  it('fills the newest outage first', async () => {
    await world.outage(30);
    await world.outage(30);
    await world.healing().round();
    const starts = world.added.map((span) => span.from);
    expect(starts[0]).toBeGreaterThan(starts.at(-1) ?? 0);
    expect((await world.recordings({ from: utcMs(T0), to: utcMs(world.clock.now() - 20_000) })).coverage).toBe(1);
  });

  it('has the true difference of the clocks by a keyframe that both have', async () => {
    const { from, to } = await world.outage(30);
    world.access = { ...world.access, clockOffsetMs: AHEAD_MS + 80 };
    await world.healing().round();
    const rows = await world.healedRows();
    const [first] = rows;
    expect(((first?.start ?? 0) - T0) % GOP_MS).toBe(0);
    expect((await world.recordings({ from, to })).coverage).toBe(1);
  });
});

function timesOf(path: string, stream: 'v' | 'a' = 'v'): number[] {
  const out = execFileSync(
    'ffprobe',
    ['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=dts_time', '-of', 'csv=p=0', path],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  return out
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => Math.round(parseFloat(line) * 1000));
}
