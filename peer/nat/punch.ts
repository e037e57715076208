import type { EasyPunch, HardPunch, Punched } from './punch-attempt.ts';
import { boundedBudget } from './punch-budget.ts';
import { punchEasy } from './punch-easy.ts';
import { punchHard } from './punch-hard.ts';
import { PUNCH_KEY_BYTES } from './punch-message.ts';

/**
 * Looks for a direct way between a side whose NAT gives each destination a port of its own (*hard*: address- and port-dependent
 * mapping) and one whose port is the same for all but which lets in only whom it has sent to (*easy*: endpoint-independent
 * mapping or no NAT, address- and port-dependent filtering). Both call this at about the same time, the easy side best when
 * the hard side's `opened` was called. Many sockets meet many guesses: a birthday problem.
 *
 * Never throws for what the network does; null: not found within the budget, or aborted.
 */
export async function punch(options: HardPunch | EasyPunch): Promise<Punched | null> {
  if (options.key.length !== PUNCH_KEY_BYTES) throw new TypeError(`the key of a punch has ${PUNCH_KEY_BYTES} bytes`);
  const budget = boundedBudget(options.budget);
  if (budget.probes === 0 || options.signal?.aborted) return null;
  return options.side === 'hard' ? punchHard(options, budget) : punchEasy(options, budget);
}
