import type { RelayPolicy } from '../../electron/contract/model.ts';

const GB = 1_000_000_000;
/** What the engine takes. */
const MIN_GB = 0.001;
const MAX_GB = 1_000_000;

export interface RelayForm {
  kind: RelayPolicy['kind'];
  /** As typed. */
  gigabytes: string;
}

export function relayForm(policy: RelayPolicy): RelayForm {
  return { kind: policy.kind, gigabytes: policy.kind === 'budget' ? String(policy.bytesPerMonth / GB) : '5' };
}

/** What was chosen, or what is wrong with the number. A decimal comma is meant as one. */
export function readRelayForm({ kind, gigabytes }: RelayForm): { readonly policy: RelayPolicy } | { readonly fault: string } {
  if (kind !== 'budget') return { policy: { kind } };
  const text = gigabytes.trim().replace(',', '.');
  const value = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) return { fault: 'Type how many gigabytes a month, such as 5 or 0.5.' };
  if (value === 0) return { fault: 'For none at all choose “Never”.' };
  if (value < MIN_GB) return { fault: `Less than ${MIN_GB} GB is gone in a moment: type more, or choose “Never”.` };
  if (value > MAX_GB) return { fault: 'That is more than a month can hold: choose “Always” instead.' };
  return { policy: { kind, bytesPerMonth: Math.round(value * GB) } };
}

/** Whether they mean the same. What is no number yet is something else than any that is. */
export function sameRelayForm(a: RelayForm, b: RelayForm): boolean {
  return a.kind === b.kind && (a.kind !== 'budget' || a.gigabytes.trim().replace(',', '.') === b.gigabytes.trim().replace(',', '.'));
}
