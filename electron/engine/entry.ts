import { parentPort as workerParent, type MessagePort as WorkerPort } from 'node:worker_threads';
import { asCoded, type CodedError } from '../base/errors.ts';
import { systemClock } from '../base/clock.ts';
import { moreFileThreads } from '../base/file-threads.ts';
import { createLog } from '../base/log.ts';
import type { Port } from '../contract/wire.ts';
import { Engine } from './engine.ts';
import { fromMainPort, fromWorkerPort, type MainPort } from './ports.ts';
import type { EngineMessage, HostMessage } from './protocol.ts';

/** The engine's process: a utilityProcess of Electron, or a worker of the browser host. Starts on `init`, ends on `shutdown`. */

interface Parent {
  send(message: EngineMessage): void;
  receive(listener: (message: HostMessage, port: Port | undefined) => void): void;
  release(): void;
}

interface ElectronParent {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: HostMessage; ports: MainPort[] }) => void): void;
}

moreFileThreads();
const log = createLog('engine');
const parent = findParent();
let engine: Promise<Engine> | undefined;

parent.receive((message, port) => {
  switch (message.kind) {
    case 'init':
      if (engine) return;
      engine = Engine.open(message.options, { clock: systemClock, log, onFailure: startAnew });
      engine.then(
        () => parent.send({ kind: 'ready' }),
        (error: unknown) => {
          const coded = asCoded(error);
          log.error(`cannot start: ${coded.message}`, { code: coded.code });
          parent.send({ kind: 'fatal', error: coded.toWire() });
        },
      );
      return;
    case 'port':
      // A page may come before the engine is open: its questions wait in the port.
      if (port) engine?.then((running) => running.serve(port)).catch(() => port.close());
      return;
    case 'power':
      engine?.then((running) => running.power(message.state)).catch(() => {});
      return;
    case 'shutdown':
      void shutdown();
  }
});

/** The host starts the engine again when its process dies; at its start a broken database is set aside and made anew. */
function startAnew(error: CodedError): void {
  log.error(`the engine is started again: ${error.message}`, { code: error.code });
  process.exit(1);
}

async function shutdown(): Promise<void> {
  try {
    await (await engine)?.close();
  } catch (error) {
    log.error(`did not close cleanly: ${asCoded(error).message}`);
  }
  parent.send({ kind: 'stopped' });
  parent.release();
}

function findParent(): Parent {
  if (workerParent) {
    const port = workerParent;
    return {
      send: (message) => port.postMessage(message),
      receive: (listener) =>
        port.on('message', (message: HostMessage & { port?: WorkerPort }) =>
          listener(message, message.port && fromWorkerPort(message.port)),
        ),
      release: () => port.close(),
    };
  }
  const electron = (process as { parentPort?: ElectronParent }).parentPort;
  if (!electron) throw new Error('the engine is started by a host: Electron or `keyhole serve`');
  return {
    send: (message) => electron.postMessage(message),
    receive: (listener) => electron.on('message', (event) => listener(event.data, event.ports[0] && fromMainPort(event.ports[0]))),
    release: () => setImmediate(() => process.exit(0)),
  };
}
