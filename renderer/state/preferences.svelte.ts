export type Theme = 'system' | 'dark' | 'light';
export const THEMES: readonly Theme[] = ['system', 'dark', 'light'];

/** Tiles on one page of the wall. */
export type WallSize = 1 | 4 | 9 | 16;
export const WALL_SIZES: readonly WallSize[] = [1, 4, 9, 16];

/** What is used of localStorage; it throws where storage is forbidden or full. */
export type KeptValues = Pick<Storage, 'getItem' | 'setItem'>;

/** How this person likes it, kept on this machine. */
export class Preferences {
  readonly #kept: KeptValues;
  #theme = $state<Theme>('system');
  #wallSize = $state<WallSize>(4);

  constructor(kept: KeptValues) {
    this.#kept = kept;
    this.#theme = THEMES.find((theme) => theme === this.#read('theme')) ?? 'system';
    this.#wallSize = WALL_SIZES.find((size) => String(size) === this.#read('wall-size')) ?? 4;
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    this.#write('theme', theme);
  }

  get wallSize(): WallSize {
    return this.#wallSize;
  }

  set wallSize(size: WallSize) {
    this.#wallSize = size;
    this.#write('wall-size', String(size));
  }

  #read(name: string): string | null {
    try {
      return this.#kept.getItem(`keyhole.${name}`);
    } catch {
      return null;
    }
  }

  #write(name: string, value: string): void {
    try {
      this.#kept.setItem(`keyhole.${name}`, value);
    } catch {
      // A preference that cannot be kept still holds for this window.
    }
  }
}
