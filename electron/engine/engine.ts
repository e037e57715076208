import type { CodedError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Camera } from '../contract/model.ts';
import type { Port } from '../contract/wire.ts';
import { RemuxProcess } from '../ffmpeg/remux.ts';
import { LanBrowser } from '../../peer/lan/browser.ts';
import { lanInterfaces, lanMode } from '../../peer/lan/interfaces.ts';
import { Healing } from '../healing/healing.ts';
import { Archive } from '../archive/archive.ts';
import { Playback } from '../playback/playback.ts';
import { Recorder } from '../recording/recorder.ts';
import { StorageFolders } from '../recording/folders.ts';
import { RangeDeletion } from '../recording/range-deletion.ts';
import { Register } from '../recording/segment-register.ts';
import { SegmentRemover } from '../recording/segment-remover.ts';
import { IndexRepair } from '../recording/repair.ts';
import { RunPeriods } from '../recording/run-periods.ts';
import { Protection } from '../retention/protection.ts';
import { StorageCare } from '../retention/storage-care.ts';
import { HandOffers } from '../sources/p2p/hand-offers.ts';
import { Exporter } from '../proof/exporter.ts';
import { ProofLog } from '../proof/proof-log.ts';
import { Storage } from '../storage/client.ts';
import { DatabaseCopies } from '../storage/copies.ts';
import { appIdentity } from './app-identity.ts';
import { callHandlers, streamHandlers } from './handlers.ts';
import { CameraModes } from './camera-modes.ts';
import { Cameras } from './cameras.ts';
import { CoverageFigures } from './coverage-figures.ts';
import { ContractServer } from './contract-server.ts';
import { Events } from './events.ts';
import { healableCameras } from './healing-cameras.ts';
import { NatChoices } from './nat-settings.ts';
import { Network } from './network.ts';
import { Paths } from './paths/paths.ts';
import type { EngineOptions } from './protocol.ts';

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
  /** The database broke while in use: nothing helps but to open everything anew. */
  readonly onFailure: (error: CodedError) => void;
}

/** More than this of one camera waits for the disk: nothing is copied to the archive meanwhile. */
const BEHIND_BYTES = 4 * 1024 * 1024;

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
    const closers: (() => Promise<void> | void)[] = [];
    try {
      const storage = await Storage.open({ dataDir, log: log.child('storage') });
      closers.push(() => storage.close());
      storage.onFailure.on(onFailure);
      const identity = await appIdentity(storage, dataKey);
      const runs = new RunPeriods({ storage, clock, log, lostFrom: storage.report.ledgerLostFrom });
      const folders = await StorageFolders.open(storage, dataDir, { clock, log: log.child('folders') });
      const proofs = new ProofLog({ dataDir, storage, folders, identity, clock, log: log.child('proofs') });
      const notices = [...options.notices, ...(await proofs.start())];
      closers.push(() => proofs.close());
      const register = new Register(storage, proofs);
      const repair: IndexRepair = new IndexRepair({
        storage,
        register,
        folders,
        log: log.child('repair'),
        busy: (path) => cameras.writes(path),
      });
      await repair.before();
      await storage.call('endOpenEvents', {});
      await runs.start();
      closers.push(() => runs.close());

      const events = new Events();
      const natChoices = await NatChoices.open({
        storage,
        log: log.child('nat'),
        changed: (settings) => events.emit({ kind: 'nat.configured', settings }),
      });
      const network: Network = new Network({
        clock,
        log: log.child('nat'),
        portMapping: () => natChoices.current.portMapping,
        rendezvous: () => cameras.list().flatMap(({ source }) => (source.kind === 'p2p' ? source.rendezvous : [])),
      });
      const natMonitor = network.monitor;
      natMonitor.changed.on(() => events.emit({ kind: 'nat.changed', report: natMonitor.current }));
      closers.push(() => network.close());
      const paths = new Paths({ storage, clock, log: log.child('paths') });
      paths.start();
      closers.push(() => paths.close());
      const mode = lanMode();
      const lan = new LanBrowser({ clock, log: log.child('lan'), interfaces: () => lanInterfaces(mode) });
      lan.start();
      closers.push(() => lan.close());
      const handOffers = new HandOffers({
        identity,
        ice: () => ({ stun: [], turn: [], policy: 'all', mapPort: (port, address) => network.mapPort(port, address) }),
        clock,
        log: log.child('hand'),
      });
      closers.push(() => handOffers.close());
      const deleteRemoved = () => care.retention.wake();
      const recorders: Recorder[] = [];
      const cameras: Cameras = new Cameras({
        storage,
        dataKey,
        context: {
          identity,
          clock,
          log: log.child('camera'),
          natMonitor,
          lan,
          takeSession: (publicKey) => handOffers.take(publicKey),
          punchBudget: () => natChoices.current.punch,
          mapPort: (port, address) => network.mapPort(port, address),
          stunServers: (urls) => network.named(urls),
        },
        events,
        clock,
        log,
        deleteRemoved,
        forgetting: (camera) => proofs.removedAll(camera),
        paths,
        recorder: (camera, changed) => {
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
            onChanged: changed,
            onAdded: ({ from, to }) => events.emit({ kind: 'recording.added', camera: camera.id, from, to }),
          });
          recorders.push(recorder);
          return new CameraModes({ camera, recorder, storage, events, clock, log, onChanged: changed });
        },
      });
      const archive = await Archive.open({
        storage,
        dataKey,
        folders,
        clock,
        log: log.child('archive'),
        behind: () => recorders.some(({ stats }) => stats.queuedBytes > BEHIND_BYTES),
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
      const remover = new SegmentRemover(storage, proofs);
      const care: StorageCare = await StorageCare.open({
        storage,
        remover,
        folders,
        clock,
        log: log.child('retention'),
        async returned(folder) {
          const busy = (path: string) => cameras.writes(path);
          const root = (key: number) => (key === folder.key ? folder.root : null);
          await new IndexRepair({ storage, register, folders: { all: [folder], root }, log: log.child('repair'), busy }).before();
        },
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
          deleteRemoved();
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
        natMonitor,
        natChoices,
        archive,
        handPairing: handOffers,
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
      network.start();
      archive.start();
      care.start();
      // Behind what the folders have: the rest of what there was is in the archive only.
      void repair.start().then(() => archive.resumeRestore(storage.report.setAside !== null));
      closers.push(() => repair.close());
      const copies = new DatabaseCopies({ dataDir, clock, log: log.child('copies'), onFailure });
      copies.start();
      closers.push(() => copies.close());
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
