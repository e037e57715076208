import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../electron/base/log.ts';
import { BrowserHost } from '../../electron/host/browser-host.ts';
import { spawnEngineWorker } from '../../electron/host/engine-worker.ts';

export const scriptedEngine = () => spawnEngineWorker(new URL('./scripted-engine.ts', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A browser host with the scripted engine and a page of three files, in a folder of its own. */
export class HostFixture {
  readonly folder: string;
  readonly host: BrowserHost;
  readonly port: number;

  private constructor(folder: string, host: BrowserHost) {
    this.folder = folder;
    this.host = host;
    this.port = Number(new URL(host.url).port);
  }

  static async start(options: { folder?: string; bind?: string } = {}): Promise<HostFixture> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'keyhole-host-')));
    const page = join(folder, 'page');
    await mkdir(join(page, 'assets'), { recursive: true });
    await writeFile(join(page, 'index.html'), '<!doctype html><title>page</title>');
    await writeFile(join(page, 'assets', 'app-1a2b.js'), 'export {};');
    await writeFile(join(folder, 'secret.txt'), 'TOP SECRET');
    const host = await BrowserHost.start({
      dataDir: join(folder, 'data'),
      port: 0,
      bind: options.bind ?? '127.0.0.1',
      log: silentLog,
      pageFolder: page,
      spawn: scriptedEngine,
    });
    return new HostFixture(folder, host);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get bearer(): Record<string, string> {
    return { authorization: `Bearer ${this.host.token}` };
  }

  /** Node's own client, not fetch: it sends Host, Origin and paths as they are given. */
  ask(method: string, path: string, headers: Record<string, string> = this.bearer, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port: this.port, method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  json(method: string, path: string, body: unknown, headers: Record<string, string> = this.bearer): Promise<Answer> {
    return this.ask(method, path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
  }

  /** The cookie that the one-time link gives, as a Cookie header. */
  async cookie(url: string = this.host.link): Promise<string> {
    const { pathname, search } = new URL(url);
    const answer = await this.ask('GET', pathname + search, {});
    return answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  }

  async close(): Promise<void> {
    await this.host.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
