import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import { runCommand, type ProgramIo } from '../electron/base/program.ts';
import { defaultDataFolder } from '../electron/host/data-folder.ts';
import { HEADS_SETTING, readHeads, type CameraHead } from '../electron/proof/heads.ts';
import { verifyChain, type VerifyReport } from '../electron/proof/verify-chain.ts';
import { verifyExport } from '../electron/proof/verify-export.ts';
import { BACKUP_FILE } from '../electron/storage/layout.ts';
import { fingerprintOf } from '../peer/identity.ts';
import { findCamera, openDataFolder, timeFlag } from './data-folder.ts';
import { chainText, exportText } from './verify-text.ts';

const VERIFY_USAGE = `Usage: keyhole verify FILE.mp4… [--fingerprint APP] [--json]
       keyhole verify [DATA | --data DIR] [--camera ID|NAME] [--from TIME] [--to TIME] [--quick] [--json]
The first says whether exported files are what an app recorded, from the files alone; --fingerprint compares with the app's, as its
settings show it. The second reads every recording of a data folder, and what only its archive has, also while Keyhole runs, and says
what was changed, is missing, or is out of place; --quick looks at names and sizes instead, and not into the archive.
Exit code 0: nothing was found; 1: something was.`;

/** As it is shown, or with other gaps: an empty one would compare nothing. */
const FINGERPRINT = /^\s*([A-Za-z2-7]{4}[-\s]*){5}$/;

interface VerifyFlags {
  readonly files: readonly string[];
  readonly data: string;
  readonly camera: string | null;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly fingerprint: string | null;
  readonly quick: boolean;
  readonly json: boolean;
}

/** @throws CodedError `usage` */
export function parseVerifyFlags(argv: readonly string[]): VerifyFlags {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        camera: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        fingerprint: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new CodedError('usage', `${reason}.\n${VERIFY_USAGE}`, { cause: error });
  }
  const { values, positionals } = parsed;
  const folders = positionals.filter((path) => existsSync(path) && statSync(path).isDirectory());
  const files = positionals.filter((path) => !folders.includes(path));
  if (folders.length > 1 || (folders.length > 0 && (files.length > 0 || values.data !== undefined)))
    throw new CodedError('usage', `One data folder, or files.\n${VERIFY_USAGE}`);
  if (values.fingerprint !== undefined && !FINGERPRINT.test(values.fingerprint))
    throw new CodedError('usage', `--fingerprint takes what the app's settings show, XXXX-XXXX-XXXX-XXXX-XXXX.\n${VERIFY_USAGE}`);
  if (values.fingerprint !== undefined && files.length === 0)
    throw new CodedError('usage', `--fingerprint is compared with an exported file: name one.\n${VERIFY_USAGE}`);
  return {
    files,
    data: values.data ?? folders[0] ?? defaultDataFolder(),
    camera: values.camera ?? null,
    from: values.from === undefined ? undefined : timeFlag('from', values.from),
    to: values.to === undefined ? undefined : timeFlag('to', values.to),
    fingerprint: values.fingerprint ?? null,
    quick: values.quick,
    json: values.json,
  };
}

async function runVerify(flags: VerifyFlags, io: ProgramIo): Promise<void> {
  const found = flags.files.length > 0 ? await verifyFiles(flags, io) : await verifyFolder(flags, io);
  if (found > 0) throw new CodedError('proof-broken', `${found} thing(s) are not as they were recorded.`);
}

async function verifyFiles({ files, fingerprint, json }: VerifyFlags, io: ProgramIo): Promise<number> {
  let found = 0;
  for (const file of files) {
    if (!existsSync(file)) throw new CodedError('not-found', `There is no file ${file}.`);
    const report = await verifyExport(file, { expected: fingerprint });
    found += report.findings.length;
    if (json) io.event({ file, ...report });
    else process.stdout.write(exportText(file, report, fingerprint !== null));
  }
  return found;
}

async function verifyFolder(flags: VerifyFlags, io: ProgramIo): Promise<number> {
  const { storage, folders, identity, dataDir, archive, close } = await openDataFolder(flags.data);
  try {
    const all = await storage.call('cameras', { removed: true });
    const cameras = flags.camera === null ? all : [await findCamera(storage, flags.camera)];
    const heads = await backupHeads(dataDir);
    const reports: VerifyReport[] = [];
    for (const camera of cameras) {
      const report = await verifyChain({
        dataDir,
        camera,
        storage,
        folders,
        ...(flags.from === undefined ? {} : { from: flags.from }),
        ...(flags.to === undefined ? {} : { to: flags.to }),
        deep: !flags.quick,
        archive,
        key: identity?.publicKey ?? null,
        heads: heads.filter((head) => head.camera === camera.id),
        now: systemClock.now(),
        progress: progressOf(camera.name, io),
        signal: io.stop,
      });
      reports.push(report);
      if (flags.json) io.event({ ...report, name: camera.name });
      else process.stdout.write(chainText(camera.name, report));
    }
    if (!flags.json && identity) process.stdout.write(`This app is ${fingerprintOf(identity.publicKey)}.\n`);
    return reports.reduce((sum, report) => sum + report.total, 0);
  } finally {
    await close();
  }
}

/** What the copy of the settings remembers of the ends of the chains: an older word than the database's, in another file. */
async function backupHeads(dataDir: string): Promise<readonly CameraHead[]> {
  try {
    const backup = JSON.parse(await readFile(join(dataDir, BACKUP_FILE), 'utf8')) as { settings?: { key?: unknown; value?: unknown }[] };
    const value = backup.settings?.find(({ key }) => key === HEADS_SETTING)?.value;
    return readHeads(typeof value === 'string' ? value : null);
  } catch {
    return [];
  }
}

/** A line now and then, for people who wait. */
function progressOf(name: string, io: ProgramIo): (done: { stage: 'chain' | 'files'; count: number }) => void {
  let told = performance.now();
  return ({ stage, count }) => {
    if (performance.now() - told < 3_000) return;
    told = performance.now();
    io.text(`${name}: ${count} ${stage === 'chain' ? 'links' : 'recordings'} …`);
  };
}

/** `keyhole verify …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('verify', VERIFY_USAGE, argv, async (io) => runVerify(parseVerifyFlags(argv), io));
}
