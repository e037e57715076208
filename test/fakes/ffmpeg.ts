import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { bundledPath } from '../../electron/ffmpeg/binary.ts';

/**
 * Tests call `ffmpeg` for pictures to begin with and to judge files by. Where this machine has none, that is the bundled one;
 * Keyhole itself chooses as ever. Returns what takes it off the PATH again.
 */
export function provideFfmpeg(): () => void {
  const there = (process.env.PATH ?? '').split(delimiter).some((folder) => folder && existsSync(join(folder, 'ffmpeg')));
  const bundled = there ? null : bundledPath();
  if (!bundled) return () => {};
  const folder = mkdtempSync(join(tmpdir(), 'keyhole-ffmpeg-'));
  symlinkSync(bundled, join(folder, 'ffmpeg'));
  process.env.PATH = `${folder}${delimiter}${process.env.PATH ?? ''}`;
  return () => rmSync(folder, { recursive: true, force: true });
}

interface MediaStream {
  readonly codec: string;
  readonly packets: number;
  /** Presentation time of the first packet, and from there to the end of the last, in seconds. */
  readonly start: number;
  readonly seconds: number;
}

/** What a file holds, by reading every packet of it. */
export function streamsOf(file: string): MediaStream[] {
  const text = execFileSync(
    'ffmpeg',
    ['-nostdin', '-v', 'error', '-copyts', '-i', file, '-map', '0', '-c', 'copy', '-f', 'framecrc', '-'],
    {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const codecs = [...text.matchAll(/^#codec_id \d+: (\w+)/gm)].map(([, codec = '']) => codec);
  const bases = [...text.matchAll(/^#tb \d+: (\d+)\/(\d+)/gm)].map(([, one, of]) => Number(one) / Number(of));
  const packets = [...text.matchAll(/^(\d+), +(-?\d+), +(-?\d+), +(\d+),/gm)].map((match) => match.slice(1).map(Number));
  return codecs.map((codec, stream) => {
    const own = packets.filter(([of]) => of === stream);
    const start = Math.min(...own.map(([, , pts = 0]) => pts));
    const end = Math.max(...own.map(([, , pts = 0, duration = 0]) => pts + duration));
    const base = bases[stream] ?? NaN;
    return { codec, packets: own.length, start: start * base, seconds: (end - start) * base };
  });
}
