import { EventEmitter } from 'node:events';
import { handlers, scheme, serveUi, type ProtocolHandler } from './ui-server.ts';
import { Notification, Tray } from './tray.ts';
import { BrowserWindow, onContents, windows } from './window.ts';

/**
 * Stands in for the `electron` module in the main process: as much of it as we use, as strict as the real one where
 * being wrong would show only there. Told what to do by the test over the IPC channel of its process.
 */

export { MessageChannelMain } from './ports.ts';
export { utilityProcess } from './utility-process.ts';
export { ipcMain } from './ui-server.ts';
export { BrowserWindow };

class App extends EventEmitter {
  readonly isPackaged = process.env['STANDIN_PACKED'] === '1';
  sandboxed = false;
  #ready = false;

  enableSandbox(): void {
    if (this.#ready) throw new Error('app.enableSandbox() can only be called before the app is ready');
    this.sandboxed = true;
  }

  requestSingleInstanceLock(): boolean {
    return true;
  }

  setPath(): void {}

  isReady(): boolean {
    return this.#ready;
  }

  async whenReady(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#ready = true;
  }

  quit(): void {
    let prevented = false;
    this.emit('before-quit', { preventDefault: () => (prevented = true) });
    if (!prevented) this.exit(0);
  }

  exit(code = 0): void {
    process.exit(code);
  }
}

export const app = new App();
onContents((contents) => app.emit('web-contents-created', {}, contents));

export const protocol = {
  registerSchemesAsPrivileged(schemes: readonly { scheme: string; privileges: Record<string, boolean> }[]): void {
    if (app.isReady()) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
    for (const { scheme: name, privileges } of schemes) scheme.set(name, privileges);
  },
  handle(name: string, handler: ProtocolHandler): void {
    if (!scheme.get(name)?.['standard']) throw new Error(`the scheme ${name} was not registered as standard`);
    handlers.set(name, handler);
  },
};

type Check = (contents: unknown, permission: string, origin: string) => boolean;
type Request = (contents: unknown, permission: string, answer: (granted: boolean) => void, details: { requestingUrl: string }) => void;
let check: Check = () => true;
let request: Request = (_contents, _permission, answer) => answer(true);
let device: () => boolean = () => true;
export const session = {
  defaultSession: {
    setPermissionCheckHandler: (handler: Check) => (check = handler),
    setPermissionRequestHandler: (handler: Request) => (request = handler),
    setDevicePermissionHandler: (handler: () => boolean) => (device = handler),
  },
};

/** A keychain that is as safe as the test says: STANDIN_KEYCHAIN names the back end. */
const backend = process.env['STANDIN_KEYCHAIN'] ?? 'basic_text';
export const safeStorage = {
  isAsyncEncryptionAvailable: async () => Promise.resolve(app.isReady()),
  getSelectedStorageBackend: () => backend,
  encryptStringAsync: async (text: string) => Promise.resolve(Buffer.from(text, 'utf8').reverse()),
  decryptStringAsync: async (sealed: Buffer) =>
    Promise.resolve({ result: Buffer.from(sealed).reverse().toString('utf8'), shouldReEncrypt: false }),
};

export const powerMonitor = new EventEmitter();
export const powerSaveBlocker = { start: () => 1, stop: () => {} };
export const dialog = { showErrorBox: (title: string, text: string) => process.stderr.write(`dialog: ${title}: ${text}\n`) };
export const Menu = { buildFromTemplate: (template: unknown) => template, setApplicationMenu: () => {} };
export { nativeImage, Notification, Tray } from './tray.ts';

/** What a test asks of the process, and the answers. */
export type Ask =
  | { readonly what: 'quit' }
  | { readonly what: 'navigate' | 'window-open'; readonly url: string }
  | { readonly what: 'permission'; readonly permission: string; readonly url: string }
  | { readonly what: 'power'; readonly state: 'suspend' | 'resume' }
  | { readonly what: 'ipc'; readonly channel: string; readonly from: string; readonly args: readonly unknown[] }
  /** The person closes the window, or chooses an entry of the tray's menu. */
  | { readonly what: 'close-window' }
  | { readonly what: 'tray'; readonly entry: string }
  | { readonly what: 'facts' };

// A test that is killed leaves nobody behind.
process.once('disconnect', () => app.exit(1));
process.on('message', ({ id, ask }: { id: number; ask: Ask }) => {
  process.send?.({ kind: 'answer', id, value: answer(ask) });
});

function answer(ask: Ask): unknown {
  const contents = windows[0]?.webContents;
  switch (ask.what) {
    case 'quit':
      setImmediate(() => app.quit());
      return true;
    case 'navigate':
      return contents?.mayNavigate(ask.url) ?? false;
    case 'window-open':
      return contents?.windowOpen({ url: ask.url }).action ?? 'no window';
    case 'permission': {
      let requested = true;
      request(contents, ask.permission, (granted) => (requested = granted), { requestingUrl: ask.url });
      return { requested, checked: check({ getURL: () => ask.url }, ask.permission, ask.url), device: device() };
    }
    case 'power':
      return powerMonitor.emit(ask.state);
    case 'ipc':
      return contents?.receive(ask.channel, ask.args, ask.from) ?? false;
    case 'close-window':
      windows.at(-1)?.close();
      if (windows.every((window) => window.isDestroyed())) app.emit('window-all-closed');
      return true;
    case 'tray':
      return Tray.shown.at(-1)?.choose(ask.entry) ?? false;
    case 'facts':
      return {
        trays: Tray.shown.length,
        notifications: Notification.texts,
        sandboxed: app.sandboxed,
        privileges: scheme.get('app'),
        webPreferences: windows[0]?.options.webPreferences,
      };
  }
}

// A packed app's arguments begin right after the program.
if (app.isPackaged) process.argv.splice(1, 1);
await serveUi();
