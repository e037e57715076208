import { systemClock } from '../electron/base/clock.ts';
import { createLog } from '../electron/base/log.ts';
import { aborted, runCommand, type ProgramIo } from '../electron/base/program.ts';
import { hostText } from '../peer/stun/address.ts';
import { isWildcard, primaryAddress } from './addresses.ts';
import { parseRendezvousFlags, RENDEZVOUS_USAGE, type RendezvousOptions } from './flags.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { RendezvousServer } from './server.ts';
import { StunServer } from './stun-server.ts';

/** Runs until `io.stop`. @throws CodedError `port-in-use`, `usage` */
async function runRendezvous(options: RendezvousOptions, io: ProgramIo): Promise<void> {
  const clock = systemClock;
  const log = createLog('rendezvous', { write: io.text });
  const stun = new StunServer({
    clock,
    log: log.child('stun'),
    perSecond: DEFAULT_LIMITS.stunPerSecond,
    perSecondPerAddress: DEFAULT_LIMITS.stunPerSecondPerAddress,
    alternates: options.stunAlternates,
    known: options.turn?.relayAddresses ?? [],
  });
  const alternate = options.stunAlternates[0]?.announced ?? '';
  const ice = () => ({
    stun: [`stun::${stun.port}`],
    stunAlternate: `stun:${hostText(alternate)}:${stun.alternatePort}`,
    turn: [],
  });
  const server = new RendezvousServer({ clock, log, limits: DEFAULT_LIMITS, stunPort: () => stun.port || null, ice });
  try {
    await stun.start(options.bind, options.stunPort);
    const port = await server.start(options.bind, options.port);
    io.event({ event: 'listening', url: `ws://${hostFor(options.bind)}:${port}`, stunPort: stun.port });
    log.info('listening', { bind: options.bind, port, stunPort: stun.port });
    await aborted(io.stop);
    log.info('stopping', { ...server.counters });
  } finally {
    await server.close();
    await stun.close();
  }
}

/** A host by which this machine, and others of its network where that can be known, reach what is bound to `bind`. */
function hostFor(bind: string): string {
  if (!isWildcard(bind)) return hostText(bind);
  return hostText(primaryAddress(bind, 4) ?? primaryAddress(bind, 6) ?? '127.0.0.1');
}

/** `keyhole rendezvous …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('rendezvous', RENDEZVOUS_USAGE, argv, async (io) => runRendezvous(parseRendezvousFlags(argv), io));
}
