import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from './clock.ts';
import { asCoded, CodedError, ERROR_TABLE, fromWire } from './errors.ts';
import { firstOf } from './first-of.ts';
import { makeFolder } from './folder.ts';
import { createLog } from './log.ts';
import { Backoff } from './retry.ts';

describe('errors (B1)', () => {
  it('cross a process boundary with their code', () => {
    const error = new CodedError('disk-full', 'The disk is full.');
    const back = fromWire(JSON.parse(JSON.stringify(error.toWire())) as ReturnType<CodedError['toWire']>);
    expect(back).toMatchObject({ code: 'disk-full', message: 'The disk is full.' });
  });

  it('unknown failures become internal ones', () => {
    expect(asCoded(new Error('boom'))).toMatchObject({ code: 'internal', message: 'boom' });
    expect(fromWire({ code: 'made-up' as 'internal', message: '' }).code).toBe('internal');
  });

  it('all have a status and a failing exit code', () => {
    for (const { status, exit } of Object.values(ERROR_TABLE)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect([1, 2]).toContain(exit);
    }
  });
});

describe('log (B2)', () => {
  it('hides passwords, invites and tokens', () => {
    const lines: string[] = [];
    const log = createLog('test', { write: (line) => lines.push(line) });
    log.warn('cannot open rtsp://admin:hunter2@10.0.0.2/live', { invite: 'keyhole:AbCdEf', url: 'http://127.0.0.1/?token=s3cret' });
    expect(lines[0]).toContain('rtsp://admin:***@10.0.0.2/live');
    expect(lines.join()).not.toMatch(/hunter2|AbCdEf|s3cret/);
  });

  it('hides passwords with any characters in them, of relays too', () => {
    const lines: string[] = [];
    const log = createLog('test', { write: (line) => lines.push(line) });
    log.warn('rtsp://admin:hun@ter2@10.0.0.2/live rtsp://admin:hunter/2@10.0.0.2/live turn:me:hunter2@relay:3478 KEYHOLE:AbCdEf');
    expect(lines.join()).not.toMatch(/hun|ter2|AbCdEf/);
  });

  it('keeps to one line, and lets nobody write to the terminal', () => {
    const lines: string[] = [];
    const log = createLog('test', { write: (line) => lines.push(line) });
    log.warn('lost\n2026 info forged', { why: '\u001b]0;title\u0007', name: '\u009b31m', text: 'a\r\nb\u2028c' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\p{Cc}\p{Zl}]/u);
  });
});

describe('firstOf', () => {
  const setUp = (at?: 'once') => {
    const clock = new SimulatedClock(0);
    const left: string[] = [];
    const settle: { resolve?: (value: number) => void; reject?: (error: Error) => void } = {};
    const outcome = firstOf<number>({
      clock,
      timeoutMs: 100,
      late: () => new Error('late'),
      listen: (resolve, reject) => {
        Object.assign(settle, { resolve, reject });
        if (at === 'once') resolve(1);
        return [() => left.push('a'), () => left.push('b')];
      },
    });
    return { clock, left, settle, outcome };
  };

  it('is settled by the first event, and then listens no more', async () => {
    const { clock, left, settle, outcome } = setUp();
    settle.resolve?.(7);
    settle.reject?.(new Error('too late'));
    expect(await outcome).toBe(7);
    await clock.advance(200);
    expect(left).toEqual(['a', 'b']);
  });

  it('is rejected when time is over', async () => {
    const { clock, left, outcome } = setUp();
    const failed = expect(outcome).rejects.toThrow('late');
    await clock.advance(100);
    await failed;
    expect(left).toEqual(['a', 'b']);
  });

  it('leaves no listener when it is settled while it begins to listen', async () => {
    const { left, outcome } = setUp('once');
    expect(await outcome).toBe(1);
    expect(left).toEqual(['a', 'b']);
  });
});

describe('Backoff (B3)', () => {
  it('doubles up to the cap and starts anew on reset', () => {
    const backoff = new Backoff({ firstMs: 500, capMs: 30_000, random: () => 1 });
    expect(Array.from({ length: 9 }, () => backoff.next())).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });

  it('jitters down to half', () => {
    expect(new Backoff({ firstMs: 1000, random: () => 0 }).next()).toBe(500);
  });
});

describe('SimulatedClock (B4)', () => {
  it('runs timers in order of their time', async () => {
    const clock = new SimulatedClock(0);
    const seen: string[] = [];
    clock.setTimeout(() => seen.push(`b ${clock.now()}`), 20);
    clock.setTimeout(() => {
      seen.push(`a ${clock.now()}`);
      clock.setTimeout(() => seen.push(`c ${clock.now()}`), 5);
    }, 10);
    clock.setTimeout(() => seen.push('never'), 15).cancel();
    await clock.advance(30);
    expect(seen).toEqual(['a 10', 'c 15', 'b 20']);
  });

  it('fires nothing when the wall clock jumps', async () => {
    const clock = new SimulatedClock(0);
    let fired = false;
    clock.setTimeout(() => (fired = true), 10);
    clock.jump(3_600_000);
    await clock.advance(9);
    expect(fired).toBe(false);
    expect(clock.now()).toBe(3_600_009);
    expect(clock.monotonic()).toBe(9);
  });
});

describe('makeFolder', () => {
  it('makes what is missing, is content with what is there, and gives up where it may not', () => {
    const root = mkdtempSync(join(tmpdir(), 'keyhole-folder-'));
    makeFolder(join(root, 'a', 'b'));
    makeFolder(join(root, 'a', 'b'));
    expect(statSync(join(root, 'a', 'b')).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o700);
    writeFileSync(join(root, 'file'), '');
    expect(() => makeFolder(join(root, 'file'))).toThrow('EEXIST');
    expect(() => makeFolder(join(root, 'file', 'c'))).toThrow('ENOTDIR');
    rmSync(root, { recursive: true });
  });

  it.skipIf(process.platform !== 'linux')('does not try for ever where the system says there is no such file (Linux: /proc)', () => {
    expect(() => makeFolder('/proc/keyhole/data')).toThrow('ENOENT');
  });
});
