import { fork, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { CDPSession, Page } from '@playwright/test';
import type { Ask } from './electron.ts';
import { pageShim } from './page-shim.ts';

export interface StandinOptions {
  readonly dataDir: string;
  /** A page of Chromium that has not been anywhere yet. */
  readonly page: Page;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The built main, `dist/node/main.js` unless said. */
  readonly main?: string;
}

export interface Standin {
  readonly page: Page;
  /** Lines that main wrote to stderr so far. */
  readonly log: readonly string[];
  /** Asks the main process what it would do, or to do something. */
  ask(ask: Ask): Promise<unknown>;
  /** Quits as a user would; resolves with the exit code. */
  close(): Promise<number | null>;
}

const START_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 15_000;

type FromMain = { kind: 'load'; url: string; preload?: string } | { kind: 'answer'; id: number; value: unknown };

/** Starts the built main in Node with the stand-in for Electron, and shows its window in `page`. Resolves when the page has loaded. */
export async function launchStandin(options: StandinOptions): Promise<Standin> {
  const main = options.main ?? fileURLToPath(new URL('../../dist/node/main.js', import.meta.url));
  const child = fork(main, ['--data', options.dataDir, ...(options.args ?? [])], {
    execArgv: ['--import', new URL('./register.ts', import.meta.url).href],
    env: { ...process.env, ...options.env, KEYHOLE_NO_DIALOGS: '1' },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  const standin = new RunningStandin(child, options.page);
  try {
    await standin.loaded;
  } catch (error) {
    await standin.close();
    throw error;
  }
  return standin;
}

class RunningStandin implements Standin {
  readonly page: Page;
  readonly log: string[] = [];
  readonly loaded: Promise<void>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly #answers = new Map<number, (value: unknown) => void>();
  #nextAsk = 1;
  #expected: string | undefined;

  constructor(child: ChildProcess, page: Page) {
    this.#child = child;
    this.page = page;
    child.stderr?.on('data', (chunk: Buffer) => this.log.push(...chunk.toString('utf8').split('\n').filter(Boolean)));
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    this.loaded = new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no window within ${START_WITHIN_MS} ms\n${this.log.join('\n')}`)), START_WITHIN_MS);
      void this.#ended
        .then((code) => reject(new Error(`main ended with ${code}\n${this.log.join('\n')}`)))
        .finally(() => clearTimeout(timer));
      child.on('message', (message: FromMain) => {
        if (message.kind === 'answer') this.#answers.get(message.id)?.(message.value);
        else
          this.#load(message.url, message.preload)
            .then(resolve, reject)
            .finally(() => clearTimeout(timer));
      });
    });
  }

  ask(ask: Ask): Promise<unknown> {
    const id = this.#nextAsk++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      // A process that has just ended answers nothing.
      this.#child.send({ id, ask }, (error) => {
        if (error) resolve(undefined);
      });
    });
  }

  async close(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.connected) void this.ask({ what: 'quit' });
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_WITHIN_MS);
    const code = await this.#ended;
    clearTimeout(force);
    return code;
  }

  async #load(url: string, preload: string | undefined): Promise<void> {
    if (preload !== undefined) await this.#prepare(await readFile(preload, 'utf8'));
    this.#expected = url;
    await this.page.goto(url);
  }

  /** Before the first load: the preload into every new document, and the locks asked before every navigation. */
  async #prepare(preload: string): Promise<void> {
    const cdp = await this.page.context().newCDPSession(this.page);
    await cdp.send('Page.enable');
    await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: pageShim.mainWorld });
    await cdp.send('Page.addScriptToEvaluateOnNewDocument', {
      source: pageShim.isolatedWorld(preload),
      worldName: 'Electron Isolated Context',
    });
    await this.#lockNavigation(cdp);
    this.page.on('popup', (popup) => {
      void this.ask({ what: 'window-open', url: popup.url() }).then((action) => (action === 'deny' ? popup.close() : undefined));
    });
  }

  async #lockNavigation(cdp: CDPSession): Promise<void> {
    cdp.on('Fetch.requestPaused', ({ requestId, request }) => {
      void this.#mayLoad(request.url)
        .then((may) =>
          may ? cdp.send('Fetch.continueRequest', { requestId }) : cdp.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' }),
        )
        .catch(() => {});
    });
    await cdp.send('Fetch.enable', { patterns: [{ resourceType: 'Document' }] });
  }

  /** What main itself loads is not asked about; what the page does is. */
  async #mayLoad(url: string): Promise<boolean> {
    if (url === this.#expected) {
      this.#expected = undefined;
      return true;
    }
    return (await this.ask({ what: 'navigate', url: url.replace(/^http:\/\/ui\.localhost:\d+/, 'app://ui') })) === true;
  }
}
