import { LEAST_PORT } from './allocation.ts';

const PORTS = 65_536 - LEAST_PORT;

/** Predicted ports first, then random ones; each port once, `count` at most (below half of all ports). */
export function* portOrder(predicted: readonly number[], count: number, random: () => number): Generator<number, void> {
  const tried = new Set<number>();
  for (const port of predicted) {
    if (tried.size >= count) return;
    if (!Number.isInteger(port) || port < 1 || port > 65_535 || tried.has(port)) continue;
    tried.add(port);
    yield port;
  }
  while (tried.size < Math.min(count, PORTS / 2)) {
    const port = LEAST_PORT + Math.floor(random() * PORTS);
    if (tried.has(port)) continue;
    tried.add(port);
    yield port;
  }
}
