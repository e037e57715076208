import { EventEmitter } from 'node:events';
import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { MessagePortMain, parcel, type Parcel } from './ports.ts';

/**
 * Makes this worker thread look like Electron's utility process: `process.parentPort` in place of worker_threads'
 * `parentPort`, which is hidden from what runs here.
 */
const WITHOUT_PARENT = 'standin:worker_threads';
registerHooks({
  resolve(specifier, context, next) {
    const hidden = specifier === 'node:worker_threads' && context.parentURL !== WITHOUT_PARENT;
    return hidden ? { url: WITHOUT_PARENT, shortCircuit: true } : next(specifier, context);
  },
  load(url, context, next) {
    if (url !== WITHOUT_PARENT) return next(url, context);
    const source = "export * from 'node:worker_threads'; export const parentPort = null; export const isMainThread = true;";
    return { format: 'module', source, shortCircuit: true };
  },
});

class ParentPort extends EventEmitter {
  postMessage(data: unknown, transfer: readonly unknown[] = []): void {
    parentPort?.postMessage(...parcel(data, transfer));
  }
}

const port = new ParentPort();
Object.defineProperty(process, 'parentPort', { value: port });
parentPort?.on('message', ({ data, ports }: Parcel) =>
  port.emit('message', { data, ports: ports.map((inner) => new MessagePortMain(inner)) }),
);
const { entry } = workerData as { entry: string };
await import(entry);
