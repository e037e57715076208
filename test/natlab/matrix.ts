import { behaviourOf, SITE_KINDS, type SiteKind } from './sites.ts';

/**
 * What must become of a camera at one site and an app at another. `direct`: the first path already. `direct-after-relay`:
 * direct in the end, be it that a relay carries it until then. `relay`: nothing else is asked for; never without video.
 */
export type Outcome = 'direct' | 'direct-after-relay' | 'relay';

export interface Cell {
  readonly camera: SiteKind;
  readonly app: SiteKind;
}

/** Whether plain hole punching suffices over IPv4, each end sending to the other's endpoint as a server saw it. */
export function punchable(one: SiteKind, other: SiteKind): boolean {
  const [a, b] = [behaviourOf(one), behaviourOf(other)];
  if (!a || !b) return false;
  const moves = (mapping: string) => mapping === 'address-dependent' || mapping === 'address-and-port-dependent';
  const strict = (filtering: string) => filtering === 'address-and-port-dependent';
  return !(moves(a.mapping) && strict(b.filtering)) && !(moves(b.mapping) && strict(a.filtering));
}

/** What the issue asks of each cell. */
export function expected({ camera, app }: Cell): Outcome {
  const sides = [camera, app];
  if (sides.includes('udp-blocked')) return 'relay';
  if (punchable(camera, app) || sides.every((kind) => kind === 'symmetric-ipv6')) return 'direct';
  const moving = sides.filter((kind) => behaviourOf(kind)?.mapping.startsWith('address-')).length;
  return moving === 2 ? 'relay' : 'direct-after-relay';
}

export const CELLS: readonly Cell[] = SITE_KINDS.flatMap((camera) => SITE_KINDS.map((app) => ({ camera, app })));

export const showCell = ({ camera, app }: Cell): string => `camera ${camera}, app ${app}`;
