import { systemClock } from '../electron/base/clock.ts';
import { createLog } from '../electron/base/log.ts';
import { aborted, runCommand, type ProgramIo } from '../electron/base/program.ts';
import { parseRendezvousFlags, RENDEZVOUS_USAGE, type RendezvousOptions } from './flags.ts';
import { Rendezvous } from './rendezvous.ts';

/** Runs until `io.stop`. @throws CodedError `port-in-use`, `usage` */
async function runRendezvous(options: RendezvousOptions, io: ProgramIo): Promise<void> {
  const log = createLog('rendezvous', { write: io.text });
  const rendezvous = new Rendezvous(options, { clock: systemClock, log });
  try {
    const place = await rendezvous.start();
    io.event({ event: 'listening', ...place });
    log.info('listening', { bind: options.bind, url: place.url, stun: place.stun.join(' '), turn: place.turn.join(' ') });
    await aborted(io.stop);
    log.info('stopping', rendezvous.counters);
  } finally {
    await rendezvous.close();
  }
}

/** `keyhole rendezvous …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('rendezvous', RENDEZVOUS_USAGE, argv, async (io) => runRendezvous(parseRendezvousFlags(argv), io));
}
