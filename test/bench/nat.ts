import { CELLS, showCell } from '../natlab/matrix.ts';
import { isDirect, Meetings, type CellResult } from '../natlab/meetings.ts';
import { laboratoryUnavailable } from '../natlab/namespaces.ts';
import { recover, TROUBLES } from '../natlab/recoveries.ts';
import type { BenchRow } from './row.ts';
import { median, percentile } from './statistics.ts';

const TRIES = Number(process.env.KEYHOLE_BENCH_TRIES ?? 3);
/** Which cells, by a pattern for `camera KIND, app KIND`; all 144 take half an hour. */
const WANTED = new RegExp(process.env.KEYHOLE_BENCH_CELLS ?? '');
const FOR_DIRECT_MS = 20_000;

/** In the laboratory, 40 ms of round trip: how long until there is video, whether it is direct, and how soon it is back after trouble. */
export async function run(): Promise<BenchRow[]> {
  const unavailable = laboratoryUnavailable();
  if (unavailable) {
    console.error(`bench: nat is skipped: ${unavailable}`);
    return [];
  }
  const meetings = await Meetings.start();
  try {
    return [...(await setUps(meetings)), ...(await recoveries(meetings))];
  } finally {
    await meetings.close();
  }
}

async function setUps(meetings: Meetings): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const all: CellResult[] = [];
  const plain = CELLS[0];
  // The programs' first meeting has their code still to be compiled.
  if (plain) await meetings.run(plain);
  let limit: number | null = null;
  for (const cell of CELLS.filter((one) => one === plain || WANTED.test(showCell(one)))) {
    const tries: CellResult[] = [];
    for (let tried = 0; tried < TRIES; tried += 1) tries.push(await meetings.run(cell, { forDirectMs: FOR_DIRECT_MS }));
    all.push(...tries);
    const samples = tries.map(({ setupMs }) => setupMs);
    const value = median(samples);
    limit ??= value;
    const against = { name: 'no NAT at either end', value: limit, ratio: value / limit };
    rows.push({ name: `set-up, ${showCell(cell)}`, value, p95: percentile(samples, 0.95), unit: 'ms', against });
  }
  const share = (results: readonly CellResult[]) => (100 * results.length) / all.length;
  const first = share(all.filter(({ firstPath }) => isDirect(firstPath)));
  const end = share(all.filter(({ path }) => isDirect(path)));
  rows.push({
    name: `share of ${all.length} meetings that are direct in the end`,
    value: end,
    unit: '%',
    against: { name: 'direct from the first picture', value: first, ratio: end / first },
  });
  return rows;
}

async function recoveries(meetings: Meetings): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const trouble of TROUBLES) {
    const samples: number[] = [];
    for (let tried = 0; tried < TRIES; tried += 1) samples.push((await recover(meetings, trouble)).ms);
    rows.push({
      name: `new picture after ${trouble.name}`,
      value: median(samples),
      p95: percentile(samples, 0.95),
      unit: 'ms',
      target: '3000 ms',
    });
  }
  return rows;
}
