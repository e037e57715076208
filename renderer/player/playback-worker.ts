import { workerPortSource } from '../api/connect.ts';
import { EngineLink } from '../api/engine-link.ts';
import type { CameraId, UtcMs } from '../../electron/contract/model.ts';
import { createVideoDecoder } from './decoder.ts';
import { drawFrame } from './frame-sink.ts';
import { GopCache, type Footage } from './gop-cache.ts';
import { PlaybackController } from './playback-controller.ts';
import { isPlaybackCommand, type PlaybackReport } from './playback-messages.ts';

const link = new EngineLink(workerPortSource());
let controller: PlaybackController<VideoFrame> | undefined;
let ticking = false;

async function fetchGop(camera: CameraId, at: UtcMs): Promise<Footage> {
  const client = await link.ready();
  const { value, bytes } = await client.call('playback.gop', { camera, at: at });
  return value.kind === 'gap' ? value : { gop: value, bytes };
}

/** The next display frame; soon anyway where the page is hidden and there is none. */
function displayFrame(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 100);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function open(camera: CameraId, canvas: OffscreenCanvas): void {
  link.start();
  const context = canvas.getContext('2d', { alpha: false });
  controller = new PlaybackController<VideoFrame>({
    cache: new GopCache(fetchGop, camera),
    createDecoder: createVideoDecoder,
    now: () => performance.now(),
    report: (report: PlaybackReport) => self.postMessage(report),
    async paint(frame) {
      drawFrame(canvas, context, frame);
      frame.close();
      await displayFrame();
    },
  });
}

async function keepTicking(): Promise<void> {
  if (ticking) return;
  ticking = true;
  while (controller?.playing) {
    controller.tick();
    await displayFrame();
  }
  ticking = false;
}

self.addEventListener('message', (event: MessageEvent<unknown>) => {
  const command = event.data;
  if (!isPlaybackCommand(command)) return;
  if (command.playback === 'open') open(command.camera, command.canvas);
  else if (command.playback === 'seek') void controller?.seek(command.generation, command.at, command.scrub);
  else if (command.playback === 'step') void controller?.step(command.generation, command.frames);
  else if (command.playback === 'pause') controller?.pause(command.generation);
  else if (command.playback === 'play') {
    controller?.play(command.generation, command.rate);
    void keepTicking();
  } else {
    controller?.close();
    controller = undefined;
    link.close();
    self.close();
  }
});
