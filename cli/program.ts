import { createInterface } from 'node:readline';

/** A running `keyhole` command of the demo. */
export interface Program {
  /** Asks it to end, and kills it when it does not. Resolves when it has ended. */
  stop(): Promise<void>;
}

export interface ProgramEvents {
  /** A line of its stdout. */
  line(text: string): void;
  /** Once. `why` holds the exit code and the last line of stderr. */
  exit(why: string): void;
}

export type SpawnProgram = (args: readonly string[], events: ProgramEvents) => Program;

/** A process that runs a command, whichever way it was started. */
interface Started {
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  /** Resolves with the exit code, in words. */
  readonly ended: Promise<string>;
  askToEnd(): void;
  kill(): void;
}

const STOP_WITHIN_MS = 4000;

export function programOf(started: Started, events: ProgramEvents): Program {
  let last = '';
  if (started.stdout) createInterface(started.stdout).on('line', events.line);
  if (started.stderr) {
    createInterface(started.stderr).on('line', (line) => {
      if (line.trim()) last = line;
    });
  }
  const ended = started.ended.then((how) => events.exit(last ? `${how}: ${last}` : how));
  return {
    stop: async () => {
      started.askToEnd();
      const force = setTimeout(() => started.kill(), STOP_WITHIN_MS);
      await ended;
      clearTimeout(force);
    },
  };
}
