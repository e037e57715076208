import { Menu, Notification, Tray, nativeImage } from 'electron';
import type { Log } from '../base/log.ts';

export interface TrayDeps {
  /** Path of the icon, a PNG. */
  readonly icon: string;
  readonly onOpen: () => void;
  readonly onQuit: () => void;
  readonly log: Log;
}

/** The sign that Keyhole records while no window is open, and the way back to it. */
export class RecordingTray {
  readonly #tray: Tray | null;
  #told = false;

  constructor({ icon, onOpen, onQuit, log }: TrayDeps) {
    this.#tray = makeTray(icon, log);
    this.#tray?.setToolTip('Keyhole is recording');
    this.#tray?.setContextMenu(
      Menu.buildFromTemplate([
        { label: 'Open Keyhole', click: onOpen },
        { type: 'separator' },
        { label: 'Quit and stop recording', click: onQuit },
      ]),
    );
    this.#tray?.on('click', onOpen);
  }

  /** False where the system has no place for the icon: then closing the window must end the app, or nobody could. */
  get shown(): boolean {
    return this.#tray !== null;
  }

  /** Says once that closing the window has not ended the recording. */
  windowClosed(): void {
    if (this.#told || !Notification.isSupported()) return;
    this.#told = true;
    new Notification({ title: 'Keyhole keeps recording', body: 'Open or quit it from its icon.', silent: true }).show();
  }

  close(): void {
    this.#tray?.destroy();
  }
}

function makeTray(icon: string, log: Log): Tray | null {
  try {
    return new Tray(nativeImage.createFromPath(icon).resize({ width: 22, height: 22 }));
  } catch (error) {
    log.warn(`there is no tray here; closing the window ends Keyhole: ${String(error)}`);
    return null;
  }
}
