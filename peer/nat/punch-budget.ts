/** What one attempt at punching may cost: a setting, because it is other people's routers that bear it. */
export interface PunchBudget {
  /** Ports the easy side tries, predicted ones included; 0: no attempt. */
  readonly probes: number;
  /** Packets a second of either side. */
  readonly perSecond: number;
  /** Sockets the hard side opens. */
  readonly sockets: number;
  /** The whole attempt, ms. */
  readonly timeoutMs: number;
}

/** 256 sockets met by 1,024 random ports: 1 − (1 − 256/64512)^1024, 98 %, with the median after 175 probes, a third of a second. */
export const DEFAULT_PUNCH_BUDGET: PunchBudget = { probes: 1_024, perSecond: 500, sockets: 256, timeoutMs: 10_000 };

const LIMITS: Record<keyof PunchBudget, readonly [number, number]> = {
  probes: [0, 1_024],
  perSecond: [100, 1_000],
  sockets: [1, 256],
  timeoutMs: [500, 60_000],
};

/** The budget with its gaps filled, within the hard limits: whole numbers, and the default where there is none. */
export function boundedBudget(wanted: Partial<PunchBudget> = {}): PunchBudget {
  const bounded = (name: keyof PunchBudget): number => {
    const value = wanted[name];
    const [least, most] = LIMITS[name];
    return Math.min(most, Math.max(least, Math.floor(Number.isFinite(value) ? Number(value) : DEFAULT_PUNCH_BUDGET[name])));
  };
  return { probes: bounded('probes'), perSecond: bounded('perSecond'), sockets: bounded('sockets'), timeoutMs: bounded('timeoutMs') };
}
