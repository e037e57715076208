import { SimulatedClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { DEFAULT_RECORDING } from '../../electron/contract/model.ts';
import { ProofLog } from '../../electron/proof/proof-log.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { Recorder, type RecorderOptions } from '../../electron/recording/recorder.ts';
import { IndexRepair } from '../../electron/recording/repair.ts';
import { RunPeriods } from '../../electron/recording/run-periods.ts';
import { Register } from '../../electron/recording/segment-register.ts';
import { Storage } from '../../electron/storage/client.ts';
import type { CameraRow } from '../../electron/storage/interface.ts';
import { createIdentity } from '../../peer/identity.ts';

export const CAMERAS = ['cam-aaaaaaaa', 'cam-bbbbbbbb', 'cam-cccccccc', 'cam-dddddddd'];
const identity = createIdentity(Buffer.alloc(32, 5));

/** What records within the engine, in the engine's order: database, proofs, repair, run, recorders. Sources are whoever pushes. */
export class RecordingCore {
  readonly storage: Storage;
  readonly clock: SimulatedClock;
  readonly folders: StorageFolders;
  readonly repair: IndexRepair;
  readonly recorders: readonly Recorder[];
  readonly cameras: readonly CameraRow[];
  readonly #proofs: ProofLog;
  readonly #runs: RunPeriods;

  private constructor(parts: {
    storage: Storage;
    clock: SimulatedClock;
    folders: StorageFolders;
    repair: IndexRepair;
    recorders: readonly Recorder[];
    cameras: readonly CameraRow[];
    proofs: ProofLog;
    runs: RunPeriods;
  }) {
    ({
      storage: this.storage,
      clock: this.clock,
      folders: this.folders,
      repair: this.repair,
      recorders: this.recorders,
      cameras: this.cameras,
    } = parts);
    this.#proofs = parts.proofs;
    this.#runs = parts.runs;
  }

  /** @param record false: as a start that is closed before the first picture */
  static async open(dataDir: string, now: number, record = true): Promise<RecordingCore> {
    const clock = new SimulatedClock(now);
    const log = silentLog;
    const storage = await Storage.open({ dataDir, log });
    for (const id of CAMERAS) {
      const row = { id, name: id, createdAt: utcMs(now), sourceKind: 'rtsp' as const, source: new Uint8Array([1]) };
      if (!(await storage.call('camera', { id }))) await storage.call('addCamera', row);
    }
    const cameras = await storage.call('cameras', {});
    const folders = new StorageFolders(dataDir);
    const proofs = new ProofLog({ dataDir, storage, folders, identity, clock, log });
    await proofs.start();
    const register = new Register(storage, proofs);
    const recorders: Recorder[] = [];
    const busy = (path: string) => recorders.some((recorder) => recorder.segments().some(({ file }) => path.endsWith(file)));
    const repair = new IndexRepair({ storage, register, folders, log, busy });
    await repair.before();
    const runs = new RunPeriods({ storage, clock, log, lostFrom: storage.report.ledgerLostFrom });
    await runs.start();
    repair.start();
    // Short segments: many of the moments are those in which one ends and the next begins.
    const settings = () => ({ ...DEFAULT_RECORDING, segmentS: 10 });
    const remux: RecorderOptions['remux'] = () => {
      throw new Error('these units come with their fragments');
    };
    if (record)
      for (const camera of cameras) {
        const recorder = new Recorder({ camera, storage, register, folders, settings, clock, log, remux });
        recorder.sourceStatus({ state: 'live', reason: null });
        recorders.push(recorder);
      }
    return new RecordingCore({ storage, clock, folders, repair, recorders, cameras, proofs, runs });
  }

  async close(): Promise<void> {
    for (const recorder of this.recorders) await recorder.close();
    await this.repair.close();
    await this.#runs.close();
    await this.#proofs.close();
    await this.storage.close();
  }
}
