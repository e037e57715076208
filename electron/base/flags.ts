import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { CodedError } from './errors.ts';

/** The values of a command's flags; no other words are taken. @throws CodedError `usage`, with the usage below the reason */
export function readFlags<const T extends ParseArgsOptionsConfig>(argv: readonly string[], options: T, usage: string) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new CodedError('usage', `${reason}.\n${usage}`, { cause: error });
  }
}

/** A port in a flag's value. @throws CodedError `usage` */
export function portFlag(flag: string, value: string): number {
  const port = Number(value);
  if (!/^\d{1,5}$/.test(value) || port > 65535) throw new CodedError('usage', `--${flag} takes a port from 0 to 65535, not "${value}".`);
  return port;
}
