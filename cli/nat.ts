import { systemClock } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import { readFlags } from '../electron/base/flags.ts';
import { createLog, type Log } from '../electron/base/log.ts';
import { runCommand, type ProgramIo } from '../electron/base/program.ts';
import { freshAddressKey } from '../peer/identity.ts';
import { discoverNat, type StunServerName } from '../peer/nat/discovery.ts';
import { PortMapper } from '../peer/nat/port-mapper.ts';
import type { NatReport } from '../peer/nat/report.ts';
import { stunServerName } from '../peer/nat/stun-url.ts';
import { checkRendezvousUrl, RendezvousClient } from '../peer/signaling/rendezvous-client.ts';
import { natText } from './nat-text.ts';

export interface NatOptions {
  readonly rendezvous: readonly string[];
  readonly stun: readonly StunServerName[];
  readonly lifetime: boolean;
  readonly portMapping: boolean;
  readonly json: boolean;
}

const NAT_USAGE = `Usage: keyhole nat [--rendezvous URL]… [--stun URL]… [--lifetime] [--no-port-mapping] [--json]
Finds out what the router does that this computer is behind, and which cameras can be reached directly from here. Asks the
STUN servers of the rendezvous (ws://HOST:PORT or wss://HOST), and those named by --stun (stun:HOST:PORT). One with two
addresses tells most. --lifetime also measures how long an unused mapping lives, which takes up to five minutes.
--no-port-mapping leaves the router alone: else it is asked by PCP, NAT-PMP and UPnP to open a port, for a moment.`;

const REGISTERED_WITHIN_MS = 8_000;
const MAX_SERVERS = 4;

/** @throws CodedError `usage` */
export function parseNatFlags(argv: readonly string[]): NatOptions {
  const values = readFlags(
    argv,
    {
      'rendezvous': { type: 'string', multiple: true, default: [] },
      'stun': { type: 'string', multiple: true, default: [] },
      'lifetime': { type: 'boolean', default: false },
      'no-port-mapping': { type: 'boolean', default: false },
      'json': { type: 'boolean', default: false },
    },
    NAT_USAGE,
  );
  const { rendezvous, stun } = values;
  if (rendezvous.length + stun.length === 0) {
    throw new CodedError(
      'usage',
      `--rendezvous or --stun is missing: somebody outside must say what is seen of this computer.\n${NAT_USAGE}`,
    );
  }
  if (rendezvous.length + stun.length > MAX_SERVERS)
    throw new CodedError('usage', `At most ${MAX_SERVERS} servers are asked.\n${NAT_USAGE}`);
  return {
    rendezvous: rendezvous.map(checkRendezvousUrl),
    stun: stun.map((url) => {
      const name = stunServerName(url);
      if (!name) throw new CodedError('usage', `--stun takes stun:HOST or stun:HOST:PORT, not "${url}".\n${NAT_USAGE}`);
      return name;
    }),
    lifetime: values.lifetime,
    portMapping: !values['no-port-mapping'],
    json: values.json,
  };
}

async function runNat(options: NatOptions, io: ProgramIo): Promise<void> {
  const report = await findNat(options, io);
  if (io.stop.aborted) return;
  if (options.json) io.event({ ...report });
  else process.stdout.write(natText(report));
}

/** @throws CodedError `rendezvous-unreachable` when none is reached, and no other server was named */
export async function findNat(options: NatOptions, io: ProgramIo): Promise<NatReport> {
  const clock = systemClock;
  const log = createLog('nat', { write: io.text });
  const asked = await Promise.allSettled(options.rendezvous.map((url) => stunServersOf(url, log)));
  const offered = asked.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const failed = asked.flatMap((result) => (result.status === 'rejected' ? [result.reason as CodedError] : []));
  const [first] = failed;
  if (first && failed.length === asked.length && options.stun.length === 0) throw first;
  for (const error of failed) io.text(error.message);
  const mapper = options.portMapping ? new PortMapper({ clock, log }) : null;
  if (options.lifetime) io.text('Measuring how long a mapping lives takes up to five minutes.');
  try {
    return await discoverNat({
      clock,
      servers: [...offered, ...options.stun],
      mapper,
      online: asked.length > 0 ? failed.length < asked.length : null,
      lifetime: options.lifetime,
      signal: io.stop,
    });
  } finally {
    await mapper?.close();
  }
}

/** What a rendezvous names as its STUN servers. @throws CodedError `rendezvous-unreachable` */
async function stunServersOf(url: string, log: Log): Promise<readonly StunServerName[]> {
  const client = new RendezvousClient({ url, addressKey: freshAddressKey(), clock: systemClock, log: log.child('rendezvous') });
  client.start();
  try {
    await client.registered(REGISTERED_WITHIN_MS);
    const { current } = client;
    const urls = current.kind === 'registered' ? current.ice.stun : [];
    return urls.flatMap((stun) => stunServerName(stun) ?? []);
  } finally {
    client.close();
  }
}

/** `keyhole nat …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('nat', NAT_USAGE, argv, async (io) => runNat(parseNatFlags(argv), io));
}
