import type { Span } from '../../electron/contract/model.ts';
import { parseLocalInput } from './local-input.ts';
import { momentsOf } from './zone.ts';

/** The range that is typed, or what is wrong with it. A time that clocks show twice means all of both. */
export function readRange(start: string, end: string, zone: string): Span | { readonly error: string } {
  const [first, last] = [parseLocalInput(start), parseLocalInput(end)];
  if (!first || !last) return { error: 'Choose the date and time at which it begins, and at which it ends.' };
  const from = momentsOf(first, zone)[0];
  const to = momentsOf(last, zone).at(-1);
  if (from === undefined || to === undefined) return { error: 'The clocks skipped this time that day. Choose another.' };
  if (to <= from) return { error: 'The end must be later than the beginning.' };
  return { from, to };
}
