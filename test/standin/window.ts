import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { encodeMessage, type WireMessage } from '../../electron/contract/wire.ts';
import type { MessagePortMain } from './ports.ts';
import { ipcMain, pages, toHttp } from './ui-server.ts';

interface WindowOptions {
  readonly webPreferences: Readonly<Record<string, unknown>> & { readonly preload: string };
}

export const windows: BrowserWindow[] = [];
const contentsListeners = new Set<(contents: WebContents) => void>();
export const onContents = (listener: (contents: WebContents) => void) => contentsListeners.add(listener);

/** The page as main sees it. The page itself is in Chromium; its isolated world talks to us over `socket`. */
class WebContents extends EventEmitter {
  mainFrame = { url: '' };
  windowOpen: (details: { url: string }) => { action: string } = () => ({ action: 'allow' });
  #socket: WebSocket | undefined;
  #ports = new Map<number, MessagePortMain>();
  #nextPort = 1;
  readonly #onPage = (socket: WebSocket, url: string) => this.#pageLoaded(socket, url);

  constructor() {
    super();
    pages.on('page', this.#onPage);
  }

  /** The window is gone, and its page with it. */
  dispose(): void {
    pages.off('page', this.#onPage);
    this.#dropPorts();
  }

  getURL(): string {
    return this.mainFrame.url;
  }

  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.windowOpen = handler;
  }

  postMessage(channel: string, message: unknown, transfer: readonly MessagePortMain[] = []): void {
    const ports = transfer.map((port) => this.#keep(port));
    this.#socket?.send(JSON.stringify({ t: 'ipc', channel, message, ports }));
  }

  reload(): void {
    this.#load(this.getURL());
  }

  loadURL(url: string, preload: string): void {
    this.#load(url, preload);
  }

  /** As Chromium asks before it leaves a page by the page's own doing. */
  mayNavigate(url: string): boolean {
    let prevented = false;
    this.emit('will-navigate', { url, preventDefault: () => (prevented = true) });
    return !prevented;
  }

  /** A message of the page's preload, or of another frame that a test makes up. */
  receive(channel: string, args: readonly unknown[], from: string = this.mainFrame.url): boolean {
    const senderFrame = from === this.mainFrame.url ? this.mainFrame : { url: from };
    return ipcMain.emit(channel, { sender: this, senderFrame }, ...args);
  }

  #load(url: string, preload?: string): void {
    process.send?.({ kind: 'load', url: toHttp(url), preload });
  }

  #pageLoaded(socket: WebSocket, url: string): void {
    this.#socket?.close();
    this.#socket = socket;
    this.mainFrame = { url };
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as
        { t: 'ipc'; channel: string; args: unknown[] } | { t: 'data'; port: number; data: unknown } | { t: 'gone'; port: number };
      if (message.t === 'ipc') this.receive(message.channel, message.args);
      else if (message.t === 'data') this.#ports.get(message.port)?.postMessage(message.data);
      else this.#ports.get(message.port)?.close();
    });
    socket.once('close', () => {
      // A page that is gone takes its ports with it.
      if (this.#socket === socket) this.#dropPorts();
    });
  }

  #keep(port: MessagePortMain): number {
    const id = this.#nextPort++;
    this.#ports.set(id, port);
    port.on('message', ({ data }: { data: WireMessage }) => {
      const frame = encodeMessage(data);
      if (typeof frame === 'string') this.#socket?.send(JSON.stringify({ t: 'data', port: id, data }));
      else this.#socket?.send(Buffer.concat([Buffer.from(Uint32Array.of(id).buffer), frame]));
    });
    port.on('close', () => {
      if (this.#ports.delete(id)) this.#socket?.send(JSON.stringify({ t: 'gone', port: id }));
    });
    port.start();
    return id;
  }

  #dropPorts(): void {
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }
}

export class BrowserWindow extends EventEmitter {
  readonly options: WindowOptions;
  readonly webContents = new WebContents();
  #destroyed = false;

  constructor(options: WindowOptions) {
    super();
    this.options = options;
    windows.push(this);
    for (const listener of contentsListeners) listener(this.webContents);
  }

  async loadURL(url: string): Promise<void> {
    this.webContents.loadURL(url, this.options.webPreferences.preload);
    await Promise.resolve();
    this.emit('ready-to-show');
  }

  show(): void {}
  focus(): void {}
  restore(): void {}
  isMinimized(): boolean {
    return false;
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  destroy(): void {
    this.#destroyed = true;
    this.webContents.dispose();
  }
  close(): void {
    this.destroy();
    this.emit('closed');
  }
}
