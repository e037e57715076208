import { expect, it } from 'vitest';
import { utcMs } from '../base/units.ts';
import { wallClock } from '../recording/schedule.ts';
import { appInfo } from './app-info.ts';

it('tells the zone by whose clock schedules are', async () => {
  const info = await appInfo({ host: 'browser', dataDir: '.', publicKey: new Uint8Array(32), notices: () => [] });
  for (const month of [0, 6]) {
    const at = utcMs(Date.UTC(2026, month, 15, 12));
    expect(wallClock(info.timeZone)(at)).toEqual(wallClock()(at));
  }
});
