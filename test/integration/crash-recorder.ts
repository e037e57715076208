import { writeSync } from 'node:fs';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { Recorder } from '../../electron/recording/recorder.ts';
import { repairIndex } from '../../electron/recording/repair.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import { Storage } from '../../electron/storage/client.ts';
import { utcMs } from '../../electron/base/units.ts';
import { clipUnits } from './recording-clip.ts';
import { recordingParts } from '../fixtures/recording-parts.ts';

/*
 * The process that crash.test.ts kills: it records the clip as fast as the disk takes it, and says after each frame up to when.
 * Arguments: data folder, wall clock of the first frame, how many of the clip's keyframes count (1: all, 10: every tenth).
 */
const [dataDir, startText, everyText] = process.argv.slice(2);
if (!dataDir || !startText || !everyText) throw new Error('usage: crash-recorder DATA START EVERY');
const start = Number(startText);
const every = Number(everyText);

const storage = await Storage.open({ dataDir, log: silentLog });
const clock = new SimulatedClock(start);
await repairIndex({ ...recordingParts(storage, dataDir), log: silentLog });
const runs = new RunPeriods({ storage, clock, log: silentLog });
await runs.start();
const camera =
  (await storage.call('camera', { id: 'cam-aaaaaaaa' })) ??
  (await storage.call('addCamera', {
    id: 'cam-aaaaaaaa',
    name: 'Yard',
    createdAt: utcMs(start),
    sourceKind: 'rtsp',
    source: new Uint8Array([1]),
  }));
const remux = () => {
  throw new Error('these units come with their fragments');
};
const recorder = new Recorder({ camera, ...recordingParts(storage, dataDir), clock, log: silentLog, remux });
recorder.sourceStatus({ state: 'live', reason: null });
let keyframes = 0;
for (const unit of clipUnits({ start, lengthMs: 86_400_000 })) {
  if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
  const key = unit.key && keyframes++ % every === 0;
  recorder.push(key === unit.key ? unit : { ...unit, key });
  await recorder.settled();
  writeSync(1, `${unit.utc}\n`);
}
