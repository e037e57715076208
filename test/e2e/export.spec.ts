import { join } from 'node:path';
import { verifyExport } from '../../electron/proof/verify-export.ts';
import { seedFootage } from '../fakes/seeded-footage.ts';
import { expect, expectAccessible, test } from './fixtures.ts';

const MINUTE = 60_000;

test('a range is exported with its proof: what it will be is said before, and the file verifies', async ({ site, openApp }, info) => {
  const end = Math.floor(Date.now() / MINUTE) * MINUTE - 2 * MINUTE;
  const recorded = await seedFootage(site.dataDir, [
    { from: end - 3.5 * MINUTE, to: end - MINUTE },
    { from: end - 0.5 * MINUTE, to: end },
  ]);
  const page = await openApp();
  // The browser's own window for files cannot be answered here: the file is downloaded.
  await page.evaluate(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  await page.evaluate((id) => (location.hash = `#/camera/${id}`), recorded.camera);
  const opener = page.getByTestId('export-recordings');
  await opener.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByTestId('export-dialog');
  await expect(dialog).toBeVisible();
  await expect(page.getByTestId('export-from')).toBeFocused();
  await expect(page.getByTestId('export-plan')).toContainText('One file');
  await expectAccessible(page);
  await page.screenshot({ path: info.outputPath('export.png') });

  const started = page.getByTestId('export-to').inputValue();
  await page.getByTestId('export-to').fill(await page.getByTestId('export-from').inputValue());
  await expect(page.getByTestId('export-error')).toContainText('later than the beginning');
  await page.getByTestId('export-to').fill(await started);
  await expect(page.getByTestId('export-plan')).toContainText('not recorded');

  const download = page.waitForEvent('download');
  await page.getByTestId('export-start').click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^[\w ]+ \d{4}-\d\d-\d\d \d\d-\d\d-\d\d\.mp4$/);
  const path = join(info.outputDir, 'export.mp4');
  await file.saveAs(path);
  await expect(page.getByTestId('export-done')).toContainText('Saved');
  const fingerprint = (await page.getByTestId('export-fingerprint').textContent())!;
  await expectAccessible(page);
  await page.screenshot({ path: info.outputPath('exported.png') });
  const report = await verifyExport(path, { expected: fingerprint });
  expect(report.findings).toEqual([]);
  expect(report.spans).toHaveLength(2);
  expect(report.proof?.gaps.length).toBeGreaterThan(0);

  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
});
