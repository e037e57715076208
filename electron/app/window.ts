import { BrowserWindow } from 'electron';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';
import { UI_PREFIX } from './channels.ts';

/** The one window. A page whose process dies is loaded again; recording does not depend on it. */
export function openWindow(deps: { preload: string; clock: Clock; log: Log }): BrowserWindow {
  const window = new BrowserWindow({
    width: 1360,
    height: 860,
    minWidth: 640,
    minHeight: 420,
    show: false,
    title: 'Keyhole',
    backgroundColor: '#101214',
    autoHideMenuBar: true,
    webPreferences: {
      preload: deps.preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webviewTag: false,
      webSecurity: true,
      spellcheck: false,
    },
  });
  const backoff = new Backoff();
  window.once('ready-to-show', () => window.show());
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return;
    const ms = backoff.next();
    deps.log.error('the page died and is loaded again', { reason, inMs: Math.round(ms) });
    deps.clock.setTimeout(() => {
      if (!window.isDestroyed()) window.webContents.reload();
    }, ms);
  });
  // A failed load shows in the log; the window stays for the reload.
  window.loadURL(UI_PREFIX).catch((error: unknown) => deps.log.error(`the page did not load: ${String(error)}`));
  return window;
}
