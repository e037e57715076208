import type { Socket } from 'node:dgram';
import type { Clock } from '../../electron/base/clock.ts';
import type { PunchBudget } from './punch-budget.ts';
import type { UdpAddress } from './udp.ts';

interface CommonPunch {
  /** 32 bytes that only both ends know, fresh for each attempt. */
  readonly key: Buffer;
  readonly budget?: Partial<PunchBudget>;
  readonly clock: Clock;
  /** Ends the attempt: it resolves with null. */
  readonly signal?: AbortSignal | undefined;
}

export interface HardPunch extends CommonPunch {
  readonly side: 'hard';
  /** The easy side's public address and port. */
  readonly remote: UdpAddress;
  /** The address of this machine to send from; the system's choice unless said. */
  readonly localAddress?: string | undefined;
  /** Makes a bound socket. */
  readonly open?: () => Promise<Socket>;
  /** All sockets have sent: the time for the easy side to begin. */
  readonly opened?: () => void;
}

export interface EasyPunch extends CommonPunch {
  readonly side: 'easy';
  /** The bound socket whose public address and port the hard side was told. Stays open, and the caller's, also without success. */
  readonly socket: Socket;
  /** The hard side's public address, and a port of it that is known to be open. */
  readonly remote: { readonly address: string; readonly port?: number };
  /** Tried first: see `predictPorts`. */
  readonly predicted?: readonly number[];
  /** For the choice of ports, not for secrets. */
  readonly random?: () => number;
}

/** A way in both directions, the same for both ends. */
export interface Punched {
  /**
   * Open, bound, without a listener of ours, not connected. A `dgram` socket without an error listener throws: add one, and the
   * one for messages, in the turn in which the promise resolves.
   */
  readonly socket: Socket;
  readonly remote: UdpAddress;
  /** Probes that this side sent. */
  readonly probes: number;
  readonly ms: number;
}

interface Way<S> {
  readonly socket: S;
  readonly remote: UdpAddress;
}

interface Settle<S> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** What it has come to when time is up. */
  readonly late: () => Way<S> | null;
}

/** What `begin` finishes with, or time, or null when aborted; what `begin` returns is called before the promise resolves. */
export function settled<S>(
  { clock, timeoutMs, signal, late }: Settle<S>,
  begin: (finish: (way: Way<S> | null) => void) => () => void,
): Promise<Way<S> | null> {
  return new Promise((resolve) => {
    let end: (() => void) | null = null;
    let result: { way: Way<S> | null } | null = null;
    const finish = (way: Way<S> | null) => {
      if (result) return;
      result = { way };
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      end?.();
      resolve(way);
    };
    const abort = () => finish(null);
    const timer = clock.setTimeout(() => finish(late()), timeoutMs);
    signal?.addEventListener('abort', abort);
    end = begin(finish);
    if (result) end();
    else if (signal?.aborted) finish(null);
  });
}
