import type { App, Session, WebContents } from 'electron';
import type { Log } from '../base/log.ts';
import { UI_PREFIX } from './channels.ts';

/** The page may fill the screen, and nothing else: no camera, microphone, location, notifications, devices… */
const GRANTED: ReadonlySet<string> = new Set(['fullscreen']);

/** Locks every web contents the app will ever have to our one page. To be called before the first window. */
export function lockAllContents(app: App, log: Log): void {
  app.on('web-contents-created', (_event, contents) => lockContents(contents, log));
}

function lockContents(contents: WebContents, log: Log): void {
  const stay = (event: { readonly url: string; preventDefault(): void }) => {
    if (event.url.startsWith(UI_PREFIX)) return;
    event.preventDefault();
    log.warn('the page tried to go elsewhere', { to: event.url.slice(0, 200) });
  };
  contents.on('will-navigate', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

export function denyPermissions(session: Session): void {
  const granted = (permission: string, url: string | undefined) => GRANTED.has(permission) && url?.startsWith(UI_PREFIX) === true;
  session.setPermissionRequestHandler((_contents, permission, answer, details) => answer(granted(permission, details.requestingUrl)));
  session.setPermissionCheckHandler((contents, permission) => granted(permission, contents?.getURL()));
  session.setDevicePermissionHandler(() => false);
}
