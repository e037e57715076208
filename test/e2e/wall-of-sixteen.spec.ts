import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rtspServerUnavailable, startRtspServer } from '../fakes/rtsp-server.ts';
import { expect, test, tile } from './fixtures.ts';

const CAMERAS = 16;
const unavailable = rtspServerUnavailable();

test('sixteen cameras are live on one wall, each tile painted on and on', async ({ site, openApp }, info) => {
  test.skip(unavailable !== null, unavailable ?? '');
  test.skip(info.project.name !== 'browser', 'the page is the same everywhere; the cameras are added by HTTP');
  test.setTimeout(120_000);
  const file = join(site.dir, 'small.mp4');
  const encode = '-c:v libx264 -preset ultrafast -g 10 -bf 0 -pix_fmt yuv420p'.split(' ');
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10', '-t', '10', ...encode, file]);
  const server = await startRtspServer({ file });
  try {
    const page = await openApp();
    const names = Array.from({ length: CAMERAS }, (_, index) => `Camera ${index}`);
    for (const [index, name] of names.entries()) {
      // The query makes each a camera of its own to the app; the server ignores it.
      const source = { kind: 'rtsp', url: `${server.url}?camera=${index}` };
      await site.json('POST', '/api/v1/cameras', { name, source });
    }
    await page.getByTestId('layout-16').check({ force: true });
    await expect(page.getByTestId('tile')).toHaveCount(CAMERAS);
    const painted = (name: string) => tile(page, name).getAttribute('data-painted-at').then(Number);
    const paintedAfter = (name: string, after: number) =>
      expect.poll(() => painted(name), { message: `${name} after ${after}`, timeout: 30_000 }).toBeGreaterThan(after);
    await Promise.all(names.map((name) => paintedAfter(name, 0)));
    // All at once, so that none lives at the cost of another.
    const before = Math.max(...(await Promise.all(names.map(painted))));
    await Promise.all(names.map((name) => paintedAfter(name, before + 1000)));
  } finally {
    await server.close();
  }
});
