import { describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import type { Storage } from '../storage/client.ts';
import { GapLedger } from './gap-ledger.ts';

/** Stands at the far end of the calls: keeps what was stored. */
class Notebook {
  readonly gaps: { start: number; end: number | null; reason: string }[] = [];
  failing = false;

  readonly call: Storage['call'] = (async (name: string, args: { start: number; end: number; gap: number; reason: string }) => {
    if (this.failing) throw new Error('disk full');
    if (name === 'openGap') return this.gaps.push({ start: args.start, end: null, reason: args.reason }) - 1;
    if (name === 'addGap') this.gaps.push({ start: args.start, end: args.end, reason: args.reason });
    const gap = this.gaps[args.gap];
    if (name === 'closeGap' && gap) gap.end = args.end;
    return undefined;
  }) as Storage['call'];
}

const cause = (reason: 'session-lost' | 'ice-failed' | 'disk-full') => ({ reason, text: '-' });

describe('the gap ledger', () => {
  it('begins a gap where the footage ended and ends it where it goes on', async () => {
    const notebook = new Notebook();
    const ledger = new GapLedger(1, notebook, silentLog);
    ledger.recorded(utcMs(1_000), utcMs(5_000), null);
    ledger.interrupted(utcMs(9_000), cause('session-lost'));
    ledger.interrupted(utcMs(9_500), cause('session-lost'));
    expect(ledger.current?.reason).toBe('session-lost');
    ledger.interrupted(utcMs(12_000), cause('ice-failed'));
    ledger.recorded(utcMs(20_000), utcMs(21_000), null);
    expect(ledger.current).toBeNull();
    await ledger.settled();
    expect(notebook.gaps).toEqual([
      { start: 5_000, end: 12_000, reason: 'session-lost' },
      { start: 12_000, end: 20_000, reason: 'ice-failed' },
    ]);
  });

  it('notes a hole that nobody noticed while it lasted, with what the stream said', async () => {
    const notebook = new Notebook();
    const ledger = new GapLedger(1, notebook, silentLog);
    ledger.recorded(utcMs(0), utcMs(5_000), null);
    ledger.recorded(utcMs(5_300), utcMs(6_000), null);
    ledger.recorded(utcMs(8_000), utcMs(9_000), cause('session-lost'));
    ledger.recorded(utcMs(15_000), utcMs(16_000), null);
    await ledger.settled();
    expect(notebook.gaps).toEqual([
      { start: 6_000, end: 8_000, reason: 'session-lost' },
      { start: 9_000, end: 15_000, reason: 'source-stalled' },
    ]);
  });

  it('ends what is open when the recorder is closed', async () => {
    const notebook = new Notebook();
    const ledger = new GapLedger(1, notebook, silentLog);
    ledger.interrupted(utcMs(1_000), cause('session-lost'));
    await ledger.close(utcMs(3_000));
    expect(notebook.gaps).toEqual([{ start: 1_000, end: 3_000, reason: 'session-lost' }]);
  });

  it('keeps the reasons that a database refuses until it takes them', async () => {
    const notebook = new Notebook();
    const ledger = new GapLedger(1, notebook, silentLog);
    notebook.failing = true;
    ledger.interrupted(utcMs(0), cause('disk-full'));
    ledger.interrupted(utcMs(1_000), cause('session-lost'));
    await ledger.settled();
    expect(notebook.gaps).toEqual([]);
    notebook.failing = false;
    ledger.retry();
    await ledger.settled();
    ledger.recorded(utcMs(3_000), utcMs(4_000), null);
    await ledger.settled();
    expect(notebook.gaps).toEqual([
      { start: 0, end: 1_000, reason: 'disk-full' },
      { start: 1_000, end: 3_000, reason: 'session-lost' },
    ]);
  });

  it('holds a bounded number of them, and covers the time of all', async () => {
    const notebook = new Notebook();
    notebook.failing = true;
    const ledger = new GapLedger(1, notebook, silentLog);
    for (let i = 0; i < 500; i++) ledger.interrupted(utcMs(i * 1_000), cause(i % 2 === 0 ? 'session-lost' : 'ice-failed'));
    ledger.recorded(utcMs(500_000), utcMs(501_000), null);
    await ledger.settled();
    notebook.failing = false;
    ledger.retry();
    await ledger.settled();
    expect(ledger.counters.merged).toBeGreaterThan(400);
    expect(notebook.gaps.length).toBeLessThan(70);
    let position = 0;
    for (const { start, end } of notebook.gaps) {
      expect(start).toBe(position);
      position = end ?? 0;
    }
    expect(position).toBe(500_000);
  });

  it('knows since when nothing is recorded that should be', () => {
    const ledger = new GapLedger(1, new Notebook(), silentLog);
    ledger.recorded(utcMs(0), utcMs(5_000), null);
    ledger.interrupted(utcMs(6_000), cause('session-lost'));
    ledger.interrupted(utcMs(9_000), cause('ice-failed'));
    expect(ledger.current).toMatchObject({ reason: 'ice-failed', since: 5_000 });
    ledger.interrupted(utcMs(20_000), { reason: 'schedule', text: '-' });
    ledger.interrupted(utcMs(30_000), cause('session-lost'));
    expect(ledger.current).toMatchObject({ reason: 'session-lost', since: 30_000 });
  });
});
