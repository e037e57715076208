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
