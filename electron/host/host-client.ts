import { EngineClient } from '../contract/client.ts';
import type { Port } from '../contract/wire.ts';

/** The host's own line to the engine, for REST and the demo. Opened when first asked for, and again after the engine died. */
export class HostClient {
  readonly #connect: () => Promise<Port>;
  #client: Promise<EngineClient> | undefined;

  /** @param connect a new port whose other end the engine serves; rejects with `engine-restarted` when it is not to be had */
  constructor(connect: () => Promise<Port>) {
    this.#connect = connect;
  }

  /** Fails as `connect` does. */
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
      const client = new EngineClient(await this.#connect());
      client.onClose(() => (this.#client = undefined));
      return client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }
}
