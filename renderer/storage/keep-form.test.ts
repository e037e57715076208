import { describe, expect, it } from 'vitest';
import type { StorageFolderInfo, UtcMs } from '../../electron/contract/model.ts';
import { keepForm, readKeepForm, reachSentence } from './keep-form.ts';

const none = { keepDays: null, keepBytes: null, keepEventDays: null, folder: 0 };

describe('how long a camera is kept', () => {
  it('is read as it was shown, empty fields being no limit', () => {
    for (const kept of [none, { keepDays: 30, keepBytes: 500_000_000, keepEventDays: 90, folder: 2 }])
      expect(readKeepForm(keepForm(kept))).toEqual({ kept });
    expect(readKeepForm({ days: ' 7 ', gigabytes: '1,5', eventDays: '', folder: 0 })).toEqual({
      kept: { keepDays: 7, keepBytes: 1_500_000_000, keepEventDays: null, folder: 0 },
    });
  });

  it('is refused with the field that is wrong', () => {
    const form = { days: '', gigabytes: '', eventDays: '', folder: 0 };
    for (const days of ['0', '1.5', '-1', 'many', '99999']) expect(readKeepForm({ ...form, days })).toMatchObject({ field: 'days' });
    for (const gigabytes of ['0', 'x', '1e9', '-3']) expect(readKeepForm({ ...form, gigabytes })).toMatchObject({ field: 'gigabytes' });
    expect(readKeepForm({ ...form, days: '30', eventDays: '30' })).toMatchObject({ field: 'eventDays' });
    expect(readKeepForm({ ...form, eventDays: '30' })).toMatchObject({ kept: { keepEventDays: 30 } });
  });

  it('is foretold by whatever ends it first', () => {
    const usage = { camera: 'cam-a', bytes: 0, oldest: 0 as UtcMs, bytesPerDay: 10e9 };
    const other = { ...usage, camera: 'cam-b', bytesPerDay: 30e9 };
    const disk: StorageFolderInfo = {
      key: 0,
      path: '/',
      state: 'ok',
      text: null,
      freeBytes: 500e9,
      totalBytes: 2000e9,
      floorBytes: 10e9,
      recordingBytes: 430e9,
      segments: 1,
      oldest: null,
    };
    const all = [usage, other];
    expect(reachSentence(none, usage, all, [disk])).toContain('about 23 days back, by the space there is');
    expect(reachSentence({ ...none, keepDays: 7 }, usage, all, [disk])).toContain('about 7 days back, by the days');
    expect(reachSentence({ ...none, keepBytes: 5e9 }, usage, all, [disk])).toContain('about 12 hours back, by the gigabytes');
    expect(reachSentence({ ...none, keepBytes: 1e6 }, usage, all, [disk])).toContain('about an hour back');
    expect(reachSentence(none, { ...usage, bytesPerDay: null }, all, [disk])).toBeNull();
  });
});
