import { systemClock } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import { portFlag, readFlags } from '../electron/base/flags.ts';
import { createLog } from '../electron/base/log.ts';
import { aborted, runCommand, type ProgramIo } from '../electron/base/program.ts';
import { BrowserHost } from '../electron/host/browser-host.ts';
import { defaultDataFolder, defaultDemoFolder } from '../electron/host/data-folder.ts';
import { Demo } from './demo.ts';
import { demoClip, spawnProgram } from './demo-child.ts';
import { tellSessions } from './session-events.ts';
import { openBrowser } from './open-browser.ts';

interface ServeOptions {
  readonly data: string;
  readonly port: number;
  readonly bind: string;
  readonly tokenFile: string | undefined;
  /** Also run demo cameras. */
  readonly demo: boolean;
  /** Show the link to the person, and open it where there is a desktop. */
  readonly open: boolean;
}

const SERVE_USAGE = `Usage: keyhole serve [--data DIR] [--port 8484] [--bind 127.0.0.1] [--token-file FILE] [--demo] [--open]
Records and serves the app to a browser. Port 0 takes a free one. --token-file holds the token for scripts (made when it
is not there). The link on stdout works once; when it was used, an event "link" brings the next. --demo adds four demo
cameras, kept in a folder of their own unless --data names one. --open shows the link in this computer's browser.`;

/** @throws CodedError `usage` */
export function parseServeFlags(argv: readonly string[]): ServeOptions {
  const values = readFlags(
    argv,
    {
      'data': { type: 'string' },
      'port': { type: 'string', default: '8484' },
      'bind': { type: 'string', default: '127.0.0.1' },
      'token-file': { type: 'string' },
      'demo': { type: 'boolean', default: false },
      'open': { type: 'boolean', default: false },
    },
    SERVE_USAGE,
  );
  if (values.data === '' || values.bind === '' || values['token-file'] === '') {
    throw new CodedError('usage', `--data, --bind and --token-file must not be empty.\n${SERVE_USAGE}`);
  }
  return {
    data: values.data ?? (values.demo ? defaultDemoFolder() : defaultDataFolder()),
    port: portFlag('port', values.port),
    bind: values.bind,
    tokenFile: values['token-file'],
    demo: values.demo,
    open: values.open,
  };
}

/** Until `io.stop`, or until the engine cannot go on. Errors: those of {@link BrowserHost.start} and the engine's. */
export async function runServe(options: ServeOptions, io: ProgramIo): Promise<void> {
  const log = createLog('host', { write: io.text });
  const host = await BrowserHost.start({
    dataDir: options.data,
    port: options.port,
    bind: options.bind,
    tokenFile: options.tokenFile,
    log,
  });
  const failed = new Promise<CodedError>((resolve) => host.onFatal.on(resolve));
  const demo = options.demo
    ? new Demo({
        folder: host.dataDir,
        engine: () => host.engine(),
        spawn: spawnProgram,
        clip: demoClip(),
        log: log.child('demo'),
        clock: systemClock,
      })
    : undefined;
  const closers: (() => void)[] = [];
  try {
    demo?.start();
    io.event({ event: 'listening', url: host.url, token: host.token, link: host.link });
    closers.push(
      tellSessions(
        () => host.engine(),
        systemClock,
        (event) => io.event({ ...event }),
      ),
    );
    host.onLink.on((url) => io.event({ event: 'link', url }));
    if (options.open) {
      io.text(`\n  Keyhole is open at ${host.link}\n  The link works once. Ctrl+C ends Keyhole.\n`);
      openBrowser(host.link);
    }
    const error = await Promise.race([aborted(io.stop), failed]);
    if (error) throw error;
  } finally {
    for (const close of closers) close();
    // The cameras outlive the engine, so that its end is stored as what it is, not as theirs.
    await host.close();
    await demo?.close();
  }
}

/** `keyhole serve …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('serve', SERVE_USAGE, argv, async (io) => runServe(parseServeFlags(argv), io));
}
