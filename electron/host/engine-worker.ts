import { setFlagsFromString } from 'node:v8';
import { Worker, type MessagePort } from 'node:worker_threads';
import { entryUrl } from '../base/entry.ts';
import type { EngineChild } from './engine-supervisor.ts';

/**
 * Frames and packets live outside of the heap and are let go of quickly. V8 takes them for growth and, while the heap itself hardly
 * grows, looks through all of it up to twice a second: half of what recording costs. So it waits for more of them.
 */
const HEAP_GROWTH = '--heap-growing-percent=200';

/** The engine in a worker thread of this process. */
export function spawnEngineWorker(entry: URL = entryUrl(import.meta.url, '../engine/entry.ts', 'engine')): EngineChild<MessagePort> {
  setFlagsFromString(HEAP_GROWTH);
  const worker = new Worker(entry, { name: 'keyhole-engine' });
  let failure: string | undefined;
  worker.on('error', (error) => (failure = error instanceof Error ? (error.stack ?? error.message) : String(error)));
  return {
    send: (message, port) => {
      if (port) worker.postMessage({ ...message, port }, [port]);
      else worker.postMessage(message);
    },
    onMessage: (listener) => void worker.on('message', listener),
    onExit: (listener) => void worker.once('exit', (code) => listener(failure ?? `exit code ${code}`)),
    kill: () => void worker.terminate(),
  };
}
