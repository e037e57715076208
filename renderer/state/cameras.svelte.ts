import { SvelteMap } from 'svelte/reactivity';
import type { EngineClient } from '../../electron/contract/client.ts';
import type { Broadcast } from '../../electron/contract/events.ts';
import type {
  Camera,
  CameraId,
  HandOffer,
  NewSource,
  RecordingChanges,
  RelayPolicy,
  StorageCondition,
  UtcMs,
} from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';

export interface RecordingAdded {
  readonly camera: CameraId;
  readonly from: UtcMs;
  readonly to: UtcMs;
}

export type NatBroadcast = Extract<Broadcast, { kind: 'nat.changed' | 'nat.configured' }>;

/** A window shows at most so many notices; older ones go. */
const MAX_NOTICES = 5;

/** The cameras as the engine tells them, always by its latest word. */
export class Cameras {
  readonly #link: EngineLink;
  #recordingListeners: readonly ((added: RecordingAdded) => void)[] = [];
  #removalListeners: readonly ((removed: RecordingAdded) => void)[] = [];
  #natListeners: readonly ((broadcast: NatBroadcast) => void)[] = [];
  #storageListeners: readonly ((folders: readonly StorageCondition[]) => void)[] = [];
  readonly #byId = new SvelteMap<CameraId, Camera>();
  #loaded = $state(false);
  #notices = $state.raw<readonly string[]>([]);
  readonly #list = $derived([...this.#byId.values()].sort((a, b) => a.createdAt - b.createdAt || a.id.localeCompare(b.id)));

  constructor(link: EngineLink) {
    this.#link = link;
    link.onClient((client) => this.#listen(client));
  }

  /** In the order they were added. */
  get list(): readonly Camera[] {
    return this.#list;
  }

  /** False until the engine has answered once: an empty list means nothing before. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get notices(): readonly string[] {
    return this.#notices;
  }

  dismissNotice(text: string): void {
    this.#notices = this.#notices.filter((notice) => notice !== text);
  }

  get(id: CameraId): Camera | undefined {
    return this.#byId.get(id);
  }

  /** Rejects with the engine's CodedError. */
  async add(source: NewSource, name: string): Promise<Camera> {
    const camera = await this.#link.call('cameras.add', { source, ...(name === '' ? {} : { name }) });
    this.#put(camera);
    return camera;
  }

  async rename(id: CameraId, name: string): Promise<void> {
    this.#put(await this.#link.call('cameras.update', { id, name }));
  }

  async setRelay(id: CameraId, relay: RelayPolicy): Promise<void> {
    this.#put(await this.#link.call('cameras.update', { id, relay }));
  }

  /** What is not named stays as it is. Rejects with the engine's CodedError. */
  async setRecording(id: CameraId, recording: RecordingChanges): Promise<void> {
    this.#put(await this.#link.call('cameras.update', { id, recording }));
  }

  /** For so many minutes, or until it is cancelled. Rejects with the engine's CodedError. */
  async recordNow(camera: CameraId, minutes: number | null): Promise<void> {
    this.#put(await this.#link.call('recording.now', { camera, minutes }));
  }

  async cancelRecordNow(camera: CameraId): Promise<void> {
    this.#put(await this.#link.call('recording.cancelNow', { camera }));
  }

  /** Rejects with the engine's CodedError. */
  offerByHand(invite: string): Promise<HandOffer> {
    return this.#link.call('cameras.offerByHand', { invite });
  }

  /** Rejects with the engine's CodedError. */
  async answerByHand(ticket: string, answer: string, name: string): Promise<Camera> {
    const camera = await this.#link.call('cameras.answerByHand', { ticket, answer, ...(name === '' ? {} : { name }) });
    this.#put(camera);
    return camera;
  }

  async remove(id: CameraId, deleteRecordings: boolean): Promise<void> {
    await this.#link.call('cameras.remove', { id, deleteRecordings });
    this.#delete(id);
  }

  onRecordingAdded(listener: (added: RecordingAdded) => void): () => void {
    this.#recordingListeners = [...this.#recordingListeners, listener];
    return () => (this.#recordingListeners = this.#recordingListeners.filter((other) => other !== listener));
  }

  /** Footage that is gone. */
  onRecordingRemoved(listener: (removed: RecordingAdded) => void): () => void {
    this.#removalListeners = [...this.#removalListeners, listener];
    return () => (this.#removalListeners = this.#removalListeners.filter((other) => other !== listener));
  }

  /** What the engine's one stream of events tells of the network. */
  onNat(listener: (broadcast: NatBroadcast) => void): () => void {
    this.#natListeners = [...this.#natListeners, listener];
    return () => (this.#natListeners = this.#natListeners.filter((other) => other !== listener));
  }

  /** What it tells of the storage folders. */
  onStorage(listener: (folders: readonly StorageCondition[]) => void): () => void {
    this.#storageListeners = [...this.#storageListeners, listener];
    return () => (this.#storageListeners = this.#storageListeners.filter((other) => other !== listener));
  }

  /** Events first, then the list: nothing that changes in between is missed. */
  #listen(client: EngineClient): void {
    let told: CameraId[] | undefined = [];
    client.open(
      'events',
      {},
      {
        item: (broadcast) => {
          if (broadcast.kind === 'camera.changed') told?.push(broadcast.camera.id);
          if (broadcast.kind === 'camera.removed') told?.push(broadcast.id);
          this.#take(broadcast);
        },
      },
    );
    client.call('cameras.list', {}).then(
      (list) => {
        const newer = told ?? [];
        told = undefined;
        const listed = list.map((camera) => camera.id);
        for (const id of [...this.#byId.keys()]) if (!newer.includes(id) && !listed.includes(id)) this.#byId.delete(id);
        for (const camera of list) if (!newer.includes(camera.id)) this.#byId.set(camera.id, camera);
        this.#loaded = true;
      },
      // The connection broke; the next one asks again.
      () => {},
    );
  }

  #take(broadcast: Broadcast): void {
    if (broadcast.kind === 'camera.changed') this.#put(broadcast.camera);
    else if (broadcast.kind === 'camera.removed') this.#delete(broadcast.id);
    else if (broadcast.kind === 'notice') this.#notice(broadcast.text);
    else if (broadcast.kind === 'recording.added') for (const listener of this.#recordingListeners) listener(broadcast);
    else if (broadcast.kind === 'recording.removed') for (const listener of this.#removalListeners) listener(broadcast);
    else if (broadcast.kind === 'storage.changed') for (const listener of this.#storageListeners) listener(broadcast.folders);
    else if (broadcast.kind === 'nat.changed' || broadcast.kind === 'nat.configured')
      for (const listener of this.#natListeners) listener(broadcast);
  }

  #notice(text: string): void {
    this.#notices = [...this.#notices.filter((notice) => notice !== text), text].slice(-MAX_NOTICES);
  }

  #put(camera: Camera): void {
    this.#byId.set(camera.id, camera);
  }

  #delete(id: CameraId): void {
    this.#byId.delete(id);
  }
}
