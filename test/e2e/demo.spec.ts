import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { Page } from '@playwright/test';
import { Program } from '../fakes/program.ts';

/** `KEYHOLE_SCREENSHOTS=docs/images npm run test:e2e -- demo` makes the README's pictures. */
const SCREENSHOTS = process.env.KEYHOLE_SCREENSHOTS;
const README_PICTURES = ['wall', 'timeline', 'connection'];
/** How much is recorded before it is played back; a picture of the timeline wants some minutes. */
const RECORDED_MS = SCREENSHOTS ? 3.5 * 60_000 : 24_000;

const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
];

async function screenshots(page: Page, name: string, outputDir: string): Promise<void> {
  const before = page.viewportSize();
  for (const colorScheme of ['dark', 'light'] as const) {
    for (const size of SIZES) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      // The picture and the timeline follow the new size with the next frame.
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      const path = join(outputDir, `${name}-${colorScheme}-${size.width}.png`);
      await page.screenshot({ path, animations: 'disabled' });
    }
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  if (before) await page.setViewportSize(before);
  if (SCREENSHOTS && README_PICTURES.includes(name))
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: 'disabled' });
}

test.describe('the demo, as the README says', () => {
  let dir: string;
  let program: Program | undefined;
  let link: string;

  test.beforeAll(async ({}, info) => {
    test.skip(
      info.project.name !== 'browser',
      'npm start decides by itself between Electron and the browser; other projects test the rest',
    );
    dir = mkdtempSync(join(tmpdir(), 'keyhole-demo-'));
    program = new Program(['--demo', '--port', '0', '--data', dir], { command: [process.execPath, 'scripts/start.ts'] });
    link = String((await program.event('listening')).link);
  });

  test.afterAll(async () => {
    if (!program) return;
    expect(await program.stop()).toBe(0);
    rmSync(dir, { recursive: true, force: true });
  });

  test('four cameras come to life, record by themselves, and what was recorded 20 s ago is played back', async ({ page }, info) => {
    test.setTimeout(RECORDED_MS + 90_000);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.goto(link);
    const tiles = page.getByTestId('tile');
    await expect(page.locator('[data-testid=tile][data-state=live][data-painted-at]')).toHaveCount(4, { timeout: 30_000 });
    expect(await tiles.count()).toBeGreaterThanOrEqual(4);
    expect(await page.getByTestId('tile-name').allTextContents()).toEqual(['Front door', 'Yard', 'Till', 'Store room']);
    await expect(tiles.first().getByTestId('tile-path')).toContainText('Direct');
    await expect(page.locator('[data-testid=tile-recording][data-recording=true]')).toHaveCount(4);
    const liveSince = Date.now();
    await screenshots(page, 'wall', info.outputDir);

    // What is asked for is footage 20 s old: it has to become that old first.
    await expect.poll(() => Date.now() - liveSince, { timeout: RECORDED_MS + 16_000, intervals: [1000] }).toBeGreaterThan(RECORDED_MS);
    const door = page.locator('[data-testid=tile][data-name="Front door"]');
    await door.click();
    const stage = page.getByTestId('stage');
    const age = async () => Date.now() - Number(await stage.getAttribute('data-painted-at'));
    await expect.poll(age).toBeLessThan(5000);
    await page.getByTestId('timeline').press('Shift+ArrowLeft');
    await page.getByTestId('timeline').press('Shift+ArrowLeft');
    await expect(stage).toHaveAttribute('data-mode', 'recorded');
    await page.getByTestId('play').click();
    await expect(page.getByTestId('play')).toHaveAttribute('data-playing', 'false');
    await expect.poll(age).toBeGreaterThan(15_000);
    expect(await age()).toBeLessThan(60_000);
    await expect(page.getByTestId('playback-canvas')).toBeVisible();
    if (SCREENSHOTS) for (let back = 0; back < 8; back += 1) await page.getByTestId('timeline').press('Shift+ArrowLeft');
    await expect(stage).toHaveAttribute('data-state', 'paused');
    await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
    await screenshots(page, 'timeline', info.outputDir);
    await page.getByTestId('live').click();
    await expect.poll(age).toBeLessThan(5000);

    await page.keyboard.press('c');
    await expect(page.getByTestId('path-now')).toContainText('Direct');
    await expect(page.getByTestId('path-figures')).toContainText('ms');
    await screenshots(page, 'connection', info.outputDir);
    await page.goto(`${new URL(link).origin}/#/network`);
    await expect(page.getByTestId('camera-way')).toHaveCount(4);
    await expect(page.getByTestId('nat-facts')).toBeVisible();
    await screenshots(page, 'network', info.outputDir);

    await page.goto(`${new URL(link).origin}/#/settings`);
    await expect(page.getByTestId('app-info')).toBeVisible();
    await screenshots(page, 'settings', info.outputDir);
    await page.goto(`${new URL(link).origin}/#/`);
    await page.getByTestId('add-camera').click();
    await screenshots(page, 'add-camera', info.outputDir);
    await page.getByTestId('by-hand-toggle').click();
    await expect(page.getByTestId('by-hand-make')).toBeVisible();
    await screenshots(page, 'by-hand', info.outputDir);
  });
});
