import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { asCoded, CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs } from '../base/units.ts';
import type { HealingStatus, Reason, Span } from '../contract/model.ts';
import type { StorageFolders } from '../recording/folders.ts';
import { checkDiskSpace } from '../segment/disk-space.ts';
import type { NewSegment, SegmentRegister } from '../segment/segment.ts';
import { writeFailure } from '../segment/write-failure.ts';
import type { Storage } from '../storage/client.ts';
import type { SpoolAccess } from '../../peer/session/bulk-client.ts';
import type { HealableCamera } from './camera.ts';
import { fetchRest, NotGiven } from './fetch.ts';
import { insertFetched } from './insert.ts';
import { Outages, spooled } from './outages.ts';
import { clearParts, PartFile } from './part-file.ts';
import { LEAST_MS, overlapMs, owed, wantedFor, type Wanted } from './plan.ts';
import { Refusals } from './refusals.ts';

/** A spool's file is closed, and to be had, so long after what it holds at the latest, as a rule. */
const FRESH_MS = 60_000;
/** Not about one file: the session ended, the camera has no time, or it makes no sense at all. */
const NOT_OF_A_FILE: ReadonlySet<string> = new Set(['session-lost', 'closed', 'too-busy', 'protocol-error']);
/** Files of which all is known: what is still missing beside them they do not have. The oldest are forgotten. */
const MAX_DONE = 20_000;

/** Where what is being fetched from a camera is kept meanwhile. */
export const healingFolder = (dataDir: string, camera = ''): string => join(dataDir, 'healing', camera);

export interface HealingParts {
  readonly storage: Pick<Storage, 'call'>;
  readonly register: SegmentRegister;
  readonly folders: Pick<StorageFolders, 'choose' | 'failed'>;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one camera's outages left out, fetched one file after another. */
export class CameraHealing {
  readonly counters = { healedMs: 0, fetchedBytes: 0, refused: 0, failures: 0 };
  readonly #parts: HealingParts;
  readonly #camera: HealableCamera;
  readonly #folder: string;
  #now: { readonly outage: Span; readonly wantedBytes: number; doneBytes: number } | null = null;
  #problem: Reason | null = null;
  #found: Reason | null = null;
  /** By key of a file whose pictures are in: what was still missing of its time then, milliseconds, for it has no more. */
  readonly #done = new Map<number, number>();
  /** Of files that are in the recordings, and that the database has not taken: those of one fetched file. */
  readonly #late: NewSegment[] = [];
  /** By key, or key and hash. */
  readonly #refusals: Refusals;
  readonly #outages: Outages;
  #stopped = false;

  constructor(camera: HealableCamera, parts: HealingParts) {
    this.#camera = camera;
    this.#parts = parts;
    this.#folder = healingFolder(parts.dataDir, camera.id);
    this.#refusals = new Refusals(parts.clock);
    this.#outages = new Outages(camera, parts);
  }

  get status(): HealingStatus {
    const access = this.#access();
    const since = access?.state.since ?? null;
    const now = this.#now;
    return {
      spool: access && {
        since: since === null ? null : utcMs(Math.round(since - access.clockOffsetMs)),
        reason: access.state.reason,
      },
      fetching: now && { ...now.outage, share: now.wantedBytes > 0 ? Math.min(1, now.doneBytes / now.wantedBytes) : 0 },
      problem: this.#problem,
      healedMs: Math.round(this.counters.healedMs),
    };
  }

  /** What was begun stays, and is gone on with another time. */
  stop(): void {
    this.#stopped = true;
  }

  /** The camera was removed: nothing of what was begun is left. To be called when no round runs. */
  async forget(): Promise<void> {
    this.#stopped = true;
    await rm(this.#folder, { recursive: true, force: true }).catch((error: unknown) =>
      this.#parts.log.warn('what was being fetched from a camera could not be deleted', { folder: this.#folder, error: String(error) }),
    );
  }

  /** Whether a round could do anything. */
  get canBegin(): boolean {
    return this.#access() !== null;
  }

  /**
   * Fetches all that is owed and that the spool has, the newest outage first. Never rejects.
   * @returns `fresh`: some is owed that the spool will have in a moment; `cut`: it was cut short, and should be tried again
   */
  async round(): Promise<'done' | 'fresh' | 'cut'> {
    try {
      const access = this.#access();
      if (!access) return 'cut';
      await this.#listLate();
      this.#found = null;
      const outages = await this.#outages.all(access);
      const turn = this.#outages.turn(outages);
      for (const outage of turn) {
        if (!(await this.#heal(outage))) return 'cut';
      }
      if (turn.length === outages.length) await clearParts(this.#folder);
      this.#problem = this.#found;
      const [newest] = await this.#outages.all(access);
      return newest && newest.to > this.#parts.clock.now() - FRESH_MS ? 'fresh' : 'done';
    } catch (error) {
      const { code, message } = error instanceof CodedError ? error : writeFailure(error, this.#folder);
      // That the session ended is no failure of healing.
      if (!this.#stopped && code !== 'session-lost' && code !== 'closed') {
        this.counters.failures += 1;
        this.#problem = { code, text: message };
        this.#parts.log.warn('healing was cut short', { camera: this.#camera.id, code, why: message });
      }
      return 'cut';
    } finally {
      this.#now = null;
    }
  }

  /** Else they would be fetched again. @throws why the database does not take them */
  async #listLate(): Promise<void> {
    for (let row = this.#late[0]; row; row = this.#late[0]) {
      await this.#parts.register.list(row);
      this.#late.shift();
    }
  }

  /** Null: nothing may be fetched now. */
  #access(): SpoolAccess | null {
    if (this.#stopped || !this.#camera.settings().heal) return null;
    const access = this.#camera.spool();
    return access && (!access.isRelayed || this.#camera.mayRelay()) ? access : null;
  }

  /** False when it was cut short. */
  async #heal(outage: Span): Promise<boolean> {
    const access = this.#access();
    if (!access) return false;
    const items = await spooled(access, outage);
    const wanted = wantedFor(outage, items, access.clockOffsetMs).filter(
      ({ item, from, to }) => overlapMs([outage], from, to) > (this.#done.get(item.key) ?? 0) + LEAST_MS,
    );
    if (wanted.length === 0) return true;
    const wantedBytes = wanted.reduce((sum, { item }) => sum + item.bytes, 0);
    const now = { outage, wantedBytes, doneBytes: 0 };
    this.#now = now;
    this.#parts.log.info('fetching what an outage left out', {
      camera: this.#camera.id,
      from: new Date(outage.from).toISOString(),
      seconds: Math.round((outage.to - outage.from) / 1000),
      files: wanted.length,
      bytes: wantedBytes,
    });
    for (const one of wanted) {
      const before = now.doneBytes;
      if (!(await this.#fetch(one, outage, (bytes) => (now.doneBytes += bytes)))) return false;
      now.doneBytes = before + one.item.bytes;
    }
    return true;
  }

  /** False when nothing may be fetched any more. */
  async #fetch(wanted: Wanted, outage: Span, came: (bytes: number) => void): Promise<boolean> {
    const { log } = this.#parts;
    const { item } = wanted;
    const access = this.#access();
    if (!access) return false;
    if (this.#isLeftAlone(String(item.key))) return true;
    let file;
    try {
      file = await access.reader.open(item.key);
    } catch (error) {
      this.#notGiven(access, String(item.key), asCoded(error));
      return true;
    }
    const name = `${file.key} ${file.hash.toString('hex')}`;
    if (this.#isLeftAlone(name)) return true;
    if (file.bytes !== item.bytes) throw new CodedError('protocol-error', 'The camera’s spool is not what it said: it is listed anew.');
    await checkDiskSpace(this.#parts.dataDir);
    const part = await PartFile.open(this.#folder, file);
    try {
      came(part.bytes);
      await fetchRest(access.reader, file, part, (bytes) => {
        this.counters.fetchedBytes += bytes;
        came(bytes);
        return this.#access() !== null;
      });
      if (!part.isWhole) return false;
      if (!(await part.isTrue())) {
        await part.remove();
        this.#refuse(
          name,
          'Some of the camera’s spool is damaged: its bytes are not what the camera said that they are. The rest is fetched.',
        );
        return true;
      }
    } catch (error) {
      if (!(error instanceof NotGiven)) throw error;
      this.#notGiven(access, name, error.why);
      await part.remove();
      return true;
    } finally {
      await part.close();
    }
    try {
      const healed = await insertFetched(this.#camera, this.#parts, part.path, {
        file,
        clockOffsetMs: access.clockOffsetMs,
        outage,
        late: this.#late,
      });
      await this.#listLate();
      for (const span of healed) {
        this.counters.healedMs += overlapMs([outage], span.from, span.to);
        this.#camera.added(span);
      }
      await this.#note(wanted);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'protocol-error') throw error;
      this.#refuse(name, error.message);
      log.debug('a file of the spool was refused', { camera: this.#camera.id, key: file.key });
    }
    await part.remove();
    return true;
  }

  /** A file that the camera cannot read holds up no other one. Throws what is not about this file. */
  #notGiven(access: SpoolAccess, name: string, why: CodedError): void {
    if (NOT_OF_A_FILE.has(why.code) || this.#access()?.reader !== access.reader) throw why;
    // It went while the list was read: the oldest do.
    if (why.code === 'not-found') return;
    this.#refuse(name, `Some of the camera’s spool cannot be read: ${why.message} The rest is fetched.`);
  }

  #isLeftAlone(name: string): boolean {
    const isIt = this.#refusals.has(name);
    if (isIt) this.#found = this.#problem;
    return isIt;
  }

  #refuse(name: string, text: string): void {
    this.#refusals.add(name);
    this.counters.refused += 1;
    // Once a round: a spool may have thousands of such files.
    const { log } = this.#parts;
    const say = this.#found ? log.debug : log.warn;
    this.#problem = this.#found = { code: 'protocol-error', text };
    say.call(log, 'a file of a camera’s spool is refused', { camera: this.#camera.id, file: name.slice(0, 40), why: text });
  }

  async #note({ item, from, to }: Wanted): Promise<void> {
    const left = owed(await this.#camera.gaps({ from: utcMs(Math.floor(from)), to: utcMs(Math.ceil(to)) }));
    this.#done.set(item.key, overlapMs(left, from, to));
    const oldest = this.#done.keys().next();
    if (this.#done.size > MAX_DONE && !oldest.done) this.#done.delete(oldest.value);
  }
}
