import { spawn } from 'node:child_process';
import { CodedError, asCoded } from '../electron/base/errors.ts';
import { moreFileThreads } from '../electron/base/file-threads.ts';
import { parseServeFlags, runServe } from '../cli/serve.ts';
import { runProgram } from '../electron/base/program.ts';
import { ensureBuilt, root } from './build.ts';
import { useCompileCache } from './compile-cache.ts';
import { findElectron, noWindowReason } from './electron.ts';
import { stopWhenOrphaned } from './orphan.ts';

/** An Electron that fails this soon never worked here. */
const FALL_BACK_WITHIN_MS = 10_000;

/**
 * `npm start [-- --demo] [--browser] [serve's flags]`: the app in Electron, or in a browser with one line that says why.
 * Flags that only the browser host has (--port, --bind, --token-file) mean the browser, too.
 */
async function start(argv: readonly string[]): Promise<number> {
  const args = argv.filter((arg) => arg !== '--browser');
  const options = parseOrExit(args);
  const browserOnly = args.find((arg) => /^--(port|bind|token-file|open)\b/.test(arg));
  const reason = args.length < argv.length ? '--browser' : browserOnly ? `${browserOnly} was given` : noWindowReason();
  const code = reason === null ? await inElectron(args) : reason;
  if (typeof code === 'number') return code;
  process.stderr.write(`Keyhole opens in a browser, not in Electron: ${code}.\n`);
  await ensureBuilt('page');
  useCompileCache();
  const portGiven = args.some((arg) => arg.startsWith('--port'));
  return runProgram('start', async (io) => {
    try {
      await runServe({ ...options, open: true }, io);
    } catch (error) {
      if (portGiven || !(error instanceof CodedError) || error.code !== 'port-in-use') throw error;
      io.text(`Port ${options.port} is in use; a free one is taken.`);
      await runServe({ ...options, port: 0, open: true }, io);
    }
  });
}

/** The exit code; or why it did not come to be. */
async function inElectron(args: readonly string[]): Promise<number | string> {
  const electron = await findElectron();
  if ('reason' in electron) return electron.reason;
  await ensureBuilt('all');
  const started = performance.now();
  const child = spawn(electron.binary, [root, ...args], { stdio: 'inherit' });
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  const end = await new Promise<{ code: number } | { why: string }>((resolve) => {
    child.once('error', (error) => resolve({ why: error.message }));
    child.once('close', (code, signal) => resolve(code === null ? { why: `ended by ${signal}` } : { code }));
  });
  process.off('SIGINT', pass).off('SIGTERM', pass);
  if ('code' in end && (end.code === 0 || performance.now() - started > FALL_BACK_WITHIN_MS)) return end.code;
  return `Electron failed to start (${'why' in end ? end.why : `exit code ${end.code}`})`;
}

function parseOrExit(args: readonly string[]) {
  try {
    return parseServeFlags(args);
  } catch (error) {
    process.stderr.write(`keyhole: ${asCoded(error).message}\n`);
    process.exit(2);
  }
}

moreFileThreads();
stopWhenOrphaned();
try {
  process.exit(await start(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`keyhole: ${asCoded(error).message}\n`);
  process.exit(1);
}
