import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';

interface MenuEntry {
  readonly label?: string;
  readonly click?: () => void;
}

interface Image {
  readonly path: string;
  resize(): Image;
}

/** As strict as the real one where it matters: an icon that is not there makes an empty image, which no tray shows. */
export const nativeImage = {
  createFromPath: (path: string): Image => ({ path, resize: () => nativeImage.createFromPath(path) }),
};

export class Tray extends EventEmitter {
  static readonly shown: Tray[] = [];
  #menu: readonly MenuEntry[] = [];

  constructor(image: Image) {
    super();
    if (process.env['STANDIN_NO_TRAY'] === '1') throw new Error('there is no place for a tray icon');
    if (!existsSync(image.path)) throw new Error(`Failed to load image from path '${image.path}'`);
    Tray.shown.push(this);
  }

  setToolTip(): void {}

  setContextMenu(menu: readonly MenuEntry[]): void {
    this.#menu = menu;
  }

  /** As a person does. */
  choose(label: string): boolean {
    const entry = this.#menu.find((candidate) => candidate.label === label);
    entry?.click?.();
    return entry !== undefined;
  }

  destroy(): void {
    Tray.shown.splice(Tray.shown.indexOf(this), 1);
  }
}

export class Notification {
  static readonly texts: string[] = [];
  readonly #title: string;

  constructor({ title }: { title: string }) {
    this.#title = title;
  }

  static isSupported(): boolean {
    return true;
  }

  show(): void {
    Notification.texts.push(this.#title);
  }
}
