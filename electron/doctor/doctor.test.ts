import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BEGIN, ProvenFootage } from '../../test/fixtures/proven-footage.ts';
import { silentLog } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import { StorageFolders } from '../recording/folders.ts';
import { repairIndex } from '../recording/repair.ts';
import { RunPeriods } from '../recording/run-periods.ts';
import { diagnose } from './doctor.ts';
import type { DoctorReport, Finding } from './report.ts';

let footage: ProvenFootage;

/** A minute of footage, closed properly. */
beforeEach(async () => {
  footage = new ProvenFootage();
  closed = false;
  await footage.open();
  const runs = new RunPeriods({ storage: footage.storage, clock: footage.clock, log: silentLog });
  await runs.start();
  await footage.record(0, 60_000);
  await repair();
  await runs.close();
});

afterEach(async () => {
  await settle();
  footage.remove();
});

const repair = () => {
  const { storage, register, dataDir } = footage;
  return repairIndex({ storage, register, folders: new StorageFolders(dataDir), log: silentLog, all: true });
};

function doctor(deep = false): Promise<DoctorReport> {
  return diagnose({ dataDir: footage.dataDir, clock: footage.clock, log: silentLog, deep, random: () => 0 });
}

const findings = (report: DoctorReport): Finding[] => report.checks.flatMap((check) => check.findings);
const problems = async (deep = false) => findings(await doctor(deep)).flatMap(({ kind, level }) => (level === 'problem' ? [kind] : []));
const notes = async () => findings(await doctor()).flatMap(({ kind, level }) => (level === 'note' ? [kind] : []));

/** The database changed behind the app's back. */
function sql(statement: string): void {
  const db = new DatabaseSync(join(footage.dataDir, 'keyhole.db'));
  db.exec(statement);
  db.close();
}

let closed = false;

/** From here on nobody writes: what has no row is an orphan, however new it is. */
async function settle(): Promise<void> {
  if (!closed) await footage.close();
  closed = true;
}

describe('the doctor', () => {
  it('finds nothing in a folder that is well, also beside a running app and when it reads everything', async () => {
    const running = await doctor();
    expect(findings(running).filter(({ level }) => level === 'problem')).toEqual([]);
    expect(running).toMatchObject({ format: 1, clean: true, running: true });
    expect(running.checks.map(({ name }) => name)).toEqual([
      'database',
      'folders',
      'files',
      'ledger',
      'proofs',
      'archive',
      'ffmpeg',
      'disk',
      'clock',
      'nat',
    ]);
    await settle();
    const deep = await doctor(true);
    expect(deep).toMatchObject({ clean: true, running: false });
    expect(deep.checks.find(({ name }) => name === 'files')?.summary).toMatch(/^(\d+) recordings in the index, \1 files, \1 of them read$/);
    expect(deep.checks.find(({ name }) => name === 'ledger')?.summary).toContain('100.0 %');
  });

  it('does not take the file that is being recorded for an orphan, but an old one for one', async () => {
    copyFileSync(footage.file(0), footage.file(5_000));
    expect(await problems()).toEqual([]);
    await settle();
    expect(await problems()).toContain('file-unlisted');
  });

  it('names a file that is gone, one that is not listed, one of another size, one that is there twice', async () => {
    await settle();
    renameSync(footage.file(10_000), footage.file(12_000));
    appendFileSync(footage.file(20_000), 'more');
    copyFileSync(footage.file(30_000), footage.file(30_000, 'sub'));
    const report = await doctor();
    expect(report.clean).toBe(false);
    const found = new Map(findings(report).map((finding) => [finding.kind, finding]));
    expect(found.get('file-missing')).toMatchObject({ count: 1, examples: [expect.stringContaining(`${BEGIN + 10_000}.mp4`)] });
    expect(found.get('file-unlisted')).toMatchObject({ count: 1, examples: [footage.file(12_000)] });
    expect(found.get('file-size')).toMatchObject({ count: 1, examples: [expect.stringContaining(footage.file(20_000))] });
    expect(found.get('file-double')).toMatchObject({ count: 1, examples: [footage.file(30_000, 'sub')] });
    for (const kind of ['file-missing', 'file-unlisted', 'file-size'] as const) expect(found.get(kind)?.advice).toContain('--repair');
  });

  it('names a damaged file, and one that holds something else than its row says', async () => {
    await settle();
    const file = openSync(footage.file(0), 'r+');
    writeSync(file, new Uint8Array(64), 0, 64, Math.floor(statSync(footage.file(0)).size / 2));
    closeSync(file);
    sql(`UPDATE segment SET duration_ms = 3000 WHERE start_ms = ${BEGIN + 10_000}`);
    expect(await problems()).toEqual(expect.arrayContaining(['file-unreadable', 'file-differs']));
  });

  it('notices a byte that was changed in a picture only when it reads everything', async () => {
    await settle();
    const { size } = statSync(footage.file(0));
    const file = openSync(footage.file(0), 'r+');
    writeSync(file, new Uint8Array([0x55]), 0, 1, size - 1);
    closeSync(file);
    expect(await problems()).toEqual([]);
    expect(await problems(true)).toEqual(['proof']);
  });

  it('names seconds that nothing explains', async () => {
    await settle();
    sql(`DELETE FROM run; INSERT INTO run (start_ms, end_ms) VALUES (${BEGIN}, ${BEGIN + 3_600_000})`);
    await footage.clock.advance(600_000);
    const report = await doctor();
    expect(findings(report).find(({ kind }) => kind === 'time-unexplained')).toMatchObject({ level: 'problem', count: 1 });
  });

  it('names a timeline and totals that are not what the segments give', async () => {
    await settle();
    sql(`UPDATE span SET end_ms = end_ms + 5000; UPDATE segment_total SET bytes = bytes - 1`);
    expect(await problems()).toEqual(expect.arrayContaining(['spans-wrong', 'totals-wrong']));
  });

  it('names a damaged index, one that is no database, and one that is not there', async () => {
    await settle();
    const db = new DatabaseSync(join(footage.dataDir, 'keyhole.db'));
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const { rootpage } = db.prepare("SELECT rootpage FROM sqlite_master WHERE name = 'gap'").get() as { rootpage: number };
    db.close();
    const file = openSync(join(footage.dataDir, 'keyhole.db'), 'r+');
    writeSync(file, new Uint8Array(512).fill(0xa5), 0, 512, (rootpage - 1) * 4096);
    closeSync(file);
    expect(await problems()).toContain('database-damaged');
    for (const suffix of ['-wal', '-shm']) rmSync(join(footage.dataDir, `keyhole.db${suffix}`), { force: true });
    writeFileSync(join(footage.dataDir, 'keyhole.db'), 'no database at all'.repeat(500));
    expect(await problems()).toContain('database-damaged');
    rmSync(join(footage.dataDir, 'keyhole.db'));
    expect(await problems()).toEqual(['database-missing']);
  });

  it('names a storage folder that is not there, or is another’s, and takes its rows for neither lost nor found', async () => {
    await settle();
    const marker = join(footage.dataDir, 'recordings', 'keyhole-recordings.json');
    const own = readFileSync(marker, 'utf8');
    writeFileSync(marker, JSON.stringify({ id: 'somebody else' }));
    expect(await problems()).toEqual(['folder-foreign']);
    rmSync(marker);
    expect(await problems()).toContain('folder-missing');
    writeFileSync(marker, own);
    expect(await problems()).toEqual([]);
    sql(`UPDATE segment SET folder = 3 WHERE start_ms = ${BEGIN}`);
    expect(await problems()).toContain('folder-missing');
  });

  it('notes what is left over: files put aside, foreign ones, unknown cameras, garbage, temporary files, a database that was set aside', async () => {
    await settle();
    const day = dirname(footage.file(0));
    writeFileSync(join(day, '1.mp4.empty'), '');
    writeFileSync(join(day, 'holiday.mp4'), '');
    mkdirSync(join(footage.dataDir, 'recordings', 'cam-unknown1'));
    writeFileSync(join(footage.dataDir, 'keyhole.db.new'), '');
    writeFileSync(join(footage.dataDir, 'keyhole.db.broken-2026-11-23T10-00-00-000Z'), '');
    sql("INSERT INTO garbage_file (folder, path) VALUES (0, 'recordings/cam-aaaaaaaa/2026-11-23/7.mp4')");
    expect((await notes()).sort()).toEqual(
      ['camera-unknown', 'database-damaged', 'file-empty', 'file-foreign', 'garbage-left', 'temporary-left'].sort(),
    );
    expect((await doctor()).clean).toBe(true);
  });

  it('names recordings of a time that is still to come', async () => {
    await footage.record(7_200_000, 10_000);
    const report = await diagnose({
      ...{ dataDir: footage.dataDir, log: silentLog, only: ['clock'] },
      clock: { ...footage.clock, now: () => utcMs(BEGIN + 60_000), monotonic: () => 0, setTimeout: () => ({ cancel: () => {} }) },
    });
    expect(findings(report)).toMatchObject([{ kind: 'clock', level: 'problem' }]);
  });

  it('what a torn file and a lost one leave is well again after a repair, and the loss is told', async () => {
    truncateSync(footage.file(10_000), statSync(footage.file(10_000)).size - 7);
    expect(await problems()).toContain('file-size');
    expect(await repair()).toMatchObject({ cut: 1, lost: 0 });
    expect((await problems()).filter((kind) => kind !== 'proof')).toEqual([]);
  });
});
