import { openSync, writeSync } from 'node:fs';
import { clipUnits } from '../integration/recording-clip.ts';
import { openSpool } from './spool-core.ts';

/* The process that kill-spool.test.ts kills, as kill-child.ts is the one of kill-engine.test.ts; with one spool. */
const [root, noteFile, startText, everyText] = process.argv.slice(2);
if (!root || !noteFile || !startText || !everyText) throw new Error('usage: spool-child ROOT NOTE START EVERY');
const start = Number(startText);
const every = Number(everyText);

const { spool, clock } = await openSpool(root, start);
const note = openSync(noteFile, 'w');
let keyframes = 0;
for (const unit of clipUnits({ start, lengthMs: 86_400_000 })) {
  if (unit.utc > clock.now()) await clock.advance(unit.utc - clock.now());
  const key = unit.key && keyframes++ % every === 0;
  spool.push(key === unit.key ? unit : { ...unit, key });
  await spool.settled();
  if (unit.utc === start) writeSync(1, 'keeping\n');
  writeSync(note, String(unit.utc).padStart(16), 0);
}
