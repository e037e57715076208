import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  app,
  dialog,
  ipcMain,
  powerMonitor,
  powerSaveBlocker,
  protocol,
  safeStorage,
  session,
  type BrowserWindow,
  type MessagePortMain,
} from 'electron';
import { Demo } from '../cli/demo.ts';
import { isCommand, runKeyhole } from '../cli/keyhole.ts';
import { loadDataKey } from './app/data-key.ts';
import { packagedDemoClip, spawnDemoProcess } from './app/demo-process.ts';
import { spawnEngineProcess } from './app/engine-process.ts';
import { parseAppFlags } from './app/flags.ts';
import { denyPermissions, lockAllContents } from './app/locks.ts';
import { setMenu } from './app/menu.ts';
import { brokerPorts, openMainPort } from './app/ports.ts';
import { watchPower } from './app/power.ts';
import { registerScheme, servePage } from './app/scheme.ts';
import { RecordingTray } from './app/tray.ts';
import { openWindow } from './app/window.ts';
import { systemClock } from './base/clock.ts';
import { ERROR_TABLE, asCoded } from './base/errors.ts';
import { makeFolder } from './base/folder.ts';
import { createLog } from './base/log.ts';
import { makeDataFolder } from './host/data-folder.ts';
import { EngineSupervisor } from './host/engine-supervisor.ts';
import { HostClient } from './host/host-client.ts';
import { pageFolder } from './host/page-files.ts';

// What Keyhole writes, recordings above all, is for its user alone.
process.umask(0o077);
const log = createLog('main');
const flags = parseAppFlags(process.argv.slice(1));
/** What is open, in the order of opening; closed in the reverse. */
const open: (() => void | Promise<void>)[] = [];
let window: BrowserWindow | undefined;
let tray: RecordingTray | undefined;
let closing: Promise<void> | undefined;

app.enableSandbox();
registerScheme(protocol);
lockAllContents(app, log);

if (app.isPackaged && isCommand(process.argv[1])) runCommand();
else runApp();

/** `keyhole serve` and the others from the packed app: no window. */
function runCommand(): void {
  app.dock?.hide();
  process.stdout.on('error', () => {});
  runKeyhole(process.argv.slice(1)).then((code) => app.exit(code), fail);
}

function runApp(): void {
  useOwnProfile();
  if (!app.requestSingleInstanceLock()) {
    log.info('Keyhole is open already with this data folder; its window comes to the front');
    app.quit();
    return;
  }
  app.on('second-instance', show);
  app.on('activate', show);
  // An NVR whose window is closed goes on recording, where there is a tray to come back by.
  app.on('window-all-closed', () => (tray?.shown ? tray.windowClosed() : app.quit()));
  app.on('before-quit', (event) => {
    event.preventDefault();
    void close(0);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => app.quit());
  app.whenReady().then(start).catch(fail);
}

async function start(): Promise<void> {
  const dataDir = makeDataFolder(flags.dataDir);
  const { key, notices } = await loadDataKey(dataDir, safeStorage);
  const supervisor = new EngineSupervisor<MessagePortMain>({
    spawn: spawnEngineProcess,
    options: { dataDir, dataKey: key, host: 'electron', notices },
    log,
    clock: systemClock,
  });
  open.push(() => supervisor.close());
  supervisor.onFatal.on(fail);
  denyPermissions(session.defaultSession);
  servePage(protocol, pageFolder(import.meta.url));
  brokerPorts(ipcMain, (port) => supervisor.connect(port), log);
  await supervisor.start();
  open.push(watchPower(powerMonitor, powerSaveBlocker, (message) => supervisor.tell(message)));
  setMenu();
  tray = new RecordingTray({
    icon: fileURLToPath(new URL('../../resources/icon.png', import.meta.url)),
    onOpen: show,
    onQuit: () => app.quit(),
    log,
  });
  open.push(() => tray?.close());
  show();
  if (flags.demo) startDemo(supervisor, dataDir);
}

function startDemo(supervisor: EngineSupervisor<MessagePortMain>, folder: string): void {
  const client = new HostClient(() => openMainPort((port) => supervisor.connect(port)));
  const clip = packagedDemoClip(app.isPackaged, process.resourcesPath);
  const demo = new Demo({ folder, engine: () => client.get(), spawn: spawnDemoProcess, clip, log: log.child('demo'), clock: systemClock });
  demo.start();
  open.push(() => client.close());
  // The cameras outlive the engine, so that its end is stored as what it is, not as theirs.
  open.unshift(() => demo.close());
}

function show(): void {
  if (closing || !app.isReady()) return;
  if (!window || window.isDestroyed()) {
    window = openWindow({ preload: fileURLToPath(new URL('../preload/preload.cjs', import.meta.url)), clock: systemClock, log });
    return;
  }
  if (window.isMinimized()) window.restore();
  window.focus();
}

/** Chromium's own files go into the data folder, so that each data folder is an app of its own: lock, cookies, caches. */
function useOwnProfile(): void {
  const profile = join(flags.dataDir, 'browser');
  try {
    makeFolder(profile);
    app.setPath('userData', profile);
  } catch {
    // start() says why the data folder cannot be used.
  }
}

function fail(error: unknown): void {
  const coded = asCoded(error);
  process.stderr.write(`keyhole: ${coded.message}\n`);
  if (!process.env.KEYHOLE_NO_DIALOGS) dialog.showErrorBox('Keyhole cannot go on', coded.message);
  void close(ERROR_TABLE[coded.code].exit);
}

async function close(code: number): Promise<void> {
  closing ??= (async () => {
    window?.destroy();
    for (const end of open.reverse()) {
      await Promise.resolve(end()).catch((error: unknown) => log.error(`did not close cleanly: ${asCoded(error).message}`));
    }
    app.exit(code);
  })();
  await closing;
}
