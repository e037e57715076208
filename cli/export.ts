import { open, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemClock } from '../electron/base/clock.ts';
import { CodedError, errnoOf } from '../electron/base/errors.ts';
import { readFlags } from '../electron/base/flags.ts';
import { createLog } from '../electron/base/log.ts';
import { runCommand, type ProgramIo } from '../electron/base/program.ts';
import { utcMs } from '../electron/base/units.ts';
import { defaultDataFolder } from '../electron/host/data-folder.ts';
import { Playback } from '../electron/playback/playback.ts';
import { Exporter } from '../electron/proof/exporter.ts';
import { unseal } from '../electron/storage/seal.ts';
import type { CameraRow } from '../electron/storage/interface.ts';
import { fingerprintOf } from '../peer/identity.ts';
import { findCamera, openDataFolder, timeFlag, type OpenDataFolder } from './data-folder.ts';

interface ExportFlags {
  readonly data: string;
  readonly camera: string;
  readonly from: number;
  readonly to: number;
  readonly out: string;
  readonly proof: boolean;
  readonly json: boolean;
}

const EXPORT_USAGE = `Usage: keyhole export --camera ID|NAME --from TIME --to TIME --out FILE.mp4 [--data DIR] [--no-proof] [--json]
Writes the recordings of a range as one MP4 that plays everywhere, also while Keyhole runs. Times have their zone:
2026-01-31T08:00:00Z. Where the camera changed its format the export goes on in FILE-002.mp4, and so on. The file ends with a
proof that it is what was recorded, which players pass over and "keyhole verify FILE" reads; --no-proof leaves it out.`;

/** Progress is told so often, milliseconds. */
const PROGRESS_MS = 2_000;

/** @throws CodedError `usage` */
export function parseExportFlags(argv: readonly string[]): ExportFlags {
  const values = readFlags(
    argv,
    {
      'data': { type: 'string' },
      'camera': { type: 'string' },
      'from': { type: 'string' },
      'to': { type: 'string' },
      'out': { type: 'string' },
      'no-proof': { type: 'boolean', default: false },
      'json': { type: 'boolean', default: false },
    },
    EXPORT_USAGE,
  );
  const needed = (name: 'camera' | 'from' | 'to' | 'out'): string => {
    const value = values[name];
    if (value === undefined || value === '') throw new CodedError('usage', `--${name} is missing.\n${EXPORT_USAGE}`);
    return value;
  };
  const [from, to] = [timeFlag('from', needed('from')), timeFlag('to', needed('to'))];
  if (from >= to) throw new CodedError('usage', `--from must be before --to.\n${EXPORT_USAGE}`);
  const { data, json } = values;
  return {
    data: data ?? defaultDataFolder(),
    camera: needed('camera'),
    from,
    to,
    out: resolve(needed('out')),
    proof: !values['no-proof'],
    json,
  };
}

async function runExport(flags: ExportFlags, io: ProgramIo): Promise<void> {
  const folder = await openDataFolder(flags.data);
  try {
    const camera = await findCamera(folder.storage, flags.camera);
    if (flags.proof && !folder.identity)
      throw new CodedError(
        'key-unavailable',
        'The key that signs proofs is kept by the desktop’s keychain: export from the app, or without a proof (--no-proof).',
      );
    const exporter = exporterOf(folder, camera, flags.proof, io);
    const range = { camera: camera.id, from: utcMs(flags.from), to: utcMs(flags.to) };
    const { parts, missingMs } = await exporter.plan(range);
    if (parts.length === 0) throw new CodedError('not-found', 'Nothing is recorded in this range.');
    for (const [i, part] of parts.entries()) {
      const out = i === 0 ? flags.out : flags.out.replace(/(\.[a-z0-9]+)?$/i, (ending) => `-${String(i + 1).padStart(3, '0')}${ending}`);
      const pieces = exporter.clip({ ...range, from: part.from, to: part.to, part: { number: i + 1, of: parts.length } });
      const bytes = await writeFile(
        out,
        pieces,
        (done) => io.text(`${out}: ${megabytes(done)} of about ${megabytes(part.bytes)}`),
        io.stop,
      );
      if (flags.json) io.event({ event: 'exported', file: out, from: part.from, to: part.to, bytes, proof: flags.proof });
      else process.stdout.write(`${out} (${megabytes(bytes)})\n`);
    }
    if (missingMs > 0)
      io.text(`${(missingMs / 1000).toFixed(1)} s of the range are not recorded${flags.proof ? '; the proof says why' : ''}.`);
  } finally {
    await folder.close();
  }
}

function exporterOf(folder: OpenDataFolder, camera: CameraRow, proof: boolean, io: ProgramIo): Exporter {
  const { storage, dataDir, folders, identity, archive } = folder;
  const log = createLog('export', { write: io.text });
  const root = (key: number) => folders.find((known) => known.key === key && known.present)?.root ?? null;
  const playback = new Playback({ storage, folders: { root }, remote: archive, clock: systemClock, unlisted: () => [], log });
  const fingerprint = cameraFingerprint(camera, folder.dataKey);
  const key = proof ? identity : null;
  return new Exporter({ playback, storage, dataDir, identity: key, fingerprintOf: () => fingerprint, clock: systemClock, log });
}

/** Of a peer-to-peer camera that is still there; else its secrets are wiped. */
function cameraFingerprint({ id, source, sourceKind }: CameraRow, dataKey: Uint8Array | null): string | null {
  if (sourceKind !== 'p2p' || !dataKey) return null;
  try {
    const stored: unknown = JSON.parse(new TextDecoder().decode(unseal(dataKey, source, id)));
    const key = typeof stored === 'object' && stored !== null && 'publicKey' in stored ? stored.publicKey : null;
    return typeof key === 'string' ? fingerprintOf(Buffer.from(key, 'base64url')) : null;
  } catch {
    return null;
  }
}

/** Under another name until it is whole: what is there under the wanted one is never half a clip, nor overwritten. */
async function writeFile(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  progress: (bytes: number) => void,
  stop: AbortSignal,
): Promise<number> {
  if (await isThere(path)) throw new CodedError('conflict', `${path} is there already: name another file.`);
  const unfinished = `${path}.part`;
  const file = await open(unfinished, 'wx').catch((error: unknown) => {
    if (errnoOf(error) === 'EEXIST')
      throw new CodedError(
        'conflict',
        `${unfinished} is there already, perhaps of an export that was killed: delete it, or name another file.`,
      );
    throw new CodedError('data-unwritable', `${path} cannot be written: ${String(error)}`, { cause: error });
  });
  let bytes = 0;
  let told = performance.now();
  try {
    for await (const piece of pieces) {
      if (stop.aborted) throw new CodedError('closed', 'The export was stopped.');
      await file.write(piece);
      bytes += piece.length;
      if (performance.now() - told < PROGRESS_MS) continue;
      told = performance.now();
      progress(bytes);
    }
    await file.sync();
    await file.close();
    await rename(unfinished, path);
    return bytes;
  } catch (error) {
    await file.close().catch(() => {});
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** `keyhole export …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('export', EXPORT_USAGE, argv, async (io) => runExport(parseExportFlags(argv), io));
}
