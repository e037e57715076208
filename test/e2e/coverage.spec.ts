import { join } from 'node:path';
import type { Page } from '@playwright/test';
import Database from 'better-sqlite3';
import { seedFootage, type SeededFootage } from '../fakes/seeded-footage.ts';
import { expect, expectAccessible, tile, test } from './fixtures.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * A camera of three days: whole but for what is said. Real footage in the last minutes; the days before have rows only, since nobody looks at
 * their pictures.
 */
async function threeDays(dataDir: string): Promise<SeededFootage & { at: (minutes: number) => number }> {
  const end = Math.floor(Date.now() / MINUTE) * MINUTE - 2 * MINUTE;
  const recorded = await seedFootage(
    dataDir,
    [
      { from: end - 4 * MINUTE, to: end - 2 * MINUTE },
      { from: end - MINUTE, to: end },
    ],
    5,
  );
  const at = (minutes: number) => end + minutes * MINUTE;
  const db = new Database(join(dataDir, 'keyhole.db'));
  const { key } = db.prepare('SELECT key FROM camera').get() as { key: number };
  const born = at(-20) - 3 * DAY;
  db.prepare('UPDATE camera SET created_ms = ?').run(born);
  db.prepare('INSERT INTO run (start_ms, end_ms) VALUES (?, ?)').run(born, end);
  const span = db.prepare('INSERT INTO span (camera, start_ms, end_ms) VALUES (?, ?, ?)');
  const gap = db.prepare('INSERT INTO gap (camera, start_ms, end_ms, reason, text) VALUES (?, ?, ?, ?, ?)');
  span.run(key, born, at(-20));
  gap.run(key, at(-20), at(-16), 'schedule', 'The schedule says so.');
  gap.run(key, at(-16), at(-12), 'rtsp-unauthorized', 'The camera refused the password (401).');
  gap.run(key, at(-12), at(-8), 'deleted-by-person', 'A person deleted the recordings of this time.');
  db.prepare('INSERT INTO fact (start_ms, end_ms, reason, text, weak) VALUES (?, ?, ?, ?, 0)').run(
    at(-8),
    at(-4),
    'asleep',
    'The computer was asleep.',
  );
  // The app did not run while the computer slept.
  db.prepare('DELETE FROM run').run();
  const run = db.prepare('INSERT INTO run (start_ms, end_ms) VALUES (?, ?)');
  run.run(born, at(-8));
  run.run(at(-4), end);
  db.close();
  return { ...recorded, at };
}

async function openCamera(page: Page, camera: string): Promise<void> {
  await page.evaluate((id) => (location.hash = `#/camera/${id}`), camera);
  await expect(page.getByTestId('coverage-strip')).toBeVisible();
}

test('each day says how much of it is recorded and why the rest is not, to eyes, to keys, and to screen readers', async ({
  site,
  openApp,
}) => {
  const { camera } = await threeDays(site.dataDir);
  const page = await openApp();
  await openCamera(page, camera);
  const days = page.getByTestId('coverage-day');
  await expect(days).toHaveCount(30);
  // Before the camera there was nothing to record.
  await expect(days.first()).toHaveAttribute('data-percent', '–');
  await expect(days.nth(28)).toHaveAttribute('data-percent', '100');
  await expect(page.getByTestId('coverage-strip')).toHaveAccessibleName(/Recorded by day, 99\.\d % of the last 30 days/);

  // The reasons of the last minutes may lie on both sides of midnight.
  const words = (await days.evaluateAll((all) => all.map((day) => day.getAttribute('aria-label')))).join(' ');
  for (const reason of [/Off by the schedule/, /Camera refused user or password/, /Deleted by a person/, /Computer asleep/])
    expect(words).toMatch(reason);

  await days.last().focus();
  await expect(page.getByTestId('coverage-card')).toContainText('recorded');
  await page.keyboard.press('ArrowLeft');
  await expect(days.nth(28)).toBeFocused();
  await expect(page.getByTestId('coverage-card')).toContainText('100 % recorded: 24 h.');
  await page.keyboard.press('Home');
  await expect(page.getByTestId('coverage-card')).toContainText('not there yet');
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  const from = await days.nth(28).getAttribute('data-from');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('timeline')).toHaveAttribute('data-from', from ?? '');
  await page.getByTestId('timeline').hover({ position: { x: 400, y: 45 } });
  await expect(page.getByTestId('timeline-tooltip')).toContainText('Recorded');
  await expectAccessible(page);
});

test('the timeline draws reasons in kinds, and a person may delete what they choose', async ({ site, openApp }) => {
  const { camera, at, spans } = await threeDays(site.dataDir);
  const page = await openApp();
  await openCamera(page, camera);
  const timeline = page.getByTestId('timeline');
  const shows = async (minutes: number) => {
    const [from, to] = [Number(await timeline.getAttribute('data-from')), Number(await timeline.getAttribute('data-to'))];
    const { width } = (await timeline.boundingBox())!;
    await timeline.hover({ position: { x: ((at(minutes) - from) / (to - from)) * width, y: 45 } });
    return page.getByTestId('timeline-tooltip');
  };
  const legend = page.getByTestId('timeline-legend');
  await page.getByTestId('zoom-out').click();
  await page.getByTestId('zoom-out').click();
  await page.getByTestId('zoom-out').click();
  for (const kind of ['failure', 'away', 'not-owed', 'deleted']) await expect(legend.locator(`[data-kind=${kind}]`)).toBeVisible();
  await expect(await shows(-18)).toContainText(/Off by the schedule, 4 min.*The schedule says so/);
  await expect(await shows(-14)).toContainText(/Camera refused user or password.*401/);
  await expect(await shows(-10)).toContainText(/Deleted by a person/);
  await expect(await shows(-6)).toContainText(/Computer asleep, 4 min/);
  await expect(await shows(-3)).toContainText('Recorded');

  await page.getByTestId('delete-recordings').click();
  await expectAccessible(page);
  const input = (ms: number) => new Date(ms - new Date().getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
  await page.getByTestId('delete-from').fill(input(at(-1)));
  await page.getByTestId('delete-to').fill(input(at(-2)));
  await expect(page.getByTestId('delete-error')).toContainText('later');
  await page.getByTestId('delete-from').fill(input(spans[1]!.from - 10_000));
  await page.getByTestId('delete-to').fill(input(spans[1]!.to));
  await expect(page.getByTestId('delete-found')).toContainText(/recording.*cannot be brought back/);
  await page.getByTestId('delete-confirm').click();
  await expect(page.getByTestId('delete-dialog')).toBeHidden();
  await expect(async () => expect(await (await shows(-0.5)).textContent()).toContain('Deleted by a person')).toPass();
  await expect(await shows(-3)).toContainText('Recorded');
});

test('a camera that should record and does not is said aloud', async ({ site, openApp }) => {
  const { camera } = await threeDays(site.dataDir);
  const page = await openApp();
  // The app looks at its clock each second: an hour later it is an hour.
  await expect(tile(page, 'Corridor')).toHaveAttribute('data-state', 'offline');
  await page.clock.install();
  await page.clock.fastForward(HOUR);
  await expect(page.getByTestId('recording-alarm')).toContainText(/Corridor has not recorded for 1 h.*: .*127\.0\.0\.1/);
  await expect(tile(page, 'Corridor').getByTestId('tile-not-recording')).toContainText(/Not recording · 1 h/);
  await expectAccessible(page);
  await page.getByTestId('recording-alarm').getByRole('button').click();
  await expect(page.getByTestId('recording-alarm')).toBeHidden();
  await openCamera(page, camera);
  await expect(page.getByTestId('recording-alarm')).toBeHidden();
});
