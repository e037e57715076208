import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { utcMs, type UtcMs } from '../base/units.ts';
import type { Camera, CameraId, NewSource, RecordingChanges, RecordingSettings, RelayPolicy, Segment } from '../contract/model.ts';
import type { CameraKey, CameraRow } from '../storage/interface.ts';
import { seal, unseal } from '../storage/seal.ts';
import type { Storage } from '../storage/client.ts';
import { acceptSource, createSource, sourceInfo, sourceKey, type AcceptedSource, type StoredSource } from '../sources/registry.ts';
import type { SourceContext } from '../sources/surroundings.ts';
import { CameraAtWork, type CameraRecord, type FrameRecorder } from './camera.ts';
import type { Events } from './events.ts';
import { recordNowKey } from './record-now.ts';
import { budgetOf, policyOf } from './paths/relay-budget.ts';
import type { Paths } from './paths/paths.ts';

/** Decoding of video is what bounds a machine; beyond this the wall is no use, and mistakes (a script's loop) are stopped. */
const MAX_CAMERAS = 64;

interface Options {
  readonly storage: Storage;
  readonly dataKey: Uint8Array;
  readonly context: SourceContext;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Log;
  /** Deletes the files of what was removed, in the background. */
  readonly deleteRemoved: () => void;
  /** Before the recordings of a camera go with it. */
  readonly forgetting: (camera: CameraKey) => Promise<void>;
  readonly paths: Paths;
  readonly recorder: (camera: RecordedCamera, changed: () => void) => FrameRecorder;
}

/** What a recorder is made with. */
export interface RecordedCamera {
  readonly id: CameraId;
  readonly key: CameraKey;
  /** As they are now. */
  readonly settings: () => RecordingSettings;
}

interface Entry {
  readonly key: CameraKey;
  readonly stored: StoredSource;
  readonly work: CameraAtWork;
}

/** What is not named stays as it is. */
export interface CameraChanges {
  readonly name?: string | undefined;
  readonly relay?: RelayPolicy | undefined;
  readonly recording?: RecordingChanges | undefined;
}

/** The cameras of this installation: kept in storage, at work while the engine runs. */
export class Cameras {
  readonly #options: Options;
  readonly #entries = new Map<CameraId, Entry>();
  #adding = Promise.resolve();
  #closed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Starts every stored camera. One whose secrets cannot be read is reported and left out, the others go on. */
  async start(): Promise<readonly string[]> {
    const notices: string[] = [];
    for (const row of await this.#options.storage.call('cameras', {})) {
      try {
        await this.#begin(row, this.#open(row));
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        this.#options.log.error(`camera ${row.name} cannot be used: ${text}`, { camera: row.id });
        notices.push(`${row.name} cannot be used. ${text}`);
        const start = utcMs(Math.round(this.#options.clock.now()));
        await this.#options.storage.call('openGap', {
          camera: row.key,
          start,
          reason: 'key-unavailable',
          text: `The camera could not be used. ${text}`,
        });
      }
    }
    return notices;
  }

  list(): Camera[] {
    return [...this.#entries.values()].map(({ work }) => work.snapshot());
  }

  /** Throws `not-found`. */
  at(id: CameraId): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new CodedError('not-found', `There is no camera ${id}.`);
    return entry;
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  /** What the camera's recorder has on disk and not in the index yet; nothing for a camera that was removed. */
  unlisted(id: CameraId): readonly Segment[] {
    return this.#entries.get(id)?.work.recorder.segments() ?? [];
  }

  /** Whether a recorder has this file open, or its row on the way. */
  writes(path: string): boolean {
    const file = path.replaceAll('\\', '/');
    return [...this.#entries.values()].some(({ work }) => work.recorder.segments().some((segment) => file.endsWith(segment.file)));
  }

  retryNow(): void {
    for (const { work } of this.#entries.values()) work.retryNow();
  }

  add(source: NewSource, name: string | undefined): Promise<Camera> {
    return this.addAccepted(() => acceptSource(source, this.#options.context), name);
  }

  /** One at a time, so that the same camera cannot slip in twice. */
  addAccepted(accept: () => Promise<AcceptedSource>, name: string | undefined): Promise<Camera> {
    const added = this.#adding.then(() => this.#add(accept, name));
    this.#adding = added.then(
      () => {},
      () => {},
    );
    return added;
  }

  /** Throws `bad-request` for what this kind of camera does not have. */
  async update(id: CameraId, { name, relay, recording }: CameraChanges): Promise<Camera> {
    const { work, stored } = this.at(id);
    if (relay && stored.kind !== 'p2p')
      throw new CodedError('bad-request', 'This camera is reached without peer-to-peer: it uses no relay.');
    if (name === undefined && relay === undefined && recording === undefined) return work.snapshot();
    const settings = recording && changed(work.record.recordingSettings, recording);
    await this.#options.storage.call('updateCamera', {
      id,
      name,
      recording: settings,
      ...(relay ? { relayBudget: budgetOf(relay) } : {}),
    });
    if (name !== undefined) work.record.name = name;
    if (relay) work.paths.relay.policy = relay;
    if (settings) {
      work.record.recordingSettings = settings;
      work.recorder.settingsChanged();
    }
    work.touch();
    return work.snapshot();
  }

  /** One that cannot be removed stays, and goes on. */
  async remove(id: CameraId, deleteRecordings: boolean): Promise<void> {
    const { work, key, stored } = this.at(id);
    const { storage, events } = this.#options;
    const start = this.#now();
    this.#entries.delete(id);
    await work.close();
    try {
      if (deleteRecordings) await this.#options.forgetting(key);
      await storage.call('removeCamera', { id, at: this.#now(), forgetRecordings: deleteRecordings });
    } catch (error) {
      const row = await storage.call('camera', { id });
      if (row?.removedAt === null && !this.#closed)
        await this.#beginAnew(row, stored, start, 'The camera was to be removed, and could not be: it was connected anew.');
      throw error;
    }
    events.emit({ kind: 'camera.removed', id });
    if (deleteRecordings) this.#options.deleteRemoved();
    await storage.call('setSetting', { key: recordNowKey(id), value: null });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#adding;
    await Promise.all([...this.#entries.values()].map(({ work }) => work.close()));
    this.#entries.clear();
  }

  async #add(accept: () => Promise<AcceptedSource>, name: string | undefined): Promise<Camera> {
    const { storage, clock, log } = this.#options;
    if (this.#closed) throw new CodedError('closed', 'Keyhole is closing.');
    if (this.#entries.size >= MAX_CAMERAS) {
      throw new CodedError('conflict', `There are ${MAX_CAMERAS} cameras already, the most one installation takes. Remove one first.`);
    }
    const accepted = await accept();
    const same = [...this.#entries.values()].find(({ stored }) => sourceKey(stored) === sourceKey(accepted.stored));
    if (same) return this.#connectAnew(same, accepted.stored);
    const id = newCameraId();
    const row = await storage.call('addCamera', {
      id,
      name: name ?? (accepted.name.trim().slice(0, 80) || 'Camera'),
      createdAt: utcMs(Math.round(clock.now())),
      sourceKind: accepted.stored.kind,
      source: this.#seal(id, accepted.stored),
    });
    log.info('camera added', { camera: id, kind: accepted.stored.kind });
    return (await this.#begin(row, accepted.stored)).snapshot();
  }

  /** A camera that is there already was added with another password, or paired anew: its connection is replaced, its recordings stay. */
  async #connectAnew({ stored: old, work }: Entry, stored: StoredSource): Promise<Camera> {
    const { id, name } = work.record;
    if (JSON.stringify(old) === JSON.stringify(stored) && stored.kind !== 'p2p') {
      throw new CodedError('conflict', `This camera is there already, under the name "${name}".`);
    }
    const { storage, log } = this.#options;
    await storage.call('updateCamera', { id, source: this.#seal(id, stored) });
    const row = await storage.call('camera', { id });
    if (!row) throw new CodedError('not-found', `There is no camera ${id}.`);
    const start = this.#now();
    await work.close();
    log.info('camera connected anew', { camera: id, kind: stored.kind });
    const anew = await this.#beginAnew(row, stored, start, 'The camera was being connected anew, since it was added again.');
    return anew.snapshot();
  }

  /** One whose work was closed after `start`; the time in between gets its reason. */
  async #beginAnew(row: CameraRow, stored: StoredSource, start: UtcMs, text: string): Promise<CameraAtWork> {
    const anew = await this.#begin(row, stored);
    await this.#options.storage.call('addGap', { camera: row.key, start, end: this.#now(), reason: 'connecting', text });
    return anew;
  }

  #now(): UtcMs {
    return utcMs(Math.round(this.#options.clock.now()));
  }

  async #begin(row: CameraRow, stored: StoredSource): Promise<CameraAtWork> {
    const { context, clock, events, recorder } = this.#options;
    const { id, key } = row;
    const paths = await this.#options.paths.open({ key, policy: policyOf(row.relayBudget) });
    const log = context.log.child(id);
    // The recorder may speak before the camera that owns it is there.
    const { name, createdAt, recording: recordingSettings } = row;
    const record: CameraRecord = { id, name, createdAt, source: sourceInfo(stored), recordingSettings };
    const owner: { work?: CameraAtWork } = {};
    const work = new CameraAtWork({
      record,
      clock,
      recorder: recorder({ id, key, settings: () => record.recordingSettings }, () => owner.work?.touch()),
      paths,
      source: (listener) => createSource(stored, { ...context, log, relay: paths.relay }, listener),
      changed: (camera) => events.emit({ kind: 'camera.changed', camera }),
    });
    owner.work = work;
    this.#entries.set(id, { key, stored, work });
    work.start();
    events.emit({ kind: 'camera.changed', camera: work.snapshot() });
    return work;
  }

  #seal(id: CameraId, stored: StoredSource): Uint8Array {
    return seal(this.#options.dataKey, new TextEncoder().encode(JSON.stringify(stored)), id);
  }

  #open(row: CameraRow): StoredSource {
    return JSON.parse(new TextDecoder().decode(unseal(this.#options.dataKey, row.source, row.id))) as StoredSource;
  }
}

function changed(settings: RecordingSettings, changes: RecordingChanges): RecordingSettings {
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  return { ...settings, ...(Object.fromEntries(named) as Partial<RecordingSettings>) };
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

function newCameraId(): CameraId {
  return 'cam-' + [...randomBytes(8)].map((byte) => BASE32[byte % 32]).join('');
}
