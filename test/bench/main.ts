import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchRow } from './row.ts';

/**
 * `npm run bench [-- --only NAME] [-- --json FILE]`: measures, prints a table and JSON. Figures of time and CPU live here and
 * nowhere in the tests; each stands beside a rival or a bare limit of the same run, since machines differ and are noisy.
 */
const SUITES: Readonly<Record<string, () => Promise<{ run(): Promise<BenchRow[]> }>>> = {
  received: () => import('./received.ts'),
  recorders: () => import('./recorders.ts'),
  watch: () => import('./watch.ts'),
  archive: () => import('./archive.ts'),
  index: () => import('./index-size.ts'),
  loss: () => import('./loss.ts'),
  nat: () => import('./nat.ts'),
  repair: () => import('./start-repair.ts'),
  relay: () => import('./relay.ts'),
  retention: () => import('./retention.ts'),
  signaling: () => import('./signaling.ts'),
};

// Nothing is said on the networks of this machine.
process.env.KEYHOLE_LAN ??= 'off';
// Nor is the router of the machine that runs the tests asked for anything.
process.env.KEYHOLE_GATEWAY ??= 'off';

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, json: { type: 'string' } } });
const names = values.only ?? Object.keys(SUITES);
const rows: BenchRow[] = [];
for (const name of names) {
  const load = SUITES[name];
  if (!load) {
    console.error(`bench: there is no suite "${name}". Suites: ${Object.keys(SUITES).join(', ')}.`);
    process.exit(2);
  }
  console.error(`bench: ${name}…`);
  rows.push(...(await (await load()).run()));
}

const number = (value: number) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
const table = rows.map((row) => ({
  what: row.name,
  measured: `${number(row.value)} ${row.unit}${row.p95 === undefined ? '' : ` (p95 ${number(row.p95)})`}`,
  against: row.against ? `${row.against.name}: ${number(row.against.value)} ${row.unit} (x${row.against.ratio.toFixed(2)})` : '',
  target: row.target ?? '',
}));
console.table(table);

const report = { at: new Date().toISOString(), node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length, rows };
console.log(JSON.stringify(report));
if (values.json) {
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, JSON.stringify(report, null, 2) + '\n');
}
process.exit(0);
