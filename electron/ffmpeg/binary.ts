import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, mkdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { CodedError } from '../base/errors.ts';

export interface FfmpegBinary {
  readonly path: string;
  /** As ffmpeg says it: `5.1.9-0+deb12u1`. */
  readonly version: string;
  /** libavformat's major version: 59 and up is ffmpeg 5 and up. */
  readonly libavformat: number;
  readonly origin: 'chosen' | 'path' | 'bundled';
}

/** libavformat of ffmpeg 5.0. */
export const MODERN_LIBAVFORMAT = 59;

export interface BinarySearch {
  /** KEYHOLE_FFMPEG names the user's choice; PATH is searched. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the bundled ffmpeg is, if there is one. */
  readonly bundled: () => string | null;
}

let found: Promise<FfmpegBinary> | null = null;

/** The ffmpeg to use, searched for once in the life of the process. @throws CodedError `ffmpeg-missing` */
export function ffmpegBinary(): Promise<FfmpegBinary> {
  found ??= findFfmpeg({ env: process.env, bundled: bundledPath }).catch((error: unknown) => {
    found = null;
    throw error;
  });
  return found;
}

/**
 * The user's choice if one is named; else the one on PATH if it is version 5 or newer; else the bundled one; else an older one on PATH.
 * @throws CodedError `ffmpeg-missing` when none runs, or the one that the user named does not
 */
export async function findFfmpeg(search: BinarySearch): Promise<FfmpegBinary> {
  const chosen = search.env['KEYHOLE_FFMPEG'];
  if (chosen) {
    const binary = await tryBinary(chosen, 'chosen');
    if (binary) return binary;
    throw new CodedError('ffmpeg-missing', `KEYHOLE_FFMPEG names ${chosen}, which does not run as ffmpeg: correct it or take it away.`);
  }
  const onPath = findOnPath(search.env['PATH'] ?? '');
  const fromPath = onPath && (await tryBinary(onPath, 'path'));
  if (fromPath && fromPath.libavformat >= MODERN_LIBAVFORMAT) return fromPath;
  const bundled = search.bundled();
  const fromPackage = bundled && (await tryBinary(bundled, 'bundled'));
  if (fromPackage) return fromPackage;
  if (fromPath) return fromPath;
  throw new CodedError(
    'ffmpeg-missing',
    'No ffmpeg was found: install ffmpeg 5 or newer so that it is on PATH, or name one by the environment variable KEYHOLE_FFMPEG.',
  );
}

const EXECUTABLE = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';

function findOnPath(path: string): string | null {
  for (const folder of path.split(delimiter)) {
    const file = join(folder || '.', EXECUTABLE);
    if (folder && isExecutable(file)) return file;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The binary in the npm package for this platform; in a packed app the one beside it outside of the archive. */
export function bundledPath(): string | null {
  try {
    const installer: unknown = createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg');
    const path = typeof installer === 'object' && installer && 'path' in installer ? installer.path : null;
    if (typeof path !== 'string') return null;
    return makeExecutable(path.replace(/\bapp\.asar\b(?!\.unpacked)/, 'app.asar.unpacked'));
  } catch {
    return null; // no package for this platform
  }
}

/** npm may have skipped the script that makes the file executable: do so, or use a copy where the package cannot be written to. */
export function makeExecutable(file: string): string | null {
  if (isExecutable(file)) return file;
  try {
    chmodSync(file, 0o755);
    return file;
  } catch {
    // Not ours to change: a copy in a folder that only this user can write to.
  }
  try {
    const folder = join(tmpdir(), `keyhole-ffmpeg-${userInfo().uid}`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const owner = statSync(folder);
    if (process.platform !== 'win32' && (owner.uid !== userInfo().uid || (owner.mode & 0o022) !== 0)) return null;
    const copy = join(folder, EXECUTABLE);
    if (!isExecutable(copy) || statSync(copy).size !== statSync(file).size) copyFileSync(file, copy);
    chmodSync(copy, 0o700);
    return copy;
  } catch {
    return null;
  }
}

function tryBinary(path: string, origin: FfmpegBinary['origin']): Promise<FfmpegBinary | null> {
  return new Promise((resolve) => {
    execFile(path, ['-hide_banner', '-version'], { timeout: 15_000, windowsHide: true, maxBuffer: 256 * 1024 }, (error, stdout) => {
      const version = /^ffmpeg version (\S+)/m.exec(stdout)?.[1];
      const libavformat = Number(/^libavformat\s+(\d+)\./m.exec(stdout)?.[1]);
      resolve(error || !version || !libavformat ? null : { path, version, libavformat, origin });
    });
  });
}
