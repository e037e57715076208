import { CodedError } from '../electron/base/errors.ts';
import { portFlag, readFlags } from '../electron/base/flags.ts';

export interface RendezvousOptions {
  readonly port: number;
  readonly bind: string;
  readonly stunPort: number;
}

export const RENDEZVOUS_USAGE = `Usage: keyhole rendezvous [--port 8485] [--bind ADDR] [--stun-port 3478]
Introduces cameras and apps to each other, and answers STUN. Port 0 takes a free one.`;

const LATER = ['turn', 'turn-secret-file', 'relay-address', 'stun-alt-address'] as const;

/** @throws CodedError `usage` */
export function parseRendezvousFlags(argv: readonly string[]): RendezvousOptions {
  const later = LATER.find((flag) => argv.some((word) => word === `--${flag}` || word.startsWith(`--${flag}=`)));
  if (later)
    throw new CodedError('usage', `--${later} comes with a later version: this one has no TURN and one STUN address.\n${RENDEZVOUS_USAGE}`);
  const values = readFlags(
    argv,
    {
      'port': { type: 'string', default: '8485' },
      'bind': { type: 'string', default: '0.0.0.0' },
      'stun-port': { type: 'string', default: '3478' },
    },
    RENDEZVOUS_USAGE,
  );
  return { port: portFlag('port', values.port), bind: values.bind, stunPort: portFlag('stun-port', values['stun-port']) };
}
