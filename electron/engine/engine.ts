import type { CodedError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Camera } from '../contract/model.ts';
import type { Port } from '../contract/wire.ts';
import { Healing } from '../healing/healing.ts';
import { Archive } from '../archive/archive.ts';
import { Playback } from '../playback/playback.ts';
import { RangeDeletion } from '../recording/range-deletion.ts';
import type { RunPeriods } from '../recording/run-periods.ts';
import { Protection } from '../retention/protection.ts';
import { StorageCare } from '../retention/storage-care.ts';
import { Exporter } from '../proof/exporter.ts';
import { callHandlers, streamHandlers } from './handlers.ts';
import { Cameras } from './cameras.ts';
import { CoverageFigures } from './coverage-figures.ts';
import { ContractServer } from './contract-server.ts';
import { Events } from './events.ts';
import { healableCameras } from './healing-cameras.ts';
import { Paths } from './paths/paths.ts';
import { openReach } from './reach.ts';
import { Recorders } from './recorders.ts';
import { Store, type Closers } from './store.ts';
import type { EngineOptions } from './protocol.ts';

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** The database broke while in use: nothing helps but to open everything anew. */
  readonly onFailure: (error: CodedError) => void;
}

/** The whole behind the page: opens in order, closes in reverse. */
export class Engine {
  readonly #server: ContractServer;
  readonly #closers: readonly (() => Promise<void> | void)[];
  readonly #cameras: Cameras;
  readonly #runs: RunPeriods;
  #closing: Promise<void> | undefined;

  private constructor(server: ContractServer, cameras: Cameras, runs: RunPeriods, closers: readonly (() => Promise<void> | void)[]) {
    this.#server = server;
    this.#cameras = cameras;
    this.#runs = runs;
    this.#closers = closers;
  }

  /** Errors: those of the data folder (`data-unwritable`, `data-in-use`, `database-newer`, `disk-full`) and `key-unavailable`. */
  static async open(options: EngineOptions, { clock, log, onFailure }: Surroundings): Promise<Engine> {
    const { dataDir, dataKey } = options;
    const closers: Closers = [];
    try {
      const isOpen = (path: string) => cameras.writes(path);
      const { store, notices: kept } = await Store.open({ dataDir, dataKey, clock, log, onFailure, isOpen }, closers);
      const { storage, identity, runs, folders, proofs, register, remover, repair } = store;
      const notices = [...options.notices, ...kept];
      const events = new Events();
      const rendezvous = () => cameras.list().flatMap(({ source }) => (source.kind === 'p2p' ? source.rendezvous : []));
      const reach = await openReach({ storage, identity, events, clock, log, rendezvous }, closers);
      const paths = new Paths({ storage, clock, log: log.child('paths') });
      paths.start();
      closers.push(() => paths.close());
      const recorders = new Recorders({ store, events, clock, log });
      const cameras: Cameras = new Cameras({
        storage,
        dataKey,
        context: reach.context,
        events,
        clock,
        log,
        deleteRemoved: () => care.retention.wake(),
        forgetting: (camera) => proofs.removedAll(camera),
        paths,
        recorder: (camera, changed) => recorders.create(camera, changed),
      });
      const archive = await Archive.open({
        storage,
        dataKey,
        folders,
        clock,
        log: log.child('archive'),
        behind: () => recorders.areBehind,
        remove: (rows) => remover.remove({ ...rows, why: 'retention' }),
      });
      closers.push(() => archive.close());
      const playback = new Playback({
        storage,
        folders,
        clock,
        log: log.child('playback'),
        remote: archive.reader,
        unlisted: (id) => cameras.unlisted(id),
        unlistedBefore: (id) => repair.pendingBefore(id),
      });
      const exporter = new Exporter({
        playback,
        storage,
        dataDir,
        identity,
        fingerprintOf: (id) => fingerprintOfCamera(cameras.list().find((camera) => camera.id === id)),
        clock,
        log: log.child('export'),
      });
      const care: StorageCare = await StorageCare.open({
        storage,
        remover,
        folders,
        clock,
        log: log.child('retention'),
        returned: (folder) => store.returned(folder),
        erased: (camera, { from, to }) => events.emit({ kind: 'recording.removed', camera, from, to }),
        changed: (conditions) => events.emit({ kind: 'storage.changed', folders: conditions }),
      });
      closers.push(() => care.close());
      const deletion = new RangeDeletion({
        storage,
        remover,
        clock,
        collect(camera, { from, to }) {
          events.emit({ kind: 'recording.removed', camera, from, to });
          care.retention.wake();
        },
      });
      const healing = new Healing({
        storage,
        register,
        folders,
        dataDir,
        clock,
        log: log.child('healing'),
        cameras: () => healableCameras(cameras, { playback, events, clock }),
      });
      const parts = {
        storage,
        cameras,
        playback,
        exporter,
        proofs,
        healing,
        deletion,
        folders,
        care,
        protection: new Protection(storage, () => care.retention.wake()),
        coverage: new CoverageFigures(playback, clock),
        events,
        natMonitor: reach.network.monitor,
        natChoices: reach.natChoices,
        archive,
        handPairing: reach.handOffers,
        notices: () => [...notices, ...repair.notices()],
        publicKey: identity.publicKey,
        host: options.host,
        dataDir,
      };
      const server: ContractServer = new ContractServer(
        callHandlers(parts, () => server.connections),
        streamHandlers(parts),
        log.child('contract'),
      );
      closers.push(() => cameras.close());
      notices.push(...(await cameras.start()));
      healing.start();
      closers.push(() => healing.close());
      reach.network.start();
      archive.start();
      care.start();
      // Behind what the folders have: the rest of what there was is in the archive only.
      void store.start(closers).then(() => archive.resumeRestore(storage.report.setAside !== null));
      closers.push(() => server.close());
      // First of all: what is missing from here on is missing since Keyhole was closed.
      closers.push(() => runs.close());
      return new Engine(server, cameras, runs, closers);
    } catch (error) {
      await closeAll(closers, log);
      throw error;
    }
  }

  serve(port: Port): void {
    this.#server.serve(port);
  }

  /** The computer goes to sleep or wakes: after it every session looks at once whether it is still alive. */
  power(state: 'suspend' | 'resume'): void {
    if (state === 'suspend') return this.#runs.suspend();
    this.#runs.resume();
    this.#cameras.retryNow();
  }

  close(): Promise<void> {
    this.#closing ??= closeAll(this.#closers);
    return this.#closing;
  }
}

function fingerprintOfCamera(camera: Camera | undefined): string | null {
  return camera?.source.kind === 'p2p' ? camera.source.fingerprint : null;
}

/** In reverse order; one that fails does not keep the others from closing. */
async function closeAll(closers: readonly (() => Promise<void> | void)[], log?: Log): Promise<void> {
  const failures: unknown[] = [];
  for (const close of [...closers].reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  for (const failure of failures) log?.warn(`did not close: ${String(failure)}`);
  if (failures.length > 0 && !log) throw failures[0];
}
