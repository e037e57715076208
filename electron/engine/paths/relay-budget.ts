import type { RelayPolicy } from '../../contract/model.ts';

/** A relay policy as storage keeps it: null allows, 0 forbids, else bytes a month. */
export function budgetOf(policy: RelayPolicy): number | null {
  if (policy.kind === 'allow') return null;
  return policy.kind === 'never' ? 0 : policy.bytesPerMonth;
}

export function policyOf(budget: number | null): RelayPolicy {
  if (budget === null) return { kind: 'allow' };
  return budget === 0 ? { kind: 'never' } : { kind: 'budget', bytesPerMonth: budget };
}

/**
 * Whether footage that was missed may be fetched through a relay. Of a budget only what the month so far has left over: what is live comes
 * first, all month.
 * @param used bytes of this month
 */
export function mayFetchByRelay(policy: RelayPolicy, used: number, now: number): boolean {
  if (policy.kind !== 'budget') return policy.kind === 'allow';
  const date = new Date(now);
  const begin = Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  return used < (policy.bytesPerMonth * (now - begin)) / (end - begin);
}
