import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { Emitter } from '../base/emitter.ts';
import { CodedError, errnoOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { EngineClient } from '../contract/client.ts';
import { fromWorkerPort } from '../engine/ports.ts';
import { ContractSockets } from './contract-socket.ts';
import { makeDataFolder } from './data-folder.ts';
import { EngineSupervisor, type EngineChild } from './engine-supervisor.ts';
import { spawnEngineWorker } from './engine-worker.ts';
import { Guard, isLoopback } from './guard.ts';
import { HostClient } from './host-client.ts';
import { createHttpServer } from './http-server.ts';
import { hostMetrics } from './host-metrics.ts';
import { KEY_FILE_NOTICE, loadKeyFile } from './key-file.ts';
import { pageFolder } from './page-files.ts';
import { Sessions, newToken } from './sessions.ts';

export interface BrowserHostOptions {
  readonly dataDir: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly bind: string;
  /** Holds the bearer token; made when it is not there. Without it each start has a new token. */
  readonly tokenFile?: string | undefined;
  readonly log: Log;
  readonly pageFolder?: string;
  readonly spawn?: () => EngineChild<MessagePort>;
}

/** The composition root of the browser host: data folder, engine, HTTP. Started in this order, closed in the reverse. */
export class BrowserHost {
  readonly token: string;
  readonly dataDir: string;
  /** Where it listens, without a path: scripts add theirs. */
  readonly url: string;
  /** The one-time link for a browser. */
  readonly link: string;
  /** A link was used; this is the next one. */
  readonly onLink: Emitter<string>;
  /** The host cannot go on and says why; the owner closes it. */
  readonly onFatal: Emitter<CodedError>;
  readonly #client: HostClient;
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  /** Use {@link BrowserHost.start}. */
  private constructor(parts: {
    token: string;
    dataDir: string;
    url: string;
    link: string;
    onLink: Emitter<string>;
    onFatal: Emitter<CodedError>;
    client: HostClient;
    close: () => Promise<void>;
  }) {
    this.token = parts.token;
    this.dataDir = parts.dataDir;
    this.url = parts.url;
    this.link = parts.link;
    this.onLink = parts.onLink;
    this.onFatal = parts.onFatal;
    this.#client = parts.client;
    this.#close = parts.close;
  }

  /** Resolves when HTTP listens and the engine is ready. Errors: `data-unwritable`, `key-unavailable`, `port-in-use`, the engine's. */
  static async start(options: BrowserHostOptions): Promise<BrowserHost> {
    const { log } = options;
    const dataDir = makeDataFolder(options.dataDir);
    const dataKey = await loadKeyFile(dataDir);
    const token = options.tokenFile ? await loadToken(options.tokenFile, log) : newToken();
    const supervisor = new EngineSupervisor<MessagePort>({
      spawn: options.spawn ?? (() => spawnEngineWorker()),
      options: { dataDir, dataKey, host: 'browser', notices: [KEY_FILE_NOTICE] },
      log,
      clock: systemClock,
    });
    const connect = (port: MessagePort) => supervisor.connect(port);
    const client = new HostClient(async () => {
      const { port1, port2 } = new MessageChannel();
      await connect(port2);
      return fromWorkerPort(port1);
    });
    const sessions = new Sessions({ token, dataKey, clock: systemClock });
    const onLink = new Emitter<string>();
    let port = options.port;
    const guard = new Guard({ sessions, bind: options.bind, port: () => port });
    const sockets = new ContractSockets({ connect, log });
    const url = () => `http://${urlHost(options.bind)}:${port}`;
    const link = () => `${url()}/?token=${sessions.newLink()}`;
    const server = createHttpServer({
      sessions,
      guard,
      sockets,
      pageFolder: options.pageFolder ?? pageFolder(),
      port: () => port,
      engine: () => client.get(),
      engineReady: () => supervisor.ready,
      hostMetrics: () => hostMetrics({ pages: sockets.size, slowPages: sockets.tooSlow, engineRestarts: supervisor.restarts }),
      onLinkUsed: () => onLink.emit(link()),
      log,
    });
    const close = async () => {
      sockets.close();
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 2000).unref();
      await client.close();
      await supervisor.close();
      server.closeAllConnections();
      await closed;
    };
    try {
      // The port first: a second start must fail before it touches the first one's data.
      port = await listen(server, options.port, options.bind);
      if (!isLoopback(options.bind))
        log.warn('other machines can reach this address, and the connection is not encrypted', { bind: options.bind });
      await supervisor.start();
    } catch (error) {
      await close();
      throw error;
    }
    return new BrowserHost({ token, dataDir, url: url(), link: link(), onLink, onFatal: supervisor.onFatal, client, close });
  }

  /** The host's own line to the engine. */
  engine(): Promise<EngineClient> {
    return this.#client.get();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }
}

async function listen(server: ReturnType<typeof createHttpServer>, port: number, bind: string): Promise<number> {
  server.listen(port, bind);
  try {
    await once(server, 'listening');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EADDRINUSE') {
      throw new CodedError(
        'port-in-use',
        `Port ${port} on ${bind} is in use by another program. Choose another with --port, or --port 0 for a free one.`,
      );
    }
    if (errno === 'EADDRNOTAVAIL' || errno === 'ENOTFOUND' || errno === 'EACCES') {
      throw new CodedError(
        'usage',
        `Cannot listen on ${bind}:${port} (${errno}). Choose an address of this machine with --bind and a port above 1023.`,
      );
    }
    throw error;
  }
  return (server.address() as AddressInfo).port;
}

/** A token that scripts know in advance: read from the file, or made and written there for its owner only. */
async function loadToken(file: string, log: Log): Promise<string> {
  const fresh = newToken();
  try {
    await writeFile(file, fresh + '\n', { flag: 'wx', mode: 0o600 });
    return fresh;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') {
      throw new CodedError(
        'usage',
        `The token file ${file} cannot be written (${errnoOf(error) ?? 'unknown'}). Name a file in a folder that can.`,
      );
    }
  }
  const token = (await readFile(file, 'utf8')).trim();
  if (process.platform !== 'win32' && ((await stat(file)).mode & 0o077) !== 0)
    log.warn('other users of this machine can read the token: chmod 600 its file', { file });
  if (!/^[\w-]{16,256}$/.test(token)) {
    throw new CodedError('usage', `The token file ${file} must hold 16 to 256 letters, digits, "-" or "_". Delete it to have one made.`);
  }
  return token;
}

/** An address as it stands in a URL that works on this machine. */
function urlHost(bind: string): string {
  if (bind === '0.0.0.0' || bind === '::') return '127.0.0.1';
  return bind.includes(':') ? `[${bind}]` : bind;
}
