import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { EngineClient } from '../contract/client.ts';
import { fromWorkerPort } from '../engine/ports.ts';

/** The host's own line to the engine, for REST and the demo. Opened when first asked for, and again after the engine died. */
export class HostClient {
  readonly #connect: (port: MessagePort) => Promise<void>;
  #client: Promise<EngineClient> | undefined;

  constructor(connect: (port: MessagePort) => Promise<void>) {
    this.#connect = connect;
  }

  /** Fails with `engine-restarted` when the engine is not to be had just now. */
  get(): Promise<EngineClient> {
    this.#client ??= this.#open();
    return this.#client;
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    client?.close();
  }

  async #open(): Promise<EngineClient> {
    try {
      const { port1, port2 } = new MessageChannel();
      await this.#connect(port2);
      const client = new EngineClient(fromWorkerPort(port1));
      client.onClose(() => (this.#client = undefined));
      return client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }
}
