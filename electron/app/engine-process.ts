import { fileURLToPath } from 'node:url';
import { utilityProcess, type MessagePortMain } from 'electron';
import { entryUrl } from '../base/entry.ts';
import type { EngineChild } from '../host/engine-supervisor.ts';

/** The engine in a process of its own. */
export function spawnEngineProcess(): EngineChild<MessagePortMain> {
  const entry = fileURLToPath(entryUrl(import.meta.url, '../engine/entry.ts', 'engine'));
  const child = utilityProcess.fork(entry, [], { serviceName: 'Keyhole engine', stdio: 'inherit' });
  let failure: string | undefined;
  child.on('error', (type, location) => (failure = `${type} at ${location}`));
  return {
    send: (message, port) => child.postMessage(message, port ? [port] : []),
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => void child.once('exit', (code) => listener(failure ?? `exit code ${code}`)),
    kill: () => void child.kill(),
  };
}
