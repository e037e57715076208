import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';

/** Takes `+PID` and `-PID`, a line each, until nobody is there to write them, and kills what is left then. Nothing of ours goes into its text. */
const SCRIPT = `
pids=' '
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid ";;
    -*) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }";; esac;;
  esac
done
kill -9 $pids`;

/**
 * Ends children whose parent was killed: an ffmpeg that waits for a picture or a device notices no closed pipe, and would run for ever. One small
 * shell for all of them, which outlives the parent by a moment. Windows ends children by itself (libuv's job object).
 */
class OrphanGuard {
  readonly #pids = new Set<number>();
  #shell: ChildProcess | null = null;

  watch(child: ChildProcess): void {
    const { pid } = child;
    if (pid === undefined || process.platform === 'win32') return;
    this.#pids.add(pid);
    if (this.#shell) this.#tell(`+${pid}`);
    else this.#begin();
    // As soon as it is gone: its number may be another program's in a moment.
    child.once('exit', () => {
      this.#pids.delete(pid);
      this.#tell(`-${pid}`);
    });
  }

  /** A group of its own: what is sent to ours, by a terminal or by who kills all of it, does not reach it. It keeps nobody from ending. */
  #begin(): void {
    const shell = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#shell = shell;
    const gone = () => {
      if (this.#shell === shell) this.#shell = null;
    };
    shell.once('error', gone).once('exit', gone);
    shell.unref();
    // Not there when this machine has no process left to give.
    const stdin = shell.stdin as Socket | undefined;
    stdin?.on('error', gone).unref();
    for (const pid of this.#pids) this.#tell(`+${pid}`);
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`);
  }
}

/** Of this process: whoever starts children here has them end with it. */
export const orphanGuard = new OrphanGuard();
