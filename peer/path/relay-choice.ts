import type { StunOverTurnProtocol } from 'werift';
import type { Clock, Timer } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { allocateRelay, parseTurnUrl, type TurnServer, type TurnTransport } from './turn-client.ts';

/** Servers and ways to them that are tried at most. */
const MAX_SERVERS = 6;
/** UDP carries video best, so that the others give it a head start, ms; where it fails sooner they begin at once. */
const HEAD_START: Readonly<Record<TurnTransport, number>> = { udp: 0, tcp: 300, tls: 400 };
const DEADLINE_MS = 5_000;

type Allocate = (server: TurnServer, clock: Clock, signal: AbortSignal) => Promise<StunOverTurnProtocol>;

/**
 * One allocation on whichever server and by whichever way answers first, UDP preferred: the library would try the first URL
 * of a list and no other. Those that come later are given back.
 * @throws CodedError `relay-refused` when a server refused the credentials and none allocated, else `relay-unreachable`
 */
export function chooseRelay(
  servers: readonly TurnServer[],
  clock: Clock,
  allocate: Allocate = allocateRelay,
): Promise<StunOverTurnProtocol> {
  const known = servers.filter(({ url }) => parseTurnUrl(url) !== null).slice(0, MAX_SERVERS);
  const waiting = known
    .map((server) => ({ server, delayMs: HEAD_START[parseTurnUrl(server.url)?.transport ?? 'udp'] }))
    .sort((a, b) => a.delayMs - b.delayMs);
  return new Promise((resolve, reject) => {
    const abort = new AbortController();
    const failures: CodedError[] = [];
    const timers: Timer[] = [];
    let running = 0;
    let settled = false;
    const finish = (settle: () => void) => {
      if (settled) return;
      settled = true;
      for (const timer of timers) timer.cancel();
      abort.abort();
      settle();
    };
    const fail = () => finish(() => reject(failures.find(({ code }) => code === 'relay-refused') ?? failures.at(-1) ?? unreachable()));
    const begin = (server: TurnServer) => {
      running += 1;
      allocate(server, clock, abort.signal)
        .then(
          (relay) => (settled ? void relay.close().catch(() => {}) : finish(() => resolve(relay))),
          (error: unknown) => failures.push(error instanceof CodedError ? error : unreachable()),
        )
        .finally(() => {
          running -= 1;
          if (settled || running > 0) return;
          const next = waiting.shift();
          if (next) begin(next.server);
          else fail();
        });
    };
    for (const delayMs of new Set(waiting.map((entry) => entry.delayMs))) {
      const start = () => {
        while (!settled && waiting[0] && waiting[0].delayMs <= delayMs) begin((waiting.shift() as { server: TurnServer }).server);
      };
      if (delayMs === 0) start();
      else timers.push(clock.setTimeout(start, delayMs));
    }
    timers.push(clock.setTimeout(fail, DEADLINE_MS));
    if (running === 0 && waiting.length === 0) fail();
  });
}

const unreachable = (): CodedError => new CodedError('relay-unreachable', 'No relay (TURN server) could be reached.');
