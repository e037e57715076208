import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../test/fakes/seeded-random.ts';
import { SimulatedClock } from '../../base/clock.ts';
import { utcMs, type CameraPath, type PathSpan, type Reason } from '../../contract/model.ts';
import { PathTrack, tile } from './path-track.ts';

const T0 = Date.UTC(2026, 0, 30);
const path = (kind: CameraPath['kind'], rttMs = 3): CameraPath => ({ kind, local: '10.0.0.2:1', remote: '10.0.0.3:2', rttMs, lossPct: 0 });
const GONE: Reason = { code: 'peer-absent', text: 'The camera is not at the rendezvous.' };
const LOST: Reason = { code: 'ice-failed', text: 'No way was found.' };
const span = (from: number, to: number, kind: PathSpan['kind'] = 'host', reason: Reason | null = null): PathSpan => ({
  from: utcMs(from),
  to: utcMs(to),
  kind,
  reason,
});

describe('the ways of a camera', () => {
  it('are spans of one kind, or of one reason why there is none', async () => {
    const clock = new SimulatedClock(T0);
    const track = new PathTrack(clock);
    const then = async (way: CameraPath | null, reason: Reason = GONE) => {
      track.set(way, reason);
      await clock.advance(1000);
    };
    await then(null);
    await then(null, { ...GONE, text: 'The same in other words.' });
    await then(null, LOST);
    await then(path('relay'));
    await then(path('relay', 80));
    await then(path('srflx'));
    expect(track.unwritten).toEqual([
      span(T0, T0 + 2000, 'none', GONE),
      span(T0 + 2000, T0 + 3000, 'none', LOST),
      span(T0 + 3000, T0 + 5000, 'relay'),
      span(T0 + 5000, T0 + 6000, 'srflx'),
    ]);
  });

  it('the first connecting belongs to what comes of it, and is none until then', async () => {
    for (const [way, kind] of [
      [path('srflx'), 'srflx'],
      [null, 'none'],
    ] as const) {
      const clock = new SimulatedClock(T0);
      const track = new PathTrack(clock);
      track.set(null, null);
      await clock.advance(4000);
      expect(track.unwritten).toMatchObject([{ from: T0, to: T0 + 4000, kind: 'none', reason: { code: 'session-lost' } }]);
      expect(track.take(true)).toEqual([]);
      track.set(way, GONE);
      await clock.advance(1000);
      track.set(null, null);
      await clock.advance(1000);
      expect(track.unwritten).toEqual([span(T0, T0 + 6000, kind, way ? null : GONE)]);
    }
  });

  it('are written when they change, a lasting one once a minute, and the rest at the end', async () => {
    const clock = new SimulatedClock(T0);
    const track = new PathTrack(clock);
    track.set(path('host'), GONE);
    await clock.advance(10_000);
    expect(track.take(false)).toHaveLength(1);
    await clock.advance(30_000);
    expect(track.take(false)).toEqual([]);
    await clock.advance(30_000);
    expect(track.take(false)).toEqual([span(T0, T0 + 70_000)]);
    track.set(path('relay'), GONE);
    await clock.advance(5000);
    expect(track.take(false).map(({ kind }) => kind)).toEqual(['host', 'relay']);
    await clock.advance(1000);
    track.stop();
    expect(track.take(true)).toEqual([span(T0 + 70_000, T0 + 76_000, 'relay')]);
    expect(track.unwritten).toEqual([]);
  });

  it('wait for storage that fails, as many as there is room for, and what is left out is counted', async () => {
    const clock = new SimulatedClock(T0);
    const track = new PathTrack(clock);
    for (let round = 0; round < 100; round += 1) {
      track.set(path(round % 2 === 0 ? 'host' : 'relay'), GONE);
      await clock.advance(100);
      track.giveBack(track.take(false));
    }
    const kept = track.unwritten;
    expect(kept.length).toBeLessThanOrEqual(65);
    expect(kept.at(-1)).toEqual(span(T0 + 9900, T0 + 10_000, 'relay'));
    expect(track.dropped).toBe(100 - kept.length);
  });

  it('end no earlier than they began when the clock is set back', async () => {
    const clock = new SimulatedClock(T0);
    const track = new PathTrack(clock);
    track.set(path('host'), GONE);
    await clock.advance(1000);
    clock.jump(-60_000);
    for (const { from, to } of track.unwritten) expect(to).toBeGreaterThanOrEqual(from);
  });
});

describe('tile', () => {
  it('covers the range exactly, unknown time as none without a reason, equal neighbours as one', () => {
    const spans = [span(-50, 10), span(10, 20), span(30, 40, 'relay'), span(60, 500, 'none', LOST)];
    expect(tile(spans, utcMs(0), utcMs(100))).toEqual([
      span(0, 20),
      span(20, 30, 'none'),
      span(30, 40, 'relay'),
      span(40, 60, 'none'),
      span(60, 100, 'none', LOST),
    ]);
    expect(tile([], utcMs(0), utcMs(100))).toEqual([span(0, 100, 'none')]);
  });

  it('covers it whatever is stored: overlapping, twice, out of order', () => {
    const random = seededRandom(7);
    const kinds = ['host', 'relay', 'srflx', 'none'] as const;
    for (let round = 0; round < 500; round += 1) {
      const spans = Array.from({ length: Math.floor(random() * 12) }, () => {
        const from = Math.floor(random() * 140) - 20;
        return span(from, from + Math.floor(random() * 40), kinds[Math.floor(random() * 4)]);
      });
      const tiles = tile(spans, utcMs(0), utcMs(100));
      expect(tiles[0]?.from).toBe(0);
      expect(tiles.at(-1)?.to).toBe(100);
      for (const [index, next] of tiles.slice(1).entries()) {
        expect(next.from).toBe(tiles[index]?.to);
        expect(next.to).toBeGreaterThan(next.from);
      }
    }
  });
});
