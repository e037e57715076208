import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from '@playwright/test';
import { afterEach, describe, expect, it } from 'vitest';
import { TrackSender, rtpFormat } from '../../camera/track-sender.ts';
import { systemClock } from '../../electron/base/clock.ts';
import { RtpStream } from '../../peer/session/rtp-stream.ts';
import { Transport } from '../../peer/session/transport.ts';
import { chromiumUnavailable, launchChromium } from '../fakes/chromium.ts';
import { ClipInput, testClip, testLog } from './p2p-world.ts';

const missing = chromiumUnavailable();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function openBrowser(): Promise<Browser> {
  const browser = await launchChromium(['--disable-features=WebRtcHideLocalIpsWithMdns']);
  closers.push(() => browser.close());
  return browser;
}

/** An empty page in a secure context. */
async function emptyPage(browser: Browser) {
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return page;
}

describe.skipIf(missing)(`a peer that is not ours: Chromium${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('takes the H.264 of the camera’s end over ICE and DTLS-SRTP and decodes it, also when packets get lost', async () => {
    const page = await emptyPage(await openBrowser());
    const offer = await page.evaluate(async () => {
      const pc = new RTCPeerConnection();
      Object.assign(window, { pc });
      pc.addTransceiver('video', { direction: 'recvonly' });
      pc.createDataChannel('control');
      pc.ontrack = ({ streams, track }) => {
        const video = document.createElement('video');
        video.muted = true;
        video.autoplay = true;
        video.srcObject = streams[0] ?? new MediaStream([track]);
        document.body.append(video);
      };
      await pc.setLocalDescription();
      while (pc.iceGatheringState !== 'complete')
        await new Promise((resolve) => pc.addEventListener('icegatheringstatechange', resolve, { once: true }));
      return pc.localDescription?.sdp ?? '';
    });

    const transport = await Transport.create('camera', { stun: [], turn: [], policy: 'all' }, systemClock, testLog);
    closers.push(() => transport.close());
    const secured = new Promise<void>((resolve, reject) => {
      transport.state.on((state) => (state === 'secured' ? resolve() : state === 'failed' ? reject(new Error('failed')) : undefined));
    });
    const answer = await transport.acceptOffer(offer, false);
    await page.evaluate((sdp) => (Reflect.get(window, 'pc') as RTCPeerConnection).setRemoteDescription({ type: 'answer', sdp }), answer);
    await secured;
    // A browser has no DTLS exporter for scripts, so that it cannot take part in the binding: here only what is below it is tried.
    expect(transport.facts?.extendedMasterSecret).toBe(true);
    transport.release();

    const ssrc = transport.promisedSsrcs.video ?? 0;
    const stream = new RtpStream({ ssrc, payloadType: transport.payloadTypeOf('H264') ?? 0, wire: transport, clock: systemClock });
    let sealed = 0;
    let repaired = 0;
    const send = transport.sendSealed.bind(transport);
    transport.sendSealed = (packet) => {
      sealed += 1;
      if (sealed % 20 !== 7) send(packet);
    };
    transport.lost.on(({ sequenceNumbers }) => {
      repaired += sequenceNumbers.length;
      stream.repeat(sequenceNumbers);
    });
    const input = new ClipInput();
    closers.push(() => input.close());
    let track: TrackSender | null = null;
    input.units.on((unit) => {
      const format = rtpFormat(unit.config);
      if (!format) return;
      track ??= new TrackSender(unit, format, stream);
      const frame = track.frame(unit);
      frame.payloads.forEach((_, index) => stream.send(frame, index));
    });
    input.start();

    const decoded = await page.evaluate(async () => {
      const pc = Reflect.get(window, 'pc') as RTCPeerConnection;
      const video = document.querySelector('video');
      for (;;) {
        const reports = [...(await pc.getStats()).values()];
        const sender = reports.find(({ type }) => type === 'remote-outbound-rtp');
        for (const report of reports) {
          if (sender && report.type === 'inbound-rtp' && report.framesDecoded >= 75 && video && video.videoWidth > 0) {
            return {
              frames: Number(report.framesDecoded),
              width: video.videoWidth,
              height: video.videoHeight,
              // Of the last sender report: when it was sent by the sender's clock, and when it came by ours, which is the same.
              clockErrorMs: Math.abs(Number(sender.remoteTimestamp) - Number(sender.timestamp)),
            };
          }
        }
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    });
    expect(decoded).toMatchObject({ width: testClip().config.width, height: testClip().config.height });
    expect(decoded.clockErrorMs).toBeLessThan(500);
    expect(repaired).toBeGreaterThan(0);
  }, 60_000);
});
