import { readdir } from 'node:fs/promises';
import { lookIntoArchive, type ArchiveLook } from '../archive/look-in.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { asCoded } from '../base/errors.ts';
import { verifyChain } from '../proof/verify-chain.ts';
import { readFolderList } from '../recording/folder-list.ts';
import type { StorageFolder } from '../recording/folders.ts';
import { INSTALLATION_SETTING, readMarker } from '../recording/marker.ts';
import { Storage } from '../storage/client.ts';
import type { CameraRow } from '../storage/interface.ts';
import { checkFiles } from './files.ts';
import { checkLedger } from './ledger.ts';
import { checkClock, checkDisks, checkFfmpeg } from './machine.ts';
import {
  CHECKS,
  note,
  Places,
  problem,
  result,
  type CheckName,
  type CheckResult,
  type DoctorReport,
  type Finding,
  type FindingKind,
} from './report.ts';

export interface DoctorOptions {
  readonly dataDir: string;
  /** Opens the archive, which is read when all is; null or left out: it is kept elsewhere. */
  readonly dataKey?: Uint8Array | null;
  /** The app's public key, where it is known: who signs the proofs now must be it. */
  readonly key?: Uint8Array | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Read every file and every signature, and not a sample. */
  readonly deep?: boolean;
  /** Only these; all but `nat` when not given. */
  readonly only?: readonly CheckName[];
  /** Looks at the network's NAT, where the caller can; left out when null. */
  readonly nat?: (() => Promise<CheckResult>) | null;
  /** Which files are read by chance: 0..1. */
  readonly random?: () => number;
}

/** Looks over a data folder, also beside a running app: reads, and changes nothing. Never throws for what it finds. */
export async function diagnose(options: DoctorOptions): Promise<DoctorReport> {
  const { dataDir, log } = options;
  let storage: Storage;
  try {
    storage = await Storage.open({ dataDir, log, readOnly: true });
  } catch (error) {
    const { code, message } = asCoded(error);
    const kind: FindingKind =
      code === 'not-found' ? 'database-missing' : code === 'database-corrupt' ? 'database-damaged' : 'database-unreadable';
    const advice = code === 'database-corrupt' ? 'Restart Keyhole: the index is made anew from its copy and the recordings.' : '';
    const checks = [result('database', 'could not be opened', [problem(kind, message, advice)]), await checkFfmpeg()];
    return { format: 1, dataDir, running: false, clean: false, checks };
  }
  try {
    const checks = await new Doctor(options, storage).run();
    return { format: 1, dataDir, running: storage.report.inUse, clean: checks.every(({ ok }) => ok), checks };
  } finally {
    await storage.close();
  }
}

class Doctor {
  readonly #options: DoctorOptions;
  readonly #storage: Storage;
  #cameras: readonly CameraRow[] = [];
  /** There and ours. */
  #folders: StorageFolder[] = [];
  #all: { readonly key: number; readonly root: string; readonly present: boolean }[] = [];

  constructor(options: DoctorOptions, storage: Storage) {
    this.#options = options;
    this.#storage = storage;
  }

  async run(): Promise<CheckResult[]> {
    const { clock, deep = false, only, nat = null, random = Math.random } = this.#options;
    const storage = this.#storage;
    this.#cameras = await storage.call('cameras', { removed: true });
    const folders = await this.#guarded('folders', () => this.#checkFolders());
    const running = storage.report.inUse;
    const steps: Readonly<Record<CheckName, () => Promise<CheckResult> | CheckResult>> = {
      database: () => this.#checkDatabase(),
      folders: () => folders,
      files: () => checkFiles({ storage, cameras: this.#cameras, folders: this.#folders, running, deep, random }),
      ledger: () => checkLedger(storage, this.#cameras, clock, running),
      proofs: () => this.#checkProofs(deep),
      archive: () => this.#checkArchive(),
      ffmpeg: checkFfmpeg,
      disk: () => checkDisks(this.#folders),
      clock: () => checkClock(storage, this.#cameras, clock),
      nat: () => (nat ? nat() : result('nat', 'not looked at: --nat does', [])),
    };
    const results: CheckResult[] = [];
    for (const name of CHECKS) if (!only || only.includes(name)) results.push(await this.#guarded(name, steps[name]));
    return results;
  }

  /** A check that fails is a finding, and no reason to leave the others out. */
  async #guarded(name: CheckName, check: () => Promise<CheckResult> | CheckResult): Promise<CheckResult> {
    try {
      return await check();
    } catch (error) {
      const { code, message } = asCoded(error);
      const kind = code === 'database-corrupt' ? 'database-damaged' : 'check-failed';
      return result(name, 'could not be checked', [problem(kind, message, '')]);
    }
  }

  async #checkDatabase(): Promise<CheckResult> {
    const findings: Finding[] = [];
    const wrong = await this.#storage.call('checkPages', {});
    if (wrong !== null)
      findings.push(
        problem(
          'database-damaged',
          `The index is damaged: ${wrong}.`,
          'Restart Keyhole: it is made anew from its copy and the recordings.',
        ),
      );
    else {
      const spans = new Places(
        'spans-wrong',
        'problem',
        (n) => `The timeline and the segments differ at ${n} place(s).`,
        'Please report this.',
      );
      for (const { id, key } of this.#cameras)
        spans.add(...(await this.#storage.call('wrongSpans', { camera: key })).map((at) => `${id}: ${new Date(at).toISOString()}`));
      findings.push(...spans.finding());
      if (!(await this.#storage.call('totalsHold', {})))
        findings.push(problem('totals-wrong', 'What the index keeps as its totals is not what counting gives.', 'Please report this.'));
    }
    const { segments, bytes } = await this.#storage.call('totals', {});
    const broken = new Places(
      'database-damaged',
      'note',
      (n) => `${n} damaged index(es) were set aside.`,
      'They may be deleted when nothing is missing.',
    );
    const temporary = new Places(
      'temporary-left',
      'note',
      (n) => `${n} temporary file(s) were left over.`,
      'They are written over when needed.',
    );
    for (const name of await readdir(this.#options.dataDir)) {
      if (/^keyhole\.db\.broken-.*Z$/.test(name)) broken.add(name);
      if (/^(keyhole\.db|cameras-backup\.json).*\.new$/.test(name) && !this.#storage.report.inUse) temporary.add(name);
    }
    findings.push(...broken.finding(), ...temporary.finding());
    return result(
      'database',
      `format ${this.#storage.report.version}, ${segments} segments, ${(bytes / 1e9).toFixed(1)} GB of footage`,
      findings,
    );
  }

  async #checkFolders(): Promise<CheckResult> {
    const { dataDir } = this.#options;
    const installation = await this.#storage.call('setting', { key: INSTALLATION_SETTING });
    const { list } = readFolderList(await this.#storage.call('setting', { key: 'storage.folders' }));
    const findings: Finding[] = [];
    const usage = await this.#storage.call('usage', {});
    for (const { key, root } of [{ key: 0, root: dataDir }, ...list.map(({ key, path }) => ({ key, root: path }))]) {
      const marker = await readMarker(root).catch(() => null);
      const used = usage.some((row) => row.folder === key);
      const present = marker?.id === installation && (marker?.folder ?? 0) === key;
      this.#all.push({ key, root, present });
      if (present) this.#folders.push({ key, root });
      else if (marker)
        findings.push(
          problem('folder-foreign', `The recordings in ${root} belong to another installation or folder.`, 'Connect the right disk.'),
        );
      else if (used || key !== 0)
        findings.push(problem('folder-missing', `The storage folder ${root} is not there, or has lost its mark.`, 'Connect its disk.'));
    }
    for (const folder of new Set(usage.map((row) => row.folder)))
      if (folder !== null && !this.#all.some(({ key }) => key === folder))
        findings.push(
          problem('folder-missing', `The index names a storage folder (${folder}) that is not in the settings.`, 'Add the folder again.'),
        );
    const garbage = await this.#storage.call('garbage', { limit: 1_000 });
    if (garbage.length > 0) {
      const many = garbage.length >= 1_000 ? 'at least 1000' : String(garbage.length);
      findings.push(
        note('garbage-left', `${many} deleted file(s) are still to be taken from the disk.`, 'Keyhole does that while it runs.'),
      );
    }
    return result('folders', this.#all.map(({ root }) => root).join(', '), findings);
  }

  async #checkProofs(deep: boolean): Promise<CheckResult> {
    const { dataKey = null, clock, log } = this.#options;
    const archive = await lookIntoArchive({ storage: this.#storage, dataKey, clock, log });
    try {
      return await this.#verify(deep, archive);
    } finally {
      archive.close();
    }
  }

  async #verify(deep: boolean, archive: ArchiveLook): Promise<CheckResult> {
    const { dataDir, key: appKey = null, clock } = this.#options;
    const findings: Finding[] = [];
    let links = 0;
    let unread = 0;
    let why: string | null = null;
    for (const { id, key } of this.#cameras) {
      const report = await verifyChain({
        dataDir,
        camera: { id, key },
        storage: this.#storage,
        folders: this.#all,
        deep,
        archive,
        key: appKey,
        now: clock.now(),
      });
      links += report.links;
      unread += report.archived.unread;
      why ??= report.archived.why;
      for (const { text, from } of report.findings.slice(0, 100)) {
        // A file that is gone and said to be is in the ledger; here it counts that nobody took it away unseen.
        const at = from === null ? '' : ` (${new Date(from).toISOString()})`;
        findings.push(problem('proof', `${id}${at}: ${text}`, 'Run `keyhole verify` for all of it.'));
      }
    }
    if (why !== null) findings.push(note('archive-unread', `${unread} recording(s) are in the archive, not read: ${why}`));
    const away = unread > 0 ? `, ${unread} in the archive, not read` : '';
    return result('proofs', links === 0 ? 'no chain' : `${links} links${deep ? `, every file read${away}` : ''}`, findings);
  }

  async #checkArchive(): Promise<CheckResult> {
    const usage = await this.#storage.call('usage', {});
    const there = usage.filter(({ folder }) => folder === null).reduce((sum, { segments }) => sum + segments, 0);
    const cameras = this.#cameras.filter(({ removedAt }) => removedAt === null).map(({ key }) => key);
    const { waiting } = await this.#storage.call('archiveFigures', { cameras, archive: 0 });
    const findings: Finding[] = [];
    if (waiting.segments > 0)
      findings.push(
        note('archive-behind', `${waiting.segments} segment(s) wait to be copied to the archive.`, 'Keyhole does that while it runs.'),
      );
    return result('archive', `${there} segments are in the archive alone`, findings);
  }
}
