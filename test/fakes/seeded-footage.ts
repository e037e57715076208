import { join } from 'node:path';
import { frameNumberAt } from '../../camera/input/frame-code.ts';
import { TestPicture } from '../../camera/input/test-picture.ts';
import { SimulatedClock, systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import type { CameraId } from '../../electron/contract/model.ts';
import { FragmentReader } from '../../electron/ffmpeg/fragment-reader.ts';
import { fragmentedOutput } from '../../electron/ffmpeg/fragments.ts';
import { FfmpegProcess } from '../../electron/ffmpeg/process.ts';
import { loadKeyFile } from '../../electron/host/key-file.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { Storage } from '../../electron/storage/client.ts';
import { seal } from '../../electron/storage/seal.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';

const SIZE = { width: 320, height: 180 };
/** Pictures drawn once and repeated would not carry their numbers: each is drawn and encoded, at this cost bounded. */
const MAX_FRAMES = 10_000;

export interface SeededFootage {
  readonly camera: CameraId;
  readonly fps: number;
  /** What was recorded, in order; one recorder run each. */
  readonly spans: readonly { from: number; to: number }[];
}

/**
 * Footage of the past, made by the real encoder and the real recorder under a simulated clock: each frame carries the number of
 * its time. The camera it belongs to is an RTSP one that does not answer.
 */
export async function seedFootage(dataDir: string, spans: SeededFootage['spans'], fps = 10): Promise<SeededFootage> {
  const camera = 'cam-seededaa';
  const storage = await Storage.open({ dataDir, log: silentLog });
  const dataKey = await loadKeyFile(dataDir);
  const source = { kind: 'rtsp', url: 'rtsp://127.0.0.1:9/none' };
  const { key } = await storage.call('addCamera', {
    id: camera,
    name: 'Corridor',
    createdAt: utcMs(Math.floor(spans[0]?.from ?? 0)),
    sourceKind: 'rtsp',
    source: seal(dataKey, new TextEncoder().encode(JSON.stringify(source)), camera),
  });
  for (const { from, to } of spans) {
    const clock = new SimulatedClock(from);
    const recorder = new Recorder({
      camera: { id: camera, key },
      ...recordingParts(storage, dataDir),
      clock,
      log: silentLog,
      remux: () => {
        throw new Error('encoded footage comes with its fragments');
      },
    });
    recorder.sourceStatus({ state: 'live', reason: null });
    for (const unit of await encode(from, to, fps)) {
      await clock.advance(1000 / fps);
      recorder.push(unit);
    }
    await recorder.close();
  }
  await storage.close();
  return { camera, fps, spans };
}

async function encode(from: number, to: number, fps: number): Promise<AccessUnit[]> {
  const count = Math.floor(((to - from) * fps) / 1000);
  if (count > MAX_FRAMES) throw new Error(`${count} frames are too many for a test`);
  const picture = new TestPicture({ ...SIZE, fps, seed: 7, label: 'Corridor' });
  const units: AccessUnit[] = [];
  const tracks = { video: true, audio: 'none' } as const;
  const reader = new FragmentReader({
    tracks,
    timeline: from,
    clock: systemClock,
    onUnit: (unit) => units.push({ ...unit, utc: utcMs(from + (unit.pts - (units[0]?.pts ?? unit.pts)) / 90) }),
  });
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${SIZE.width}x${SIZE.height}`, '-r', String(fps)];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', String(fps * 2), '-bf', '0', '-b:v', '300k'];
  const ffmpeg = new FfmpegProcess({
    inputs: [{ url: 'pipe:0', options: raw }],
    output: [...x264, ...fragmentedOutput(tracks)],
    clock: systemClock,
    log: silentLog,
    onOutput: (chunk) => reader.push(chunk),
  });
  ffmpeg.start();
  for (let index = 0; index < count; index += 1) {
    const utc = from + (index * 1000) / fps;
    ffmpeg.write(new Uint8Array(picture.render(frameNumberAt(utc + 1, fps), utc)));
    while (index - units.length > 100) await new Promise((resolve) => setImmediate(resolve));
  }
  ffmpeg.end();
  const exit = await ffmpeg.exited;
  if (units.length !== count) throw new Error(`${units.length} of ${count} frames were encoded\n${exit.lines.join('\n')}`);
  return units;
}

export const footageFolder = (dataDir: string, camera: CameraId): string => join(dataDir, 'recordings', camera);
