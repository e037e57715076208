import type { Recordings } from '../../electron/contract/model.ts';

/** Where a camera's seconds went. Milliseconds; `owed` is the sum of the others but `healed`, which is a part of `recorded`. */
export interface Account {
  readonly owed: number;
  readonly recorded: number;
  readonly healed: number;
  readonly explained: Readonly<Record<string, number>>;
  readonly unexplained: number;
  /** Stretches without a reason, for whoever looks for it. */
  readonly riddles: readonly { readonly from: number; readonly to: number; readonly text: string }[];
}

/** @param answer what `GET /api/v1/recordings` says of the whole time that is owed. @throws Error when it does not tile the range */
export function accountOf(answer: Recordings, from: number, to: number): Account {
  const pieces = [...answer.spans, ...answer.gaps].sort((a, b) => a.from - b.from);
  let position = from;
  for (const piece of pieces) {
    if (piece.from !== position) throw new Error(`the ledger does not tile: ${piece.from} follows ${position}`);
    position = piece.to;
  }
  if (position !== to) throw new Error(`the ledger ends at ${position}, not at ${to}`);
  const explained: Record<string, number> = {};
  for (const gap of answer.gaps) if (gap.reason !== 'unknown') explained[gap.reason] = (explained[gap.reason] ?? 0) + gap.to - gap.from;
  const riddles = answer.gaps.filter((gap) => gap.reason === 'unknown').map(({ from, to, text }) => ({ from, to, text }));
  return {
    owed: to - from,
    recorded: sum(answer.spans),
    healed: sum(answer.healed),
    explained,
    unexplained: sum(riddles),
    riddles,
  };
}

export function total(accounts: readonly Account[]): Account {
  const explained: Record<string, number> = {};
  for (const account of accounts)
    for (const [reason, ms] of Object.entries(account.explained)) explained[reason] = (explained[reason] ?? 0) + ms;
  const add = (of: (account: Account) => number) => accounts.reduce((all, account) => all + of(account), 0);
  return {
    owed: add((a) => a.owed),
    recorded: add((a) => a.recorded),
    healed: add((a) => a.healed),
    explained,
    unexplained: add((a) => a.unexplained),
    riddles: accounts.flatMap((account) => account.riddles),
  };
}

/** For people: seconds, and what the rest is. */
export function accountText({ owed, recorded, healed, explained, unexplained }: Account): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const reasons = Object.entries(explained)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, ms]) => `${reason} ${seconds(ms)}`);
  return [
    `owed        ${seconds(owed)}`,
    `recorded    ${seconds(recorded)} (healed ${seconds(healed)})`,
    `explained   ${seconds(Object.values(explained).reduce((all, ms) => all + ms, 0))}: ${reasons.join(', ') || 'nothing to explain'}`,
    `unexplained ${seconds(unexplained)}`,
  ].join('\n');
}

function sum(spans: readonly { readonly from: number; readonly to: number }[]): number {
  return spans.reduce((all, span) => all + span.to - span.from, 0);
}
