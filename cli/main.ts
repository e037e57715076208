import { runKeyhole } from './keyhole.ts';

const stop = () => void process.emit('SIGTERM', 'SIGTERM');
// A demo's child ends when its parent closes the pipe, or is killed and so closes it; signals do not exist on Windows.
if (process.env.KEYHOLE_ENDS_WITH_STDIN) process.stdin.on('end', stop).resume();
// As a utility process of the desktop app it has no stdin, and is told.
(process as { parentPort?: { on(event: 'message', listener: () => void): void } }).parentPort?.on('message', stop);
// A reader of our output that goes away is no reason to die.
process.stdout.on('error', () => {});

process.exit(await runKeyhole(process.argv.slice(2)));
