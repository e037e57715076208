import type { Archive } from '../archive/archive.ts';
import type { AppInfo } from '../contract/model.ts';
import type { Healing } from '../healing/healing.ts';
import type { Playback } from '../playback/playback.ts';
import type { Exporter } from '../proof/exporter.ts';
import type { ProofLog } from '../proof/proof-log.ts';
import type { StorageFolders } from '../recording/folders.ts';
import type { RangeDeletion } from '../recording/range-deletion.ts';
import type { Protection } from '../retention/protection.ts';
import type { StorageCare } from '../retention/storage-care.ts';
import type { NatMonitor } from '../sources/surroundings.ts';
import type { Storage } from '../storage/client.ts';
import { appInfo, diskSpace } from './app-info.ts';
import { queryEvents } from './camera-events.ts';
import type { Cameras } from './cameras.ts';
import type { CoverageFigures } from './coverage-figures.ts';
import type { CallHandlers, Sink, StreamHandlers } from './contract-server.ts';
import type { Events } from './events.ts';
import { qrRows, type HandPairing } from './hand-pairing.ts';
import { serveLive } from './live.ts';
import { metricsText } from './metrics.ts';
import { storageMetrics } from './storage-metrics.ts';
import type { NatChoices } from './nat-settings.ts';

export interface Parts {
  readonly storage: Storage;
  readonly cameras: Cameras;
  readonly playback: Playback;
  readonly exporter: Exporter;
  readonly proofs: ProofLog;
  readonly healing: Healing;
  readonly deletion: RangeDeletion;
  readonly coverage: CoverageFigures;
  readonly folders: StorageFolders;
  readonly care: StorageCare;
  readonly protection: Protection;
  readonly events: Events;
  readonly natMonitor: NatMonitor;
  readonly natChoices: NatChoices;
  readonly archive: Archive;
  readonly handPairing: HandPairing;
  /** As they are now. */
  readonly notices: () => readonly string[];
  readonly publicKey: Uint8Array;
  readonly host: AppInfo['host'];
  readonly dataDir: string;
}

/** What each question of the contract means: one line a call. */
export function callHandlers(parts: Parts, connections: () => number): CallHandlers {
  const { cameras, playback, deletion, storage, events, natMonitor, natChoices, handPairing, archive } = parts;
  return {
    'app.info': () => appInfo(parts),
    'cameras.list': () => cameras.list(),
    'cameras.get': ({ id }) => cameras.at(id).work.snapshot(),
    'cameras.add': ({ source, name }) => cameras.add(source, name),
    'cameras.update': ({ id, ...changes }) => cameras.update(id, changes),
    'cameras.remove': async ({ id, deleteRecordings }) => {
      await cameras.remove(id, deleteRecordings);
      return null;
    },
    'cameras.path': ({ id }) => cameras.at(id).work.path(natChoices.current.punch.enabled),
    'cameras.offerByHand': async ({ invite }) => {
      const { ticket, offer } = await handPairing.offer(invite);
      return { ticket, offer, qr: qrRows(offer) };
    },
    'cameras.answerByHand': ({ ticket, answer, name }) => cameras.addAccepted(() => handPairing.answer(ticket, answer), name),
    'nat.report': () => natMonitor.current,
    'nat.refresh': async () => {
      await natMonitor.refresh();
      return natMonitor.current;
    },
    'nat.settings': () => natChoices.current,
    'nat.configure': (changes) => natChoices.configure(changes),
    'archive.settings': () => archive.settings,
    'archive.configure': (changes) => archive.configure(changes),
    'archive.test': ({ target }) => archive.test(target),
    'archive.status': () => archive.status(),
    'archive.recovery': () => archive.recovery(),
    'archive.restore': () => {
      archive.restore();
      return archive.status();
    },
    'recordings.query': (range) => playback.recordings(range),
    'recordings.delete': (range) => deletion.delete(range),
    'coverage.days': (query) => playback.days(query),
    'healing.status': ({ camera }) => parts.healing.status(cameras.at(camera).work.record.id),
    'recordings.segments': (range) => playback.segments(range),
    'recordings.exportPlan': (range) => parts.exporter.plan(range),
    'recording.now': async ({ camera, minutes }) => {
      const { work } = cameras.at(camera);
      await work.recorder.recordNow(minutes);
      return work.snapshot();
    },
    'recording.cancelNow': async ({ camera }) => {
      const { work } = cameras.at(camera);
      await work.recorder.cancelNow();
      return work.snapshot();
    },
    'events.query': (query) => queryEvents(storage, query),
    'events.add': ({ camera, ...event }) => cameras.at(camera).work.recorder.addEvent(event),
    'timeline.query': (query) => playback.timeline(query),
    'playback.gop': (query) => playback.gop(query),
    'playback.jpeg': async (query) => ({ value: null, bytes: await playback.frameJpeg(query) }),
    'storage.folders': () => parts.care.folders(),
    'storage.addFolder': ({ path }) => parts.care.add(path),
    'storage.removeFolder': async ({ key, forget = false }) => {
      await parts.care.remove(key, forget);
      return null;
    },
    'storage.settings': () => parts.care.settings,
    'storage.configure': (settings) => parts.care.configure(settings),
    'storage.usage': () => parts.care.usage(),
    'protected.add': (range) => parts.protection.add(range),
    'protected.list': (query) => parts.protection.list(query),
    'protected.remove': async ({ key }) => {
      await parts.protection.remove(key);
      return null;
    },
    'metrics': async () => {
      const [totals, disk] = await Promise.all([storage.call('totals', {}), diskSpace(parts.dataDir)]);
      const figures = {
        segments: totals.segments,
        recordedBytes: totals.bytes,
        diskFreeBytes: disk?.freeBytes ?? null,
        connections: connections(),
        eventsDropped: events.dropped,
        nat: natMonitor.current,
        healing: parts.healing.counters,
        proofs: { heads: await parts.proofs.heads(), mismatches: parts.proofs.counters.mismatches },
        coverage: await parts.coverage.of(cameras.all().map(({ work }) => work.record.id)),
      };
      const engine = metricsText(
        cameras.all().map(({ work }) => work),
        figures,
      );
      return engine + storageMetrics(await parts.care.folders(), parts.folders, parts.care.retention);
    },
  };
}

export function streamHandlers({ cameras, playback, exporter, events }: Parts): StreamHandlers {
  return {
    events: (_args, sink) => events.serve(sink),
    live: ({ camera }, sink) => serveLive(cameras.at(camera).work.stream, sink),
    clip: ({ proof, ...range }, sink) => serveChunks(proof ? exporter.clip(range) : playback.clip(range), sink),
  };
}

/** Pulls the next piece when there is credit for it. */
function serveChunks(chunks: AsyncIterable<Uint8Array>, sink: Sink<{ readonly kind: 'chunk' }>): () => void {
  let stopped = false;
  let wake = () => {};
  sink.onCredit = () => wake();
  const run = async () => {
    for await (const bytes of chunks) {
      while (sink.credit === 0 && !stopped) await new Promise<void>((resolve) => (wake = resolve));
      if (stopped) return;
      sink.send({ kind: 'chunk' }, bytes);
    }
    sink.end();
  };
  run().catch((error: unknown) => sink.end(error));
  return () => {
    stopped = true;
    wake();
  };
}
