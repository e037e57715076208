import { Worker, type MessagePort } from 'node:worker_threads';
import { entryUrl } from '../base/entry.ts';
import type { EngineChild } from './engine-supervisor.ts';

/** The engine in a worker thread of this process. */
export function spawnEngineWorker(entry: URL = entryUrl(import.meta.url, '../engine/entry.ts', 'engine')): EngineChild<MessagePort> {
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
