import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { RemuxProcess } from '../ffmpeg/remux.ts';
import { Recorder } from '../recording/recorder.ts';
import type { FrameRecorder } from './camera.ts';
import { CameraModes } from './camera-modes.ts';
import type { RecordedCamera } from './cameras.ts';
import type { Events } from './events.ts';
import type { Store } from './store.ts';

/** More than this of one camera waits for the disk: what is not urgent waits too. */
const BEHIND_BYTES = 4 * 1024 * 1024;

/** Makes the cameras' recorders, and knows those at work. */
export class Recorders {
  readonly #parts: { readonly store: Store; readonly events: Events; readonly clock: Clock; readonly log: Log };
  readonly #atWork = new Set<Recorder>();

  constructor(parts: { readonly store: Store; readonly events: Events; readonly clock: Clock; readonly log: Log }) {
    this.#parts = parts;
  }

  /** Some camera's frames wait for a disk. */
  get areBehind(): boolean {
    return [...this.#atWork].some(({ stats }) => stats.queuedBytes > BEHIND_BYTES);
  }

  /** @param onChanged what the camera's snapshot says of it changed */
  create(camera: RecordedCamera, onChanged: () => void): FrameRecorder {
    const { store, events, clock, log } = this.#parts;
    const { storage, register, folders, proofs } = store;
    // Else its first segment begins the chain: a crash before that would leave the segment without proof.
    proofs.begin(camera.key).catch((error: unknown) => log.warn(`no proofs yet: ${String(error)}`, { camera: camera.id }));
    const recorder = new Recorder({
      camera,
      storage,
      register,
      folders,
      settings: camera.settings,
      clock,
      log: log.child('recorder'),
      remux: ({ configs, onFragment, onFailed }) => {
        const remux = new RemuxProcess({ clock, log: log.child('remux'), onFragment, onFailure: onFailed });
        remux.start(configs);
        return remux;
      },
      onChanged,
      onAdded: ({ from, to }) => events.emit({ kind: 'recording.added', camera: camera.id, from, to }),
      onClosed: () => this.#atWork.delete(recorder),
    });
    this.#atWork.add(recorder);
    return new CameraModes({ camera, recorder, storage, events, clock, log, onChanged });
  }
}
