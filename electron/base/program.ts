import { ERROR_TABLE, asCoded } from './errors.ts';
import { redact } from './log.ts';

/** What a long-running command needs of its process. Tests give their own. */
export interface ProgramIo {
  /** One JSON object a line, for programs: stdout. */
  event(line: Readonly<Record<string, unknown>>): void;
  /** Text for people: stderr. */
  text(text: string): void;
  /** Aborted when the program shall stop. */
  readonly stop: AbortSignal;
}

/**
 * Runs a command until SIGINT or SIGTERM and says with which code to exit: 0 when it was stopped, the code's own after a
 * CodedError, whose sentence goes to stderr. A second signal ends the process at once.
 */
export async function runProgram(name: string, run: (io: ProgramIo) => Promise<void>): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const io: ProgramIo = {
    event: (line) => void process.stdout.write(JSON.stringify(line) + '\n'),
    text: (text) => void process.stderr.write(text + '\n'),
    stop: stop.signal,
  };
  try {
    await run(io);
    return 0;
  } catch (error) {
    const coded = asCoded(error);
    io.text(redact(`keyhole ${name}: ${coded.message}`));
    if (coded.code === 'internal' && error instanceof Error) io.text(redact(error.stack ?? ''));
    return ERROR_TABLE[coded.code].exit;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** `keyhole NAME …`: prints its usage when asked for, else runs like {@link runProgram}. @returns the exit code */
export async function runCommand(
  name: string,
  usage: string,
  argv: readonly string[],
  run: (io: ProgramIo) => Promise<void>,
): Promise<number> {
  if (!argv.includes('--help')) return runProgram(name, run);
  process.stdout.write(usage + '\n');
  return 0;
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
