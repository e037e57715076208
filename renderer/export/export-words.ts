import type { ExportPlan } from '../../electron/contract/export.ts';
import type { UtcMs } from '../../electron/contract/model.ts';
import { byteSize, duration } from '../time/words.ts';
import { wallTime } from '../time/zone.ts';

/** What an export will be, in one or two sentences. */
export function planWords({ parts, recordedMs, missingMs }: ExportPlan): string {
  if (parts.length === 0) return 'Nothing is recorded in this time.';
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const files = parts.length === 1 ? 'One file' : `${parts.length} files, since the camera changed its format in between`;
  const missing = missingMs >= 1_000 ? ` ${duration(missingMs)} of this time are not recorded.` : '';
  return `${files}: ${duration(recordedMs)}, about ${byteSize(bytes)}.${missing}`;
}

/** `Yard 2026-11-23 09-00-00.mp4`, by the clock on the wall; what no file system takes is left out of the name. */
export function fileName(camera: string, from: UtcMs, zone: string, part: { readonly number: number; readonly of: number }): string {
  const { year, month, day, hour, minute, second } = wallTime(from, zone);
  const two = (value: number) => String(value).padStart(2, '0');
  const safe = camera.replace(/[^\p{L}\p{N} ._-]/gu, '').trim() || 'Camera';
  const suffix = part.of > 1 ? ` part ${part.number}` : '';
  return `${safe} ${year}-${two(month)}-${two(day)} ${two(hour)}-${two(minute)}-${two(second)}${suffix}.mp4`;
}
