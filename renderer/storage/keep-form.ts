import type { CameraUsage, RecordingSettings, StorageFolderInfo } from '../../electron/contract/model.ts';
import { byteSize } from '../time/words.ts';

const GB = 1e9;
const MAX_DAYS = 36_500;

/** As typed; empty: no limit. */
export interface KeepForm {
  days: string;
  gigabytes: string;
  eventDays: string;
  folder: number;
}

type Kept = Pick<RecordingSettings, 'keepDays' | 'keepBytes' | 'keepEventDays' | 'folder'>;

export function keepForm({ keepDays, keepBytes, keepEventDays, folder }: Kept): KeepForm {
  return {
    days: keepDays === null ? '' : String(keepDays),
    gigabytes: keepBytes === null ? '' : String(keepBytes / GB),
    eventDays: keepEventDays === null ? '' : String(keepEventDays),
    folder,
  };
}

/** What was chosen, or what is wrong with which field. A decimal comma is meant as one. */
export function readKeepForm(form: KeepForm): { readonly kept: Kept } | { readonly field: keyof KeepForm; readonly fault: string } {
  const keepDays = daysOf(form.days);
  if (keepDays === 'wrong') return { field: 'days', fault: 'Type a whole number of days, such as 30, or leave it empty.' };
  const gigabytes = form.gigabytes.trim().replace(',', '.');
  const value = gigabytes === '' ? null : /^\d+(\.\d+)?$|^\.\d+$/.test(gigabytes) ? Number(gigabytes) : NaN;
  if (value !== null && !(value >= 0.001 && value <= 1e6))
    return { field: 'gigabytes', fault: 'Type how many gigabytes, such as 500, or leave it empty.' };
  const keepEventDays = daysOf(form.eventDays);
  if (keepEventDays === 'wrong') return { field: 'eventDays', fault: 'Type a whole number of days, such as 90, or leave it empty.' };
  if (keepEventDays !== null && keepDays !== null && keepEventDays <= keepDays)
    return { field: 'eventDays', fault: 'Events are kept as long as everything else anyway: type more days, or leave it empty.' };
  return { kept: { keepDays, keepBytes: value === null ? null : Math.round(value * GB), keepEventDays, folder: form.folder } };
}

function daysOf(text: string): number | null | 'wrong' {
  const typed = text.trim();
  if (typed === '') return null;
  const days = /^\d{1,5}$/.test(typed) ? Number(typed) : NaN;
  return days >= 1 && days <= MAX_DAYS ? days : 'wrong';
}

/** How far back the camera's recordings will reach, if it goes on as in the last day. Null while that cannot be said. */
export function reachSentence(
  { keepDays, keepBytes, folder }: Kept,
  usage: CameraUsage | undefined,
  all: readonly CameraUsage[],
  folders: readonly StorageFolderInfo[],
): string | null {
  const rate = usage?.bytesPerDay;
  if (!usage || rate === null || rate === undefined || rate <= 0) return null;
  const limits: (readonly [days: number, why: string])[] = [];
  if (keepDays !== null) limits.push([keepDays, 'the days it is kept']);
  if (keepBytes !== null) limits.push([keepBytes / rate, 'the gigabytes it may take']);
  const disk = folders.find(({ key }) => key === folder) ?? folders[0];
  const together = all.reduce((sum, { bytesPerDay }) => sum + (bytesPerDay ?? 0), 0);
  if (disk?.freeBytes !== null && disk?.freeBytes !== undefined && together > 0)
    limits.push([(disk.freeBytes - (disk.floorBytes ?? 0) + disk.recordingBytes) / together, 'the space there is']);
  const least = limits.reduce<readonly [number, string] | null>((a, b) => (a && a[0] <= b[0] ? a : b), null);
  if (!least) return null;
  return `At the present rate (${byteSize(rate)} a day) it will reach ${daysInWords(least[0])} back, by ${least[1]}.`;
}

function daysInWords(days: number): string {
  if (days * 24 < 1.5) return 'about an hour';
  if (days < 1) return `about ${Math.round(days * 24)} hours`;
  if (days < 1.5) return 'about a day';
  if (days < 730) return `about ${Math.round(days)} days`;
  return `about ${Math.round(days / 365)} years`;
}
