import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { Transport } from '../../peer/session/transport.ts';
import { ImpairmentProxy, throughPort } from '../fakes/impairment-proxy.ts';

const ICE = { stun: [], turn: [], policy: 'all' } as const;
const SESSIONS = 50;
const AT_A_TIME = 5;
let proxy: ImpairmentProxy | null = null;
afterEach(async () => {
  await proxy?.close();
});

/** Resolves when both ends have finished ICE and DTLS and the control channel is open; by one attempt alone. */
async function connect(network: ImpairmentProxy): Promise<void> {
  const viewer = await Transport.create('viewer', ICE, systemClock, silentLog);
  const camera = await Transport.create('camera', ICE, systemClock, silentLog);
  try {
    const ready = [viewer, camera].map((end) => new Promise<void>((resolve) => end.controlReady.on(resolve)));
    const failed = new Promise<never>((_resolve, reject) => {
      for (const end of [viewer, camera]) end.state.on((state) => state === 'failed' && reject(new Error('failed')));
    });
    const lane = await network.open();
    const answer = await camera.acceptOffer(throughPort(await viewer.createOffer(), lane.cameraPort), true);
    await viewer.acceptAnswer(throughPort(answer, lane.appPort), true);
    await Promise.race([Promise.all(ready), failed]);
  } finally {
    await Promise.all([viewer.close(), camera.close()]);
  }
}

describe('the handshake of a session', () => {
  it(`is finished by ${SESSIONS} of ${SESSIONS} sessions where one packet in twenty is lost each way`, async () => {
    const impairment = { loss: 0.05, delayMs: 10, jitterMs: 5 };
    const lossy = (proxy = new ImpairmentProxy({ seed: 11, toApp: impairment, toCamera: impairment }));
    let connected = 0;
    for (let begun = 0; begun < SESSIONS; begun += AT_A_TIME) {
      await Promise.all(
        Array.from({ length: AT_A_TIME }, async () => {
          await connect(lossy);
          connected += 1;
        }),
      );
    }
    expect(connected).toBe(SESSIONS);
    expect(lossy.toApp.counters.lost + lossy.toCamera.counters.lost).toBeGreaterThan(50);
  }, 180_000);
});
