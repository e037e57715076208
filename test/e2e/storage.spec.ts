import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addSilent, expect, expectAccessible, test, tile } from './fixtures.ts';

test('another folder takes recordings, is refused inside the first, and is removed again', async ({ site, openApp }) => {
  const page = await openApp();
  await page.getByTestId('go-settings').click();
  await expect(page.getByTestId('storage-folder')).toHaveCount(1);
  await page.getByTestId('storage-path').fill(join(site.dataDir, 'recordings'));
  await page.getByTestId('storage-add').click();
  await expect(page.getByTestId('storage-path-error')).toContainText('one inside the other');
  const second = mkdtempSync(join(tmpdir(), 'keyhole-second-'));
  await page.getByTestId('storage-path').fill(second);
  await page.getByTestId('storage-path').press('Enter');
  const added = page.locator('[data-testid=storage-folder][data-key="1"]');
  await expect(added.getByTestId('storage-state')).toHaveText('In use');
  await expectAccessible(page);
  await added.getByTestId('storage-remove').click();
  await added.getByTestId('storage-remove-yes').click();
  await expect(page.getByTestId('storage-folder')).toHaveCount(1);
  rmSync(second, { recursive: true });
});

test('a camera says how long it is kept; what is typed and wrong stays with the reason; a range is kept and let go', async ({
  openApp,
}) => {
  const page = await openApp();
  await addSilent(page, 'Yard');
  await tile(page, 'Yard').click();
  await page.getByTestId('toggle-recording').click();
  await page.getByTestId('keep-days').fill('often');
  await page.getByTestId('keep-save').click();
  await expect(page.getByTestId('keep-days-error')).toBeVisible();
  await page.getByTestId('keep-days').fill('30');
  await page.getByTestId('keep-save').click();
  await expect(page.getByTestId('keep-saved')).toHaveText('Saved');
  await page.getByTestId('protect-add').click();
  await expect(page.getByTestId('protected-list').getByRole('listitem')).toHaveCount(1);
  await page.getByTestId('protected-remove').click();
  await expect(page.getByTestId('protected-list')).toBeHidden();
  await page.reload();
  await expect(page.getByTestId('keep-days')).toHaveValue('30');
});
