import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDirect, Meetings } from './meetings.ts';
import { laboratoryUnavailable } from './namespaces.ts';
import { recover, TROUBLES } from './recoveries.ts';

const unavailable = laboratoryUnavailable();

describe.skipIf(unavailable !== null)(`a session goes on when${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let meetings: Meetings;
  beforeAll(async () => {
    meetings = await Meetings.start();
  });
  afterAll(() => meetings?.close());

  for (const trouble of TROUBLES) {
    it(
      trouble.name,
      async ({ annotate }) => {
        const { before, after, ms, newSessions } = await recover(meetings, trouble);
        await annotate(`${before} before, ${after} after ${ms} ms`);
        expect(isDirect(before ?? 'relay')).toBe(true);
        expect(isDirect(after ?? 'relay')).toBe(true);
        // Another path for the session that was there, not another session.
        expect(newSessions).toBe(0);
      },
      150_000,
    );
  }

  it('its rendezvous is gone', async () => {
    const [camera, app] = await Promise.all([meetings.camera('port-restricted-cone'), meetings.app('restricted-cone')]);
    const { id } = await app.program.add('without a rendezvous', await camera.program.invite());
    await app.program.untilLive(id);
    const sessions = () => camera.program.program.events.filter(({ event }) => event === 'session').length;
    const begun = sessions();
    await meetings.stopRendezvous();
    const stopped = Date.now();
    await app.program.until(id, ({ state, lastFrameAt }) => state === 'live' && (lastFrameAt ?? 0) > stopped + 8_000);
    expect(sessions()).toBe(begun);
  }, 150_000);
});
