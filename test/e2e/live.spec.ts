import { frameNumberAt } from '../../camera/input/frame-code.ts';
import { addByInvite, expect, expectAccessible, paintedFrame, test, tile } from './fixtures.ts';

const FPS = 10;

test('a camera is added by its invite, is live, and shows the frames of now, in order', async ({ site, openApp }) => {
  await site.startRendezvous();
  const { invite } = await site.startCamera('Front door', `test:?fps=${FPS}&seed=4`);
  const page = await openApp();
  await expect(page.getByTestId('empty-wall')).toBeVisible();
  await addByInvite(page, invite);

  const door = tile(page, 'Front door');
  await expect(door).toHaveAttribute('data-state', 'live');
  await expect(door.getByTestId('tile-path')).toContainText('Direct');
  await expect(door.getByTestId('tile-recording')).toBeVisible();

  const seen: number[] = [];
  await expect
    .poll(async () => {
      const { number, now } = await paintedFrame(door.locator('video, canvas'));
      if (number === null) return 0;
      // Never from the future, and not from before the camera was started.
      expect(number).toBeLessThanOrEqual(frameNumberAt(now, FPS));
      expect(number).toBeGreaterThan(frameNumberAt(now - 60_000, FPS));
      seen.push(number);
      return new Set(seen).size;
    })
    .toBeGreaterThan(5);
  expect([...seen].sort((a, b) => a - b)).toEqual(seen);

  await expectAccessible(page);
});

test('a tile whose camera goes away says why in words, and comes back by itself', async ({ site, openApp }) => {
  await site.startRendezvous();
  const { program, invite } = await site.startCamera('Yard', `test:?fps=${FPS}`);
  const page = await openApp();
  await addByInvite(page, invite);
  const yard = tile(page, 'Yard');
  await expect(yard).toHaveAttribute('data-state', 'live');
  await program.kill();
  await expect(yard).not.toHaveAttribute('data-state', 'live');
  await expect(yard.getByTestId('tile-words')).toContainText(/camera/i);
  await site.startCamera('Yard', `test:?fps=${FPS}`);
  await expect(yard).toHaveAttribute('data-state', 'live', { timeout: 45_000 });
});

test('a used invite gets a clear word beside its field, and the dialog stays', async ({ site, openApp }) => {
  await site.startRendezvous();
  const { invite } = await site.startCamera('Till', 'test:?fps=5');
  const page = await openApp();
  await addByInvite(page, invite);
  await tile(page, 'Till').waitFor();
  await page.getByTestId('add-camera').click();
  for (const [address, words] of [
    ['keyhole:nonsense', /invite/i],
    ['rtsp://', /address/i],
    ['hello', /invite|address/i],
  ] as const) {
    await page.getByTestId('add-address').fill(address);
    await page.getByTestId('add-submit').click();
    await expect(page.getByTestId('add-address-error')).toContainText(words);
  }
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('add-camera-dialog')).toBeHidden();
});

test('the wall works by keyboard alone', async ({ site, openApp }) => {
  await site.startRendezvous();
  const { invite } = await site.startCamera('Till', 'test:?fps=5');
  const page = await openApp();
  await addByInvite(page, invite);
  await tile(page, 'Till').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('camera-view')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('wall')).toBeVisible();
  for (const size of [1, 4, 9, 16]) {
    await page.getByTestId(`layout-${size}`).check({ force: true });
    await expect(page.getByTestId('wall')).toHaveAttribute('data-size', String(size));
  }
});
