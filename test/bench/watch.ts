import { chromium, type Locator, type Page } from '@playwright/test';
import { setTimeout as sleep } from 'node:timers/promises';
import { frameTime } from '../../camera/input/frame-code.ts';
import type { Camera } from '../../electron/contract/model.ts';
import config from '../../playwright.config.ts';
import { paintedFrame } from '../e2e/fixtures.ts';
import { Site } from '../fakes/site.ts';
import { bareSeeks } from './bare-seek.ts';
import type { BenchRow } from './row.ts';
import { median, percentile } from './statistics.ts';

const FPS = 25;
const LATENCY_SAMPLES = 100;
const ADDS = 7;
const SEEKS = 40;
const WARM_UP = 5;

/** What a person waits for: the first picture of a camera, the delay of the live picture, a click on the timeline. */
export async function run(): Promise<BenchRow[]> {
  const site = new Site();
  const browser = await chromium.launch({ ...config.use?.launchOptions });
  try {
    await site.startRendezvous();
    await site.startServe();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(site.link);
    const firstPaint = await timeToFirstPaint(site, page);
    const latency = await glassToGlass(page);
    const seeks = await seekToPainted(page);
    const { id } = (await site.json<Camera[]>('GET', '/api/v1/cameras'))[0]!;
    const wanted = Array.from({ length: SEEKS + WARM_UP }, () => Math.round(Date.now() - 4000 - Math.random() * 14_000));
    const bare = (await bareSeeks(site, page, id, wanted)).slice(WARM_UP);
    const painted = firstPaint.map((add) => add.painted);
    const secured = firstPaint.map((add) => add.secured);
    return [
      row('camera added to first painted frame, p50', median(painted), SESSION, median(secured)),
      row(`camera added to first painted frame, slowest of ${ADDS}`, Math.max(...painted), SESSION, Math.max(...secured)),
      row(`glass to glass, live, 640x360@${FPS}, p50`, median(latency), FRAME, 1000 / FPS),
      { ...row(`glass to glass, live, 640x360@${FPS}, p95`, percentile(latency, 0.95), FRAME, 1000 / FPS), target: '< 300 ms' },
      row('click on the timeline to painted, warm, p50', median(seeks), DECODE, median(bare)),
      {
        ...row('click on the timeline to painted, warm, p95', percentile(seeks, 0.95), DECODE, percentile(bare, 0.95)),
        target: '< 150 ms',
      },
    ];
  } finally {
    await browser.close();
    await site.close();
  }
}

const SESSION = 'pairing and session alone: rendezvous, ICE, DTLS, proofs';
const FRAME = 'one frame of the source lasts';
const DECODE = 'bare decoding and drawing of such a group from memory';

const row = (name: string, value: number, bareName: string, bare: number): BenchRow => ({
  name,
  value,
  unit: 'ms',
  against: { name: bareName, value: bare, ratio: value / bare },
});

/** Adds cameras one after another by the API; the page, open on its wall, paints. The last one stays. */
async function timeToFirstPaint(site: Site, page: Page): Promise<{ painted: number; secured: number }[]> {
  const times: { painted: number; secured: number }[] = [];
  for (let index = 0; index < ADDS; index += 1) {
    const name = `Camera ${index}`;
    const { program, invite } = await site.startCamera(name, `test:?fps=${FPS}&seed=${index}`);
    const started = performance.now();
    // The camera says so when the app has proven itself and wants media.
    const session = program.event('session').then(() => performance.now() - started);
    const { id } = await site.addP2p(name, invite);
    await page.waitForSelector(`[data-testid=tile][data-name="${name}"][data-painted-at]`);
    times.push({ painted: performance.now() - started, secured: await session });
    if (index === ADDS - 1) break;
    await site.json('DELETE', `/api/v1/cameras/${id}?recordings=delete`);
    await program.stop();
  }
  return times;
}

/** The page's clock against the time of capture, read from the pixels of the frame on the screen. One machine, one clock. */
async function glassToGlass(page: Page): Promise<number[]> {
  const video = page.locator('[data-testid=tile] video, [data-testid=tile] canvas').last();
  const samples: number[] = [];
  for (let tries = 0; samples.length < LATENCY_SAMPLES && tries < LATENCY_SAMPLES * 3; tries += 1) {
    const { number, now } = await paintedFrame(video);
    if (number !== null) samples.push(now - frameTime(number, FPS, now));
    await sleep(40 + Math.random() * 60);
  }
  return samples;
}

/** From the press of the mouse to the painted frame, by the page's own clock; the first few warm it up and do not count. */
async function seekToPainted(page: Page): Promise<number[]> {
  await sleep(20_000);
  await page.locator('[data-testid=tile]').last().dblclick();
  const timeline = page.getByTestId('timeline');
  await timeline.waitFor();
  await zoomIn(timeline, page);
  const box = (await timeline.boundingBox())!;
  await page.getByTestId('play').click();
  const times: number[] = [];
  let missed = 0;
  // Fixed, as the timeline does not move while a recording is looked at.
  const newest = Date.now() - 4000;
  for (let index = 0; index < SEEKS + WARM_UP; index += 1) {
    const [from, to] = [Number(await timeline.getAttribute('data-from')), Number(await timeline.getAttribute('data-to'))];
    const at = newest - Math.random() * 14_000;
    const x = ((at - from) / (to - from)) * box.width;
    const painted = page.evaluate((wanted) => {
      const stage = document.querySelector<HTMLElement>('[data-testid=stage]')!;
      return new Promise<number>((resolve) => {
        const press = () => {
          const pressed = performance.now();
          const observer = new MutationObserver(() => {
            // Nothing but the frame that was asked for counts: within a pixel of the timeline and a frame.
            if (Math.abs(Number(stage.dataset.paintedAt) - wanted) > 150) return;
            observer.disconnect();
            requestAnimationFrame(() => resolve(performance.now() - pressed));
          });
          observer.observe(stage, { attributeFilter: ['data-painted-at'] });
        };
        addEventListener('pointerdown', press, { once: true, capture: true });
      });
    }, at);
    await sleep(50);
    await page.mouse.click(box.x + x, box.y + box.height - 12);
    const time = await Promise.race([painted, sleep(5000).then(() => NaN)]);
    if (Number.isNaN(time)) missed += 1;
    else if (index >= WARM_UP) times.push(time);
    await sleep(150);
  }
  if (missed > SEEKS / 10) throw new Error(`${missed} of ${SEEKS + WARM_UP} seeks painted another frame than asked for`);
  return times;
}

async function zoomIn(timeline: Locator, page: Page): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) {
    const [from, to] = [Number(await timeline.getAttribute('data-from')), Number(await timeline.getAttribute('data-to'))];
    if (to - from < 60_000) return;
    const box = (await timeline.boundingBox())!;
    await page.mouse.move(box.x + ((Date.now() - 10_000 - from) / (to - from)) * box.width, box.y + box.height - 12);
    await page.mouse.wheel(0, -240);
    await sleep(100);
  }
}
