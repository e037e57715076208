import { ERROR_TABLE } from '../electron/base/errors.ts';
import { keyholeVersion } from '../electron/base/version.ts';

interface Command {
  readonly summary: string;
  /** Runs to its end and gives the exit code. Loaded when asked for, so that one command does not pay for the others. */
  run(argv: readonly string[]): Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'record and watch: the app in a browser, without Electron',
    run: async (argv) => (await import('./serve.ts')).main(argv),
  },
  camera: {
    summary: 'offer a camera peer to peer, from beside it',
    run: async (argv) => (await import('../camera/main.ts')).main(argv),
  },
  rendezvous: {
    summary: 'introduce apps and cameras to each other (signaling and STUN; carries no media)',
    run: async (argv) => (await import('../rendezvous/main.ts')).main(argv),
  },
  nat: {
    summary: 'find out what the router here does, and which cameras will be direct',
    run: async (argv) => (await import('./nat.ts')).main(argv),
  },
  export: {
    summary: 'write recordings of a range to a file, with a proof that they are what was recorded',
    run: async (argv) => (await import('./export.ts')).main(argv),
  },
  verify: {
    summary: 'say whether recordings, or an exported file, are what was recorded',
    run: async (argv) => (await import('./verify.ts')).main(argv),
  },
  doctor: {
    summary: 'look over the recordings, their index and this computer; exit 0 only if all is well',
    run: async (argv) => (await import('./doctor.ts')).main(argv),
  },
};

/** Whether a first argument asks for the command rather than for the desktop app, which is the same program when packed. */
export function isCommand(word: string | undefined): boolean {
  return word !== undefined && (Object.hasOwn(commands, word) || ['help', '--help', 'version', '--version'].includes(word));
}

/** The `keyhole` command: gives the exit code. */
export async function runKeyhole(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h') return help();
  if (name === 'help') return rest[0] === undefined ? help() : run(rest[0], ['--help']);
  if (name === 'version' || name === '--version' || name === '-v') {
    process.stdout.write(`keyhole ${keyholeVersion()}\n`);
    return 0;
  }
  return run(name, rest);
}

async function run(name: string, argv: readonly string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command) return command.run(argv);
  process.stderr.write(`keyhole: there is no command "${name}". Commands: ${Object.keys(commands).join(', ')}, help, version.\n`);
  return ERROR_TABLE.usage.exit;
}

function help(): number {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}\n`);
  process.stdout.write(
    `Usage: keyhole COMMAND [flags]\n\n${lines.join('')}  ${'help'.padEnd(12)}this, or "help COMMAND" for its flags\n  version\n`,
  );
  return 0;
}
