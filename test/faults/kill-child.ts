import { openSync, writeSync } from 'node:fs';
import { clipUnits } from '../integration/recording-clip.ts';
import { RecordingCore } from './recording-core.ts';

/*
 * The process that kill-engine.test.ts kills: it records the clip for four cameras as fast as the disk takes it, and notes after each
 * frame in a file up to when. Arguments: data folder, that file, wall clock of the first frame, every how many of the clip's keyframes count.
 */
const [dataDir, noteFile, startText, everyText] = process.argv.slice(2);
if (!dataDir || !noteFile || !startText || !everyText) throw new Error('usage: kill-child DATA NOTE START EVERY');
const start = Number(startText);
const every = Number(everyText);

const core = await RecordingCore.open(dataDir, start);
const note = openSync(noteFile, 'w');
let keyframes = 0;
for (const unit of clipUnits({ start, lengthMs: 86_400_000 })) {
  if (unit.utc > core.clock.now()) await core.clock.advance(unit.utc - core.clock.now());
  const key = unit.key && keyframes++ % every === 0;
  for (const recorder of core.recorders) recorder.push(key === unit.key ? unit : { ...unit, key });
  await Promise.all(core.recorders.map((recorder) => recorder.settled()));
  if (unit.utc === start) writeSync(1, 'recording\n');
  writeSync(note, String(unit.utc).padStart(16), 0);
}
