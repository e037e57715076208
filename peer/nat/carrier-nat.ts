import { isPublicIpv4, isSharedIpv4 } from './addresses.ts';
import { NO_PUBLIC_ADDRESS } from './gateway-request.ts';
import type { PortMappingFinding } from './report.ts';

/** Whether a further NAT stands behind the one nearby: the address of the latter is not the one that the internet sees. */
export function behindAnother(
  findings: readonly PortMappingFinding[],
  seen: string | null,
  local: string | null,
  notes: string[],
): boolean {
  if (local && isSharedIpv4(local)) {
    notes.push(`This machine's address ${local} is of those that providers share among customers: it is behind their NAT.`);
    return true;
  }
  for (const { protocol, external, answers, error } of findings) {
    if (external !== null && (!isPublicIpv4(external) || (seen !== null && external !== seen))) {
      const as = isSharedIpv4(external) ? 'which providers share among customers' : `and the internet sees ${seen ?? 'another'}`;
      notes.push(`The router has the address ${external} (${protocol}), ${as}: another NAT stands behind it, the provider's most likely.`);
      return true;
    }
    if (answers && seen !== null && error === NO_PUBLIC_ADDRESS.error) {
      notes.push(`The router says (${protocol}) that it has no public address: another NAT stands behind it, the provider's most likely.`);
      return true;
    }
  }
  return false;
}
