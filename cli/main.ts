import { runKeyhole } from './keyhole.ts';

// A demo's children end with their parent even when it is killed: its end of the pipe closes.
if (process.env.KEYHOLE_ENDS_WITH_STDIN) {
  process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();
}
// A reader of our output that goes away is no reason to die.
process.stdout.on('error', () => {});

process.exit(await runKeyhole(process.argv.slice(2)));
