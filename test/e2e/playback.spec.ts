import type { Locator, Page } from '@playwright/test';
import { frameNumberAt } from '../../camera/input/frame-code.ts';
import { seedFootage, type SeededFootage } from '../fakes/seeded-footage.ts';
import { expect, expectAccessible, paintedFrame, test } from './fixtures.ts';

const MINUTE = 60_000;

/** Two and a half minutes, half a minute of nothing, half a minute: over segment borders and a gap. */
async function footage(dataDir: string): Promise<SeededFootage> {
  const end = Math.floor(Date.now() / MINUTE) * MINUTE - 2 * MINUTE;
  return seedFootage(dataDir, [
    { from: end - 3.5 * MINUTE, to: end - MINUTE },
    { from: end - 0.5 * MINUTE, to: end },
  ]);
}

async function openCorridor(page: Page, { camera }: SeededFootage): Promise<Locator> {
  await page.evaluate((id) => (location.hash = `#/camera/${id}`), camera);
  await expect(page.getByTestId('camera-view')).toBeVisible();
  return page.getByTestId('playback-canvas');
}

/** Clicks the timeline at a time, as a person would, zooming in first so that a pixel is less than a frame's worth of doubt. */
async function clickAt(page: Page, at: number): Promise<number> {
  const timeline = page.getByTestId('timeline');
  const box = (await timeline.boundingBox())!;
  const [from, to] = await range(timeline);
  const x = ((at - from) / (to - from)) * box.width;
  expect(x).toBeGreaterThan(0);
  expect(x).toBeLessThan(box.width);
  await page.mouse.click(box.x + x, box.y + box.height - 12);
  return (to - from) / box.width;
}

async function range(timeline: Locator): Promise<[number, number]> {
  return [Number(await timeline.getAttribute('data-from')), Number(await timeline.getAttribute('data-to'))];
}

/** A click plays on from there; these tests want to start the play themselves. */
async function pause(page: Page): Promise<void> {
  const play = page.getByTestId('play');
  if ((await play.getAttribute('data-playing')) === 'true') await play.click();
  await expect(play).toHaveAttribute('data-playing', 'false');
}

/** The timeline shows `at` and not more than `width` ms. */
async function zoomTo(page: Page, at: number, width: number): Promise<void> {
  const timeline = page.getByTestId('timeline');
  for (let turn = 0; turn < 60; turn += 1) {
    const [from, to] = await range(timeline);
    if (to - from <= width && at > from && at < to) return;
    const box = (await timeline.boundingBox())!;
    const share = Math.min(0.98, Math.max(0.02, (at - from) / (to - from)));
    await page.mouse.move(box.x + share * box.width, box.y + box.height - 12);
    await page.mouse.wheel(0, at > from && at < to ? -240 : 240);
    await page.waitForFunction(
      ([f, t]) => {
        const element = document.querySelector<HTMLElement>('[data-testid=timeline]');
        return element?.dataset.from !== f || element?.dataset.to !== t;
      },
      [String(from), String(to)],
    );
  }
  throw new Error('the timeline does not zoom');
}

/** The frame that is painted, once it is that of the painted time the page claims. */
async function settled(page: Page, canvas: Locator, fps: number): Promise<{ at: number; number: number }> {
  let last = { at: 0, number: -1 };
  await expect
    .poll(async () => {
      const at = Number(await page.getByTestId('stage').getAttribute('data-painted-at'));
      const { number } = await paintedFrame(canvas);
      last = { at, number: number ?? -1 };
      return number !== null && Math.abs(number - frameNumberAt(at + 1, fps));
    })
    .toBe(0);
  return last;
}

test('a click paints the frame of that time, and steps are of one frame', async ({ site, openApp }) => {
  const recorded = await footage(site.dataDir);
  const page = await openApp();
  const canvas = await openCorridor(page, recorded);
  const target = recorded.spans[0]!.from + 71_234;
  await zoomTo(page, target, 20_000);
  await clickAt(page, target - 1000);
  await pause(page);
  const doubt = await clickAt(page, target);
  await expect
    .poll(async () => {
      const { number } = await paintedFrame(canvas);
      return number === null ? Infinity : Math.abs(number - frameNumberAt(target, recorded.fps));
    })
    .toBeLessThanOrEqual(Math.ceil((doubt * recorded.fps) / 1000));
  const { number } = await settled(page, canvas, recorded.fps);

  for (const [key, step] of [
    ['.', 1],
    ['.', 2],
    [',', 1],
    [',', 0],
    [',', -1],
  ] as const) {
    await page.getByTestId('timeline').press(key);
    await expect.poll(async () => (await paintedFrame(canvas)).number).toBe(number + step);
  }
});

test('plays without a hole over the border of two segments, and jumps the gap, saying so', async ({ site, openApp }) => {
  const recorded = await footage(site.dataDir);
  const page = await openApp();
  const canvas = await openCorridor(page, recorded);
  const [first, second] = recorded.spans;
  // Segments end on the camera's minute: whichever second that is, a minute of footage has one border.
  await zoomTo(page, first!.to - 4000, 60_000);
  await clickAt(page, first!.to - 4000);
  await pause(page);
  await settled(page, canvas, recorded.fps);
  const seen = await page.evaluateHandle(() => {
    const seen: string[] = [];
    const stage = document.querySelector('[data-testid=stage]')!;
    new MutationObserver(() => seen.push(stage.getAttribute('data-painted-at') ?? '')).observe(stage, {
      attributeFilter: ['data-painted-at'],
    });
    return seen;
  });
  await page.getByTestId('play').click();
  await expect(page.getByTestId('gap-note')).toBeVisible();
  await expect
    .poll(async () => (await paintedFrame(canvas)).number ?? 0)
    .toBeGreaterThanOrEqual(frameNumberAt(second!.from, recorded.fps) + 3);
  const painted = (await seen.evaluate((times) => times)).map(Number).filter((at) => at < first!.to);
  expect(Math.max(...painted)).toBeGreaterThan(first!.to - 500);
});

test('every frame is shown at 1x across a segment border', async ({ site, openApp }) => {
  const recorded = await footage(site.dataDir);
  const page = await openApp();
  const canvas = await openCorridor(page, recorded);
  // The recorder cuts at most a few seconds after a full minute.
  const minute = Math.ceil((recorded.spans[0]!.from + MINUTE) / MINUTE) * MINUTE;
  await zoomTo(page, minute - 1000, 30_000);
  await clickAt(page, minute - 1000);
  await pause(page);
  const { number } = await settled(page, canvas, recorded.fps);
  await page.getByTestId('play').click();
  const seen = new Set<number>();
  await expect
    .poll(
      async () => {
        const frame = await paintedFrame(canvas);
        if (frame.number !== null) seen.add(frame.number);
        return Math.max(...seen);
      },
      { intervals: [30], timeout: 40_000 },
    )
    .toBeGreaterThan(number + 70);
  const numbers = [...seen].sort((a, b) => a - b);
  // Reading pixels is slower than playing: a few frames may be passed unseen, none may come twice or out of order.
  const holes = numbers.slice(1).map((value, index) => value - numbers[index]!);
  expect(Math.max(...holes)).toBeLessThanOrEqual(5);
});

test('fast speeds arrive sooner, and live is one click away', async ({ site, openApp }) => {
  const recorded = await footage(site.dataDir);
  const page = await openApp();
  const canvas = await openCorridor(page, recorded);
  const start = recorded.spans[0]!.from + 10_000;
  await zoomTo(page, start, 60_000);
  await clickAt(page, start);
  await pause(page);
  const { number } = await settled(page, canvas, recorded.fps);
  await page.getByTestId('speed').selectOption({ label: '16×' });
  await page.getByTestId('play').click();
  await expect
    .poll(async () => ((await paintedFrame(canvas)).number ?? 0) - number, { timeout: 20_000 })
    .toBeGreaterThan(60 * recorded.fps);
  await page.getByTestId('live').click();
  await expect(page.getByTestId('stage')).toHaveAttribute('data-state', /offline|connecting/);
});

test('what is missing is told in words, to eyes and to screen readers', async ({ site, openApp }) => {
  const recorded = await footage(site.dataDir);
  const page = await openApp();
  const canvas = await openCorridor(page, recorded);
  const inGap = recorded.spans[0]!.to + 10_000;
  await zoomTo(page, inGap, 5 * MINUTE);
  await clickAt(page, recorded.spans[0]!.to - 20_000);
  await pause(page);
  await settled(page, canvas, recorded.fps);
  await expect(page.getByTestId('timeline-gaps')).toContainText(/not running/i);
  await clickAt(page, inGap);
  await expect(page.getByTestId('stage-words')).toContainText(/not running/i);
  await expect(page.getByTestId('gap-note')).toContainText(/Shown instead/);
  await page.getByTestId('toggle-facts').click();
  await page.getByTestId('jump').click();
  await expect(page.getByTestId('jump-time')).toBeFocused();
  await expectAccessible(page);
  await page.mouse.click(300, 300);
  await expect(page.getByTestId('jump-time')).toBeHidden();
});
