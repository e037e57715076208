import type { Clock } from '../base/clock.ts';
import type { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FolderKey } from '../contract/model.ts';
import type { Identity } from '../../peer/identity.ts';
import { ProofLog } from '../proof/proof-log.ts';
import { StorageFolders, type StorageFolder } from '../recording/folders.ts';
import { IndexRepair } from '../recording/repair.ts';
import { RunPeriods } from '../recording/run-periods.ts';
import { Register } from '../recording/segment-register.ts';
import { SegmentRemover } from '../recording/segment-remover.ts';
import { Storage } from '../storage/client.ts';
import { DatabaseCopies } from '../storage/copies.ts';
import { appIdentity } from './app-identity.ts';

/** In the order of what they close; closed in reverse. */
export type Closers = (() => Promise<void> | void)[];

export interface StoreOptions {
  readonly dataDir: string;
  readonly dataKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  /** The database broke while in use. */
  readonly onFailure: (error: CodedError) => void;
  /** Whether a recorder has this file open. */
  readonly isOpen: (path: string) => boolean;
}

/** What is kept, and what makes index, files and proofs agree: there before any camera is at work. */
export class Store {
  readonly storage: Storage;
  readonly identity: Identity;
  readonly runs: RunPeriods;
  readonly folders: StorageFolders;
  readonly proofs: ProofLog;
  readonly register: Register;
  readonly remover: SegmentRemover;
  readonly repair: IndexRepair;
  readonly #options: StoreOptions;
  /** Comparing what is on folders that came back. */
  readonly #returned = new Map<FolderKey, IndexRepair>();

  private constructor(options: StoreOptions, parts: { storage: Storage; identity: Identity; folders: StorageFolders }) {
    const { dataDir, clock, log, isOpen } = options;
    const { storage, identity, folders } = parts;
    this.#options = options;
    this.storage = storage;
    this.identity = identity;
    this.folders = folders;
    this.runs = new RunPeriods({ storage, clock, log, lostFrom: storage.report.ledgerLostFrom });
    this.proofs = new ProofLog({ dataDir, storage, folders, identity, clock, log: log.child('proofs') });
    this.register = new Register(storage, this.proofs);
    this.remover = new SegmentRemover(storage, this.proofs);
    this.repair = new IndexRepair({ storage, register: this.register, folders, log: log.child('repair'), busy: isOpen });
  }

  /**
   * With what a start must know before the first recorder: whether rows and files agree, and what the last run left open.
   * @returns also what the user should know
   */
  static async open(options: StoreOptions, closers: Closers): Promise<{ readonly store: Store; readonly notices: readonly string[] }> {
    const { dataDir, dataKey, clock, log, onFailure } = options;
    const storage = await Storage.open({ dataDir, log: log.child('storage') });
    closers.push(() => storage.close());
    storage.onFailure.on(onFailure);
    const identity = await appIdentity(storage, dataKey);
    const folders = await StorageFolders.open(storage, dataDir, { clock, log: log.child('folders') });
    const store = new Store(options, { storage, identity, folders });
    const notices = await store.proofs.start();
    closers.push(() => store.proofs.close());
    closers.push(async () => {
      for (const repair of store.#returned.values()) await repair.close();
    });
    await store.repair.before();
    await storage.call('endOpenEvents', {});
    await store.runs.start();
    closers.push(() => store.runs.close());
    return { store, notices };
  }

  /**
   * A folder that was away is there again: its newest recordings and the index are made to agree before anything is written to it, the others
   * behind that.
   */
  async returned(folder: StorageFolder): Promise<void> {
    const { log, isOpen } = this.#options;
    const root = (key: number) => (key === folder.key ? folder.root : null);
    const { storage, register } = this;
    await this.#returned.get(folder.key)?.close();
    const folders = { all: [folder], root };
    const repair = new IndexRepair({ storage, register, folders, log: log.child('repair'), busy: isOpen, part: true });
    this.#returned.set(folder.key, repair);
    await repair.before();
    void repair.start();
  }

  /** The rest, behind the recorders: everything else is compared, and copies are made. Resolves when all is compared. */
  start(closers: Closers): Promise<void> {
    const { dataDir, clock, log, onFailure } = this.#options;
    const compared = this.repair.start();
    closers.push(() => this.repair.close());
    const copies = new DatabaseCopies({ dataDir, clock, log: log.child('copies'), onFailure });
    copies.start();
    closers.push(() => copies.close());
    return compared;
  }
}
