import { z } from 'zod';
import type { Log } from '../../electron/base/log.ts';
import { parseJson } from '../../peer/signaling/rendezvous-messages.ts';
import type { StateFolder } from '../state-folder.ts';
import type { MarkedFolders } from './mark.ts';

const FILE = 'spool-folders.json';
/** The oldest are forgotten. */
const MAX_KEPT = 16;
const folders = z.array(z.string());

/** Folders that this camera has marked, in its state folder. Where that cannot be written they are known until the program ends. */
export class KeptMarks implements MarkedFolders {
  readonly #state: Pick<StateFolder, 'read' | 'write'>;
  readonly #log: Log;
  #folders: readonly string[];

  /** @throws CodedError `data-unwritable` */
  constructor(state: Pick<StateFolder, 'read' | 'write'>, log: Log) {
    this.#state = state;
    this.#log = log;
    this.#folders = parseJson(folders, state.read(FILE) ?? '[]') ?? [];
  }

  has(folder: string): boolean {
    return this.#folders.includes(folder);
  }

  add(folder: string): void {
    this.#folders = [...this.#folders.filter((other) => other !== folder), folder].slice(-MAX_KEPT);
    try {
      this.#state.write(FILE, JSON.stringify(this.#folders) + '\n');
    } catch (error) {
      this.#log.warn('that the spool’s folder was marked could not be kept: without its disk a restart takes it for a new one', {
        error: String(error),
      });
    }
  }
}
