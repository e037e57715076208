import { access, statfs } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { utcMs } from '../base/units.ts';
import { ffmpegBinary, MODERN_LIBAVFORMAT } from '../ffmpeg/binary.ts';
import type { StorageFolder } from '../recording/folders.ts';
import type { Storage } from '../storage/client.ts';
import type { CameraRow } from '../storage/interface.ts';
import { note, problem, result, type CheckResult, type Finding } from './report.ts';

/** Below this a recording stops soon, bytes. */
const LITTLE_BYTES = 1024 ** 3;
/** What is recorded so far in the future tells of a clock that was set back, milliseconds. */
const FUTURE_MS = 60_000;
/** systemd-timesyncd: its folder is there where it runs, the file once the clock has been set by it. */
const TIMESYNC = '/run/systemd/timesync';

export async function checkFfmpeg(): Promise<CheckResult> {
  try {
    const { path, version, libavformat } = await ffmpegBinary();
    const findings =
      libavformat < MODERN_LIBAVFORMAT
        ? [note('ffmpeg-old', `ffmpeg ${version} is older than 5.`, 'Install a newer one, or name one with KEYHOLE_FFMPEG.')]
        : [];
    return result('ffmpeg', `ffmpeg ${version} (${path})`, findings);
  } catch (error) {
    return result('ffmpeg', 'no ffmpeg', [problem('ffmpeg-missing', messageOf(error), 'Install ffmpeg, or name one with KEYHOLE_FFMPEG.')]);
  }
}

export async function checkDisks(folders: readonly StorageFolder[]): Promise<CheckResult> {
  const findings: Finding[] = [];
  const words: string[] = [];
  for (const { root } of folders) {
    const { bavail, bsize } = await statfs(root);
    const free = bavail * bsize;
    words.push(`${(free / 1e9).toFixed(1)} GB free in ${root}`);
    if (free < LITTLE_BYTES)
      findings.push(
        problem(
          'disk-space',
          `Only ${(free / 1e6).toFixed(0)} MB are free in ${root}.`,
          'Free some space, or keep less: Settings, Storage.',
        ),
      );
  }
  return result('disk', words.join(', ') || 'no folder', findings);
}

/** The system's clock against what was recorded, and whether something keeps it right. */
export async function checkClock(storage: Pick<Storage, 'call'>, cameras: readonly CameraRow[], clock: Clock): Promise<CheckResult> {
  const now = clock.now();
  const findings: Finding[] = [];
  for (const camera of cameras) {
    const { next } = await storage.call('around', { camera: camera.key, at: utcMs(now + FUTURE_MS) });
    if (next === null) continue;
    findings.push(
      problem(
        'clock',
        `There are recordings of ${camera.name} from ${new Date(next).toISOString()}, which is still to come: the clock was set back, or it is wrong now.`,
        'Look at the computer’s clock, and have it set by the network (NTP).',
      ),
    );
  }
  if ((await isThere(TIMESYNC)) && !(await isThere(`${TIMESYNC}/synchronized`)))
    findings.push(
      note('clock', 'The system’s clock has not been set by the network since the computer was started.', 'Look at `timedatectl`.'),
    );
  return result('clock', new Date(now).toISOString(), findings);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
