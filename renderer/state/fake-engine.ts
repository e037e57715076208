import type { StreamName, Streams } from '../../electron/contract/api.ts';
import type { AppInfo } from '../../electron/contract/model.ts';
import type { Port, WireMessage } from '../../electron/contract/wire.ts';
import { EngineLink } from '../api/engine-link.ts';
import type { PortSource } from '../api/ports.ts';

const INFO: AppInfo = {
  version: '0',
  host: 'browser',
  dataDir: '/data',
  ffmpeg: null,
  disk: null,
  notices: [],
  fingerprint: 'AAAA',
  timeZone: 'UTC',
};

/** What pages ask by themselves, where a test has no answer of its own. */
const STARTS: Record<string, () => unknown> = {
  'app.info': () => INFO,
  'storage.folders': () => [],
  'storage.settings': () => ({ floor: null }),
  'storage.usage': () => [],
  'protected.list': () => [],
};

/** For tests: the far end of a link. Calls are answered by the given functions, streams by `tell`. */
export class FakeEngine {
  readonly calls: { name: string; args: unknown }[] = [];
  readonly answers: Record<string, (args: never) => unknown>;
  /** Streams that the page closed. */
  readonly closed: string[] = [];
  readonly #streams = new Map<string, number>();
  #say: (message: unknown) => void = () => {};
  #break: () => void = () => {};
  readonly link: EngineLink;
  readonly source: PortSource = { open: () => Promise.resolve(this.#port()) };

  constructor(answers: Record<string, (args: never) => unknown>) {
    this.answers = answers;
    this.link = new EngineLink(this.source, { timers: { setTimeout: (run) => setTimeout(run, 0), clearTimeout: () => {} } });
  }

  tell<N extends StreamName>(stream: N, value: Streams[N]['item'], bytes?: Uint8Array): void {
    this.#say({ t: 'item', id: this.#streams.get(stream), value, ...(bytes ? { bytes } : {}) });
  }

  /** The stream that was opened last is over. */
  end(stream: StreamName): void {
    this.#say({ t: 'end', id: this.#streams.get(stream) });
  }

  opened(stream: StreamName): boolean {
    return this.#streams.has(stream);
  }

  breakConnection(): void {
    this.#break();
  }

  #port(): Port {
    return {
      post: (message) => this.#take(message),
      onMessage: (listener) => (this.#say = listener),
      onClose: (listener) => (this.#break = listener),
      close: () => {},
    };
  }

  #take(message: WireMessage): void {
    if (message.t === 'open') this.#streams.set(message.name, message.id);
    if (message.t === 'close') for (const [name, id] of this.#streams) if (id === message.id) this.closed.push(name);
    if (message.t !== 'call' || !('name' in message)) return;
    const { id, name, args } = message;
    this.calls.push({ name, args });
    queueMicrotask(() => {
      try {
        this.#say({ t: 'reply', id, value: (this.answers[name] ?? STARTS[name])?.(args as never) ?? null });
      } catch (error) {
        this.#say({ t: 'fail', id, error: { code: 'bad-request', message: String(error) } });
      }
    });
  }
}

/** Lets answers that are under way arrive. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
