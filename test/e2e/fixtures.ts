import AxeBuilder from '@axe-core/playwright';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { readFrameCode } from '../../camera/input/frame-code.ts';
import { Site } from '../fakes/site.ts';
import { launchStandin } from '../standin/launch.ts';
import { electronUnavailableReason, launchElectron } from '../standin/real-electron.ts';

interface Fixtures {
  /** Rendezvous and cameras of this test; its data folder is the app's. */
  readonly site: Site;
  /** Opens the app on the site's data folder, the way of the project: browser host, stand-in, or real Electron. */
  readonly openApp: () => Promise<Page>;
}

export { expect };

export const test = base.extend<Fixtures>({
  site: async ({}, use) => {
    const site = new Site();
    await use(site);
    await site.close();
  },
  openApp: async ({ site, browser, contextOptions, viewport }, use, info) => {
    const closers: (() => Promise<unknown>)[] = [];
    const reason = info.project.name === 'electron' ? electronUnavailableReason() : null;
    base.skip(reason !== null, reason ?? '');
    await use(async () => {
      if (info.project.name === 'electron') {
        const { page, close } = await launchElectron({ dataDir: site.dataDir });
        closers.push(close);
        return page;
      }
      const context = await browser.newContext({ ...contextOptions, viewport });
      closers.push(() => context.close());
      const page = await context.newPage();
      page.on('pageerror', (error) => info.annotations.push({ type: 'page error', description: error.message }));
      page.on('console', (message) => {
        if (/Content Security Policy/.test(message.text())) info.annotations.push({ type: 'page error', description: message.text() });
      });
      if (info.project.name === 'standin') {
        const standin = await launchStandin({ dataDir: site.dataDir, page });
        closers.push(() => standin.close());
      } else {
        await site.startServe();
        await page.goto(site.link);
      }
      return page;
    });
    for (const close of closers.reverse()) await close();
    expect(
      info.annotations.filter(({ type }) => type === 'page error'),
      'the page threw errors',
    ).toEqual([]);
  },
});

export const tile = (page: Page, name: string): Locator => page.locator(`[data-testid=tile][data-name="${name}"]`);

/** Adds a camera the way a person does. */
export async function addByInvite(page: Page, invite: string): Promise<void> {
  await page.getByTestId('add-camera').click();
  await page.getByTestId('add-address').fill(invite);
  await page.getByTestId('add-submit').click();
  await expect(page.getByTestId('add-camera-dialog')).toBeHidden();
}

/** Adds a camera that does not answer: its tile says so, and it costs nothing. */
export async function addSilent(page: Page, name: string): Promise<void> {
  await page.getByTestId('add-camera').click();
  await page.getByTestId('add-address').fill(`rtsp://127.0.0.1:9/${name}`);
  await page.getByTestId('add-name').fill(name);
  await page.getByTestId('add-submit').click();
  await expect(page.getByTestId('add-camera-dialog')).toBeHidden();
}

/** What axe finds wrong with the page as it is, in both themes. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const found = violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target.join(' '))]);
    expect(found, `accessibility of ${page.url()}, ${colorScheme}`).toEqual([]);
  }
}

export interface Painted {
  /** The number in the picture's pixels; null while there is none to be read. */
  readonly number: number | null;
  /** The page's clock when it was read. */
  readonly now: number;
}

/** Which frame is on the screen, read from the pixels of the video or canvas that shows it. */
export async function paintedFrame(surface: Locator): Promise<Painted> {
  const { now, width, height, pixels } = await surface.evaluate((element) => {
    const source = element as HTMLVideoElement | HTMLCanvasElement;
    const width = source instanceof HTMLVideoElement ? source.videoWidth : source.width;
    const height = source instanceof HTMLVideoElement ? source.videoHeight : source.height;
    if (width === 0 || height === 0) return { now: Date.now(), width, height, pixels: '' };
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context?.drawImage(source, 0, 0);
    const now = Date.now();
    const data = context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
    // One byte a pixel is enough, and a quarter to carry over.
    let text = '';
    for (let index = 1; index < data.length; index += 4) text += String.fromCharCode(data[index] ?? 0);
    return { now, width, height, pixels: btoa(text) };
  });
  return { now, number: readFrameCode(new Uint8Array(Buffer.from(pixels, 'base64')), width, height) };
}
