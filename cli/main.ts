import { moreFileThreads } from '../electron/base/file-threads.ts';
import { redact } from '../electron/base/log.ts';
import { runKeyhole } from './keyhole.ts';

moreFileThreads();
// What Keyhole writes, recordings above all, is for its user alone, also in a folder that others may look into.
process.umask(0o077);
// Everybody on this machine may read with which words a program was started: no longer those that hold a password.
const words = ['keyhole', ...process.argv.slice(2)].join(' ');
if (redact(words) !== words) process.title = redact(words);

const stop = () => void process.emit('SIGTERM', 'SIGTERM');
// A demo's child ends when its parent closes the pipe, or is killed and so closes it; signals do not exist on Windows.
if (process.env.KEYHOLE_ENDS_WITH_STDIN) process.stdin.on('end', stop).resume();
// As a utility process of the desktop app it has no stdin, and is told.
(process as { parentPort?: { on(event: 'message', listener: () => void): void } }).parentPort?.on('message', stop);
// A reader of our output that goes away is no reason to die.
process.stdout.on('error', () => {});

process.exit(await runKeyhole(process.argv.slice(2)));
