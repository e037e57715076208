import type { Page } from '@playwright/test';
import type { CameraId } from '../../electron/contract/model.ts';
import { utcMs } from '../../electron/base/units.ts';
import { ContractPage } from '../fakes/contract-page.ts';
import type { Site } from '../fakes/site.ts';

/**
 * The bare limit of a seek: the page has the group of pictures in memory, decodes it up to the wanted frame and draws that; no
 * question to the engine, no file, no user interface. ms from having the bytes to the next paint, for frames at `times`.
 */
export async function bareSeeks(site: Site, page: Page, camera: CameraId, times: readonly number[]): Promise<number[]> {
  const engine = await ContractPage.open(site);
  const taken: number[] = [];
  for (const at of times) {
    const { value: gop, bytes } = await engine.client.call('playback.gop', { camera, at: utcMs(at) });
    if (gop.kind !== 'gop') throw new Error('nothing is recorded where a seek was to go');
    const group = { config: gop.config, frames: gop.frames, at, bytes: Buffer.from(bytes).toString('base64') };
    taken.push(await page.evaluate(decodeAndDraw, group));
  }
  engine.client.close();
  return taken;
}

interface Group {
  readonly config: { readonly codecString: string; readonly description: string };
  readonly frames: readonly { readonly at: number; readonly key: boolean; readonly bytes: number }[];
  readonly at: number;
  readonly bytes: string;
}

/** Runs in the page. */
async function decodeAndDraw(group: Group): Promise<number> {
  const fromBase64 = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const bytes = fromBase64(group.bytes);
  const description = fromBase64(group.config.description);
  const context = document.createElement('canvas').getContext('2d');
  const began = performance.now();
  let last: VideoFrame | null = null;
  const decoder = new VideoDecoder({
    output: (frame) => {
      last?.close();
      last = frame;
    },
    error: (error) => {
      throw error;
    },
  });
  decoder.configure({ codec: group.config.codecString, description, optimizeForLatency: true });
  let offset = 0;
  for (const { at, key, bytes: length } of group.frames) {
    if (at > group.at && offset > 0) break;
    const data = bytes.subarray(offset, offset + length);
    decoder.decode(new EncodedVideoChunk({ type: key ? 'key' : 'delta', timestamp: at * 1000, data }));
    offset += length;
  }
  await decoder.flush();
  const shown = last as VideoFrame | null;
  if (shown) context?.drawImage(shown, 0, 0);
  shown?.close();
  decoder.close();
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}
