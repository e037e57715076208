import { behaviourOf, SITE_KINDS, type SiteKind } from './sites.ts';

/**
 * What must become of a camera at one site and an app at another. `direct`: by ICE, as a rule by the first path already. `direct-after-relay`:
 * direct in the end, be it that a relay carries it until then. `relay`: nothing else is asked for. None is without video.
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
  const strict = 'address-and-port-dependent';
  return !(moves(one) && b.filtering === strict) && !(moves(other) && a.filtering === strict);
}

/** Its public endpoint is another for each address or port it speaks to. */
const moves = (kind: SiteKind): boolean => behaviourOf(kind)?.mapping.startsWith('address-') ?? false;

/** What is asked of each cell. */
export function expected({ camera, app }: Cell): Outcome {
  if (camera === 'udp-blocked' || app === 'udp-blocked') return 'relay';
  if (punchable(camera, app) || (camera === 'symmetric-ipv6' && app === 'symmetric-ipv6')) return 'direct';
  return moves(camera) && moves(app) ? 'relay' : 'direct-after-relay';
}

/** What Keyhole cannot do yet, why, and what is asked for instead until it can; unless NATLAB_PENDING is set. */
const PENDING: readonly { readonly why: string; readonly outcome: Outcome; readonly instead: Outcome }[] = [];

/** What is asked of a cell now; `why` it is not all that is expected in the end, or null. */
export function asked(cell: Cell): { outcome: Outcome; why: string | null } {
  const outcome = expected(cell);
  const pending = process.env.NATLAB_PENDING ? undefined : PENDING.find((one) => one.outcome === outcome);
  return { outcome: pending?.instead ?? outcome, why: pending?.why ?? null };
}

/** Every kind of camera's site with every kind of app's. Each neighbours others, so that those tried together are not of one site. */
export const CELLS: readonly Cell[] = SITE_KINDS.flatMap((_, shift) =>
  SITE_KINDS.map((camera, index) => ({ camera, app: SITE_KINDS[(index + shift) % SITE_KINDS.length] as SiteKind })),
);

export const showCell = ({ camera, app }: Cell): string => `camera ${camera}, app ${app}`;
