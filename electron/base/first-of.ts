import type { Clock } from './clock.ts';

interface FirstOf<T> {
  readonly clock: Clock;
  /** How long to wait at most, and the error then. */
  readonly timeoutMs: number;
  readonly late: () => Error;
  /** Begins to listen; what it returns is called when the matter is settled, also when that happens at once. */
  readonly listen: (resolve: (value: T) => void, reject: (error: Error) => void) => readonly (() => void)[];
}

/** A promise that the first of several events settles, or time; after that nothing listens any more. */
export function firstOf<T>({ clock, timeoutMs, late, listen }: FirstOf<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let offs: readonly (() => void)[] = [];
    let settled = false;
    const finish = (settle: () => void) => {
      if (settled) return;
      settled = true;
      for (const off of offs) off();
      timer.cancel();
      settle();
    };
    const timer = clock.setTimeout(() => finish(() => reject(late())), timeoutMs);
    offs = listen(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
    if (settled) for (const off of offs) off();
  });
}
