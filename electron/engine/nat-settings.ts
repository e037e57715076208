import type { NatSettings } from '../contract/model.ts';

/** Birthday probing between a symmetric and a port-restricted side succeeds within these in 98 of 100 tries. */
export const DEFAULT_NAT_SETTINGS: NatSettings = {
  punch: { enabled: true, probes: 1024, perSecond: 500, seconds: 10 },
  portMapping: true,
};
