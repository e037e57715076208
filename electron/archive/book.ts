import { randomUUID } from 'node:crypto';
import { rmdir, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ArchiveChanges, ArchiveSettings, ArchiveTarget, ArchiveTest, NewArchiveTarget } from '../contract/archive.ts';
import { archiveLimitsSchema, archiveTargetSchema } from '../contract/archive-schema.ts';
import type { Storage } from '../storage/client.ts';
import { seal, unseal } from '../storage/seal.ts';
import { ArchiveKey } from './archive-key.ts';
import { FolderStore } from './folder-store.ts';
import { ARCHIVE_MARKER, ownFolder, type ObjectStore } from './object-store.ts';
import { probe } from './probe.ts';
import { S3Store } from './s3-store.ts';

/** One archive that this installation uses, or used: footage may be in it still. */
export interface KnownArchive {
  readonly number: number;
  /** As its mark says. */
  readonly id: string;
  readonly target: ArchiveTarget;
  readonly key: ArchiveKey;
  readonly store: ObjectStore;
}

/** Earlier ones that are kept to read from. */
const MAX_ARCHIVES = 16;
const LIST = 'archive.list';
/** Number of the one that is copied to. The triggers of the database look at it: what is recorded while it is set waits to be copied. */
const CURRENT = 'archive.current';
/** Set until what was recorded before waits as well. */
const BACKFILL = 'archive.backfill';
const NO_LIMITS = { rateKbps: null, keepDays: null, keepBytes: null };

const kept = z.object({
  next: z.number().int().min(1),
  limits: archiveLimitsSchema,
  archives: z.array(z.object({ number: z.number().int().min(1), id: z.string().max(64), target: archiveTargetSchema, sealed: z.string() })),
});
const secrets = z.object({ key: z.string(), secretAccessKey: z.string().optional() });
const marker = z.object({ id: z.string().min(8).max(64) });

export interface BookOptions {
  readonly storage: Pick<Storage, 'call'>;
  /** What secrets are sealed under, 32 bytes. */
  readonly dataKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
}

/** Which archives there are, by what they are reached, and what was chosen for them. Secrets are sealed under the data key. */
export class ArchiveBook {
  readonly #options: BookOptions;
  #archives: KnownArchive[] = [];
  /** Secrets of access keys, by number. */
  readonly #accessSecrets = new Map<number, string>();
  #current: number | null = null;
  #next = 1;
  #limits: Omit<ArchiveSettings, 'target'> = NO_LIMITS;
  #work: Promise<unknown> = Promise.resolve();

  private constructor(options: BookOptions) {
    this.#options = options;
  }

  /** What was kept and cannot be read is left out, and said in the log: the footage there cannot be read either. */
  static async open(options: BookOptions): Promise<ArchiveBook> {
    const book = new ArchiveBook(options);
    const { storage, log } = options;
    const text = await storage.call('setting', { key: LIST });
    const parsed = text === null ? null : kept.safeParse(jsonOf(text));
    if (parsed && !parsed.success) log.error('what was stored about the archive is not understood: it is not used');
    if (!parsed?.success) return book;
    const { next, limits, archives } = parsed.data;
    book.#next = next;
    book.#limits = limits;
    for (const { sealed, ...archive } of archives) {
      try {
        const { key, secretAccessKey } = openSecrets(options.dataKey, archive.number, sealed);
        book.#take({ ...archive, key }, secretAccessKey);
      } catch (error) {
        log.error('the keys of an archive cannot be opened: it is not used', { archive: archive.number, error: String(error) });
      }
    }
    const current = Number(await storage.call('setting', { key: CURRENT }));
    book.#current = book.at(current)?.number ?? null;
    return book;
  }

  /** The one that is copied to. */
  get current(): KnownArchive | null {
    return this.#current === null ? null : this.at(this.#current);
  }

  get all(): readonly KnownArchive[] {
    return this.#archives;
  }

  at(number: number): KnownArchive | null {
    return this.#archives.find((archive) => archive.number === number) ?? null;
  }

  get settings(): ArchiveSettings {
    return { target: this.current?.target ?? null, ...this.#limits };
  }

  /** What was recorded before is to wait as well. */
  async backfillDue(): Promise<boolean> {
    return (await this.#options.storage.call('setting', { key: BACKFILL })) !== null;
  }

  async backfillDone(): Promise<void> {
    await this.#options.storage.call('setSetting', { key: BACKFILL, value: null });
  }

  /** Tries a target, or the one in use, without taking it in use. Errors: `bad-request`, `archive-unreachable`, `archive-refused`. */
  async test(target?: NewArchiveTarget): Promise<ArchiveTest> {
    const { current } = this;
    if (!target && !current) throw new CodedError('bad-request', 'There is no archive to try: choose one first.');
    if (!target && current) return probe(current.store, this.#options.clock);
    return this.#trying(target as NewArchiveTarget, this.#lastKey() ?? ArchiveKey.create(), (store) => probe(store, this.#options.clock));
  }

  /** One after another. A new target is tried first, and marked as ours. Errors: those of `test`, and `conflict`. */
  configure(changes: ArchiveChanges): Promise<ArchiveSettings> {
    const done = this.#work.then(() => this.#configure(changes));
    this.#work = done.catch(() => {});
    return done;
  }

  close(): void {
    for (const { store } of this.#archives) store.close();
  }

  async #configure({ target, recovery, ...limits }: ArchiveChanges): Promise<ArchiveSettings> {
    const { storage, log } = this.#options;
    if (recovery !== undefined && !target)
      throw new CodedError('bad-request', 'A recovery text belongs to a target: say where the archive is.');
    const chosen = { ...this.#limits };
    for (const name of ['rateKbps', 'keepDays', 'keepBytes'] as const) {
      const value = limits[name];
      if (value !== undefined) chosen[name] = value;
    }
    if (target) {
      const key = recovery === undefined ? (this.#lastKey() ?? ArchiveKey.create()) : ArchiveKey.fromRecoveryText(recovery);
      const archive = await this.#use(target, key, recovery !== undefined);
      this.#limits = chosen;
      await this.#save();
      if (this.#current !== archive.number) {
        await storage.call('setSetting', { key: BACKFILL, value: '1' });
        await storage.call('setSetting', { key: CURRENT, value: String(archive.number) });
      }
      this.#current = archive.number;
      log.info('an archive is in use', { archive: archive.number, where: archive.store.where });
    } else {
      this.#limits = chosen;
      await this.#save();
      if (target === null) {
        await storage.call('setSetting', { key: CURRENT, value: null });
        this.#current = null;
      }
    }
    return this.settings;
  }

  /** Tries it, finds out whether it is one that is known, marks it when it is new. */
  async #use(target: NewArchiveTarget, key: ArchiveKey, recovered: boolean): Promise<KnownArchive> {
    const { clock } = this.#options;
    const secret = this.#secretFor(target);
    const id = await this.#trying(target, key, async (store) => {
      const found = await readMark(store);
      const before = this.#archives.find((archive) => samePlace(archive.target, target) && archive.key.idText === key.idText);
      if (!found && before)
        throw new CodedError(
          'archive-unreachable',
          `The archive that was ${store.where} is not there any more: is a disk not connected? To begin a new one, choose another folder or prefix.`,
        );
      if (!found && recovered)
        throw new CodedError('bad-request', `There is no archive of this recovery text in ${store.where}: check where it is.`);
      await probe(store, clock);
      const mark = found ?? randomUUID();
      if (!found) await writeMark(store, mark);
      return mark;
    });
    const known = this.#archives.find((archive) => archive.id === id && archive.key.idText === key.idText);
    if (!known && this.#archives.length >= MAX_ARCHIVES)
      throw new CodedError('conflict', `There are ${MAX_ARCHIVES} archives already, the most that one installation takes.`);
    const number = known?.number ?? this.#next++;
    known?.store.close();
    this.#archives = this.#archives.filter((archive) => archive.number !== number);
    return this.#take({ number, id, target: withoutSecret(target), key }, secret);
  }

  /** With a store that needs no mark yet, closed behind it. What others upload there just now is left alone. */
  async #trying<T>(target: NewArchiveTarget, key: ArchiveKey, use: (store: ObjectStore) => Promise<T>): Promise<T> {
    if (target.kind === 'folder') await mustBeFolder(target.path);
    const store = this.#store(withoutSecret(target), key, this.#secretFor(target), false);
    try {
      return await use(store);
    } finally {
      store.close();
      // A test leaves nothing behind; a folder that holds anything stays.
      if (target.kind === 'folder') await rmdir(join(target.path, ownFolder(key.idText))).catch(() => {});
    }
  }

  #take(archive: Omit<KnownArchive, 'store'>, secretAccessKey: string | undefined): KnownArchive {
    const known = { ...archive, store: this.#store(archive.target, archive.key, secretAccessKey, true) };
    if (secretAccessKey !== undefined) this.#accessSecrets.set(archive.number, secretAccessKey);
    this.#archives = [...this.#archives, known];
    return known;
  }

  #store(target: ArchiveTarget, key: ArchiveKey, secretAccessKey: string | undefined, marked: boolean): ObjectStore {
    const { clock } = this.#options;
    if (target.kind === 'folder') return new FolderStore({ path: target.path, keyId: key.idText, clock, marked });
    if (secretAccessKey === undefined) throw new CodedError('bad-request', 'The secret of the access key is missing.');
    return new S3Store({ ...target, secretAccessKey, keyId: key.idText });
  }

  /** The secret that was given, or the one that is stored for this access key at this endpoint. */
  #secretFor(target: NewArchiveTarget): string | undefined {
    if (target.kind === 'folder' || target.secretAccessKey !== undefined) return target.kind === 's3' ? target.secretAccessKey : undefined;
    const same = this.#archives.find(
      ({ target: other }) => other.kind === 's3' && other.accessKeyId === target.accessKeyId && other.endpoint === target.endpoint,
    );
    return same && this.#accessSecrets.get(same.number);
  }

  /** One key for all archives that this installation makes: one recovery text to keep. */
  #lastKey(): ArchiveKey | null {
    return (this.current ?? this.#archives.at(-1))?.key ?? null;
  }

  async #save(): Promise<void> {
    const { storage, dataKey } = this.#options;
    const archives = this.#archives.map(({ number, id, target, key }) => {
      const secretAccessKey = this.#accessSecrets.get(number);
      const text = JSON.stringify({ key: Buffer.from(key.bytes).toString('base64'), secretAccessKey });
      const sealed = Buffer.from(seal(dataKey, new TextEncoder().encode(text), sealedFor(number))).toString('base64');
      return { number, id, target, sealed };
    });
    const value = JSON.stringify({ next: this.#next, limits: this.#limits, archives } satisfies z.input<typeof kept>);
    await storage.call('setSetting', { key: LIST, value });
  }
}

const sealedFor = (number: number): string => `archive-${number}`;

function openSecrets(dataKey: Uint8Array, number: number, sealed: string): { key: ArchiveKey; secretAccessKey: string | undefined } {
  const text = new TextDecoder().decode(unseal(dataKey, Buffer.from(sealed, 'base64'), sealedFor(number)));
  const { key, secretAccessKey } = secrets.parse(JSON.parse(text));
  return { key: new ArchiveKey(new Uint8Array(Buffer.from(key, 'base64'))), secretAccessKey };
}

function withoutSecret(target: NewArchiveTarget): ArchiveTarget {
  if (target.kind === 'folder') return { kind: 'folder', path: normalize(target.path) };
  const { secretAccessKey: _, ...rest } = target;
  return rest;
}

function samePlace(a: ArchiveTarget, b: NewArchiveTarget): boolean {
  if (a.kind === 'folder') return b.kind === 'folder' && a.path === normalize(b.path);
  return b.kind === 's3' && a.endpoint === b.endpoint && a.bucket === b.bucket && a.prefix === b.prefix;
}

async function mustBeFolder(path: string): Promise<void> {
  if (!isAbsolute(path)) throw new CodedError('bad-request', `"${path}" is not a whole path: begin with ${sep}, or with a drive.`);
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory())
    throw new CodedError('bad-request', `There is no folder ${path}: make it first, on the disk that it is to be on.`);
}

/** The id of the archive that is there; null where there is none. */
async function readMark(store: ObjectStore): Promise<string | null> {
  const bytes = await store.size(ARCHIVE_MARKER);
  if (bytes === null) return null;
  const parsed = marker.safeParse(jsonOf(new TextDecoder().decode(await store.read(ARCHIVE_MARKER, 0, Math.min(bytes, 4_096) || 1))));
  if (parsed.success) return parsed.data.id;
  throw new CodedError('archive-refused', `The mark ${ARCHIVE_MARKER} in ${store.where} is not one of Keyhole's: choose another place.`);
}

async function writeMark(store: ObjectStore, id: string): Promise<void> {
  const about = 'Keyhole keeps encrypted recordings here; do not delete this file.';
  const bytes = new TextEncoder().encode(JSON.stringify({ id, about }) + '\n');
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  await store.put(ARCHIVE_MARKER, bytes.length, parts());
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
