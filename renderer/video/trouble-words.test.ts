import { describe, expect, it } from 'vitest';
import { utcMs, type GapReason } from '../../electron/contract/model.ts';
import { fakeCamera } from '../state/fake-camera.ts';
import { alarms, notRecordedFor } from './trouble-words.ts';

const NOW = utcMs(Date.UTC(2026, 10, 23));
const MINUTE = 60_000;
const lost = (name: string, reason: GapReason, minutes: number) =>
  fakeCamera({
    id: `cam-${name}`,
    name,
    recording: false,
    recordingReason: { reason, text: `${reason} it is.`, since: utcMs(NOW - minutes * MINUTE) },
  });

describe('the alarm', () => {
  it('is about cameras that should record and do not, when that lasts', () => {
    expect(notRecordedFor(fakeCamera(), NOW)).toBeNull();
    expect(notRecordedFor(lost('a', 'disk-full', 0.5), NOW)).toBeNull();
    expect(notRecordedFor(lost('a', 'schedule', 500), NOW)).toBeNull();
    expect(notRecordedFor(lost('a', 'no-event', 500), NOW)).toBeNull();
    expect(notRecordedFor(lost('a', 'disk-full', 3), NOW)).toBe(3 * MINUTE);
    expect(notRecordedFor(lost('a', 'connecting', 3), NOW)).toBe(3 * MINUTE);
  });

  it('names the camera, how long, and why; one sentence for those that share a reason', () => {
    expect(alarms([lost('Garage', 'disk-full', 3.9), fakeCamera()], NOW).map(({ text }) => text)).toEqual([
      'Garage has not recorded for 3 min: disk-full it is.',
    ]);
    const many = ['A', 'B', 'C', 'D', 'E'].map((name, i) => lost(name, 'disk-missing', i + 2));
    expect(alarms([...many, lost('F', 'ice-failed', 90)], NOW).map(({ text }) => text)).toEqual([
      '5 cameras are not recording: A (2 min), B (3 min), C (4 min) and 2 more. Disk not there.',
      'F has not recorded for 1 h 30 min: ice-failed it is.',
    ]);
  });

  it('stays the same while it lasts, and is another when it is about something else', () => {
    const key = (cameras: Parameters<typeof alarms>[0], at = NOW) => alarms(cameras, at)[0]?.key;
    const garage = lost('Garage', 'disk-full', 3);
    expect(key([garage], utcMs(NOW + 10 * MINUTE))).toBe(key([garage]));
    const spoken = (cameras: Parameters<typeof alarms>[0], at = NOW) => alarms(cameras, at)[0]?.spoken;
    expect(spoken([garage])).toBe('Garage is not recording: disk-full it is.');
    const both = [garage, lost('Yard', 'disk-full', 2)];
    expect(spoken(both)).toBe('2 cameras are not recording: Garage, Yard. Disk full.');
    expect(spoken(both, utcMs(NOW + 10 * MINUTE))).toBe(spoken(both));
    expect(key([garage, lost('Yard', 'disk-full', 2)])).not.toBe(key([garage]));
    expect(key([lost('Garage', 'disk-failed', 3)])).not.toBe(key([garage]));
  });
});
