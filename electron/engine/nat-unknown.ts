import { Emitter } from '../base/emitter.ts';
import type { NatMonitor } from '../sources/surroundings.ts';

/** Knows nothing of the NAT and never will: where nobody looks. */
export function unknownNat(): NatMonitor {
  return { current: null, networkChanged: new Emitter(), changed: new Emitter(), refresh: () => Promise.resolve() };
}
