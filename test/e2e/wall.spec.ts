import { existsSync, readdirSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import { footageFolder, seedFootage, type SeededFootage } from '../fakes/seeded-footage.ts';
import { addSilent, expect, expectAccessible, test, tile } from './fixtures.ts';

const names = (page: Page) => page.getByTestId('tile-name').allTextContents();

/** Some seconds of an hour ago. */
function someFootage(dataDir: string): Promise<SeededFootage> {
  const from = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
  return seedFootage(dataDir, [{ from, to: from + 6000 }]);
}

async function openDialog(page: Page, testid: 'rename' | 'remove'): Promise<Locator> {
  // By the keyboard: a clicked button leaves the focus where it was.
  await page.getByTestId(testid).press('Enter');
  const dialog = page.getByTestId(`${testid}-dialog`);
  await expect(dialog).toBeVisible();
  return dialog;
}

test('more cameras than tiles are on further pages, in the order they were added, and a new one is turned to', async ({ openApp }) => {
  const page = await openApp();
  const all = ['Gate', 'Office', 'Roof', 'Garage', 'Cellar', 'Attic'];
  for (const name of all) {
    await addSilent(page, name);
    await expect(tile(page, name)).toBeVisible();
  }
  const wall = page.getByTestId('wall');
  await expect(wall).toHaveAttribute('data-page', '1');
  expect(await names(page)).toEqual(['Cellar', 'Attic']);
  await page.getByRole('button', { name: 'Previous page' }).click();
  expect(await names(page)).toEqual(all.slice(0, 4));
  await expect(tile(page, 'Gate').getByTestId('tile-words')).toContainText(/refuses|does not answer/);
  await page.keyboard.press('PageDown');
  await expect(wall).toHaveAttribute('data-page', '1');

  await tile(page, 'Attic').press('Enter');
  await expect(page.getByTestId('camera-view')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(wall).toHaveAttribute('data-page', '1');
  await expect(tile(page, 'Attic')).toBeFocused();

  await page.getByTestId('layout-1').check({ force: true });
  await expect(page.getByTestId('tile')).toHaveCount(1);
  await expect(page.getByTestId('wall-pages')).toContainText('of 6');
  await page.getByTestId('layout-9').check({ force: true });
  await expect(page.getByTestId('wall-pages')).toBeHidden();
  expect(await names(page)).toEqual(all);
  await expectAccessible(page);
  await page.reload();
  await expect(wall).toHaveAttribute('data-size', '9');
});

test('a camera is renamed, and a name is asked for', async ({ openApp }) => {
  const page = await openApp();
  await addSilent(page, 'Gate');
  await tile(page, 'Gate').click();
  const dialog = await openDialog(page, 'rename');
  await expect(page.getByTestId('rename-name')).toBeFocused();
  await page.getByTestId('rename-name').fill('  ');
  await page.getByTestId('rename-save').click();
  await expect(page.getByTestId('rename-name-error')).toContainText('needs a name');
  await expectAccessible(page);
  await page.getByTestId('rename-name').fill('Garden gate');
  await page.getByTestId('rename-save').click();
  await expect(dialog).toBeHidden();
  await expect(page.getByTestId('rename')).toBeFocused();
  await expect(page.getByTestId('camera-name')).toHaveText('Garden gate');
  await page.keyboard.press('Escape');
  await expect(tile(page, 'Garden gate')).toBeVisible();
});

for (const choice of ['keep', 'delete'] as const) {
  test(`a camera is removed, and its recordings ${choice === 'keep' ? 'stay' : 'are deleted'}`, async ({ site, openApp }) => {
    const { camera } = await someFootage(site.dataDir);
    const folder = footageFolder(site.dataDir, camera);
    const files = () =>
      existsSync(folder) ? readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.mp4')) : [];
    expect(files().length).toBeGreaterThan(0);
    const page = await openApp();
    await tile(page, 'Corridor').click();
    const dialog = await openDialog(page, 'remove');
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    await expect(page.getByTestId('camera-view')).toBeVisible();
    await openDialog(page, 'remove');
    await page.getByTestId(`remove-${choice}`).check();
    await page.getByTestId('remove-confirm').click();
    await expect(page.getByTestId('empty-wall')).toBeVisible();
    if (choice === 'delete') await expect.poll(() => files().length).toBe(0);
    else expect(files().length).toBeGreaterThan(0);
    await page.goBack();
    await expect(page.getByTestId('camera-gone')).toBeVisible();
  });
}

test('one click or two open a camera, and the second one does nothing else', async ({ openApp }) => {
  const page = await openApp();
  await addSilent(page, 'Gate');
  // Where the camera's own buttons will be.
  const box = (await tile(page, 'Gate').boundingBox())!;
  for (const x of [box.x + 20, box.x + box.width - 140, box.x + box.width - 100]) {
    await page.mouse.dblclick(x, box.y + 16);
    await expect(page.getByTestId('camera-view')).toBeVisible();
    await expect(page.locator('dialog[open]')).toHaveCount(0);
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('wall')).toBeVisible();
  }
});

test('the choice of a theme holds over a reload, whatever the system likes', async ({ openApp }) => {
  const page = await openApp();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByTestId('go-settings').click();
  await expect(page.getByTestId('app-info')).toBeVisible();
  await expectAccessible(page);
  await page.getByTestId('theme-light').check();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await page.reload();
  await expect(page.getByTestId('theme-light')).toBeChecked();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await page.getByTestId('theme-system').check();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('empty-wall')).toBeVisible();
  await expectAccessible(page);
});

test('the page says that it reconnects, claims nothing meanwhile, and goes on by itself', async ({ site, openApp }, info) => {
  test.skip(info.project.name !== 'browser', 'the window of the desktop app ends with its main process');
  await site.startRendezvous();
  const { invite } = await site.startCamera('Till', 'test:?fps=5');
  const page = await openApp();
  await page.getByTestId('add-camera').click();
  await expectAccessible(page);
  await page.getByTestId('add-address').fill(invite);
  await page.getByTestId('add-submit').click();
  const till = tile(page, 'Till');
  await expect(till).toHaveAttribute('data-state', 'live');
  const port = Number(new URL(site.url).port);
  await site.serve?.kill();
  await expect(page.getByTestId('reconnecting')).toBeVisible();
  await expect(till.getByTestId('tile-recording')).toHaveAttribute('data-recording', 'false');
  await expect(till).not.toHaveAttribute('data-state', 'live');
  await expectAccessible(page);
  await site.startServe(port);
  await expect(page.getByTestId('reconnecting')).toBeHidden();
  await expect(till).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
});
