import type { Span } from './model.ts';

/** One file of an export: a stretch in which the camera did not change its format. */
export interface ExportPart extends Span {
  /** About how large the file becomes. */
  readonly bytes: number;
}

/** What an export of a range would be. Empty where nothing is recorded. */
export interface ExportPlan {
  readonly parts: readonly ExportPart[];
  /** Of the range, milliseconds. */
  readonly recordedMs: number;
  readonly missingMs: number;
}
