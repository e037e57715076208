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
