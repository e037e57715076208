import { parentPort, type MessagePort } from 'node:worker_threads';
import { CodedError } from '../../electron/base/errors.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { ALWAYS_RECORDED, DEFAULT_RECORDING, type Camera, type StorageFolderInfo } from '../../electron/contract/model.ts';
import { ContractServer, type CallHandlers, type StreamHandlers } from '../../electron/engine/contract-server.ts';
import { fromWorkerPort } from '../../electron/engine/ports.ts';
import type { EngineMessage, HostMessage } from '../../electron/engine/protocol.ts';

/**
 * The far end of a host in its tests: an engine process with the real contract server and scripted answers.
 * A camera named "crash" kills it; a data folder that ends in "newer" is fatal, in "hang" it never stops.
 */

const START = utcMs(Date.UTC(2026, 0, 31, 8));
const cameras = new Map<string, Camera>();
let dataDir = '';

function camera(id: string): Camera {
  const found = cameras.get(id);
  if (!found) throw new CodedError('not-found', 'There is no such camera.');
  return found;
}

function notSupported(): never {
  throw new CodedError('not-supported', 'The scripted engine cannot do this.');
}

const folder: StorageFolderInfo = {
  key: 0,
  path: '/recordings',
  state: 'ok',
  text: null,
  freeBytes: 10,
  totalBytes: 100,
  floorBytes: 5,
  recordingBytes: 50,
  segments: 2,
  oldest: START,
};

const calls: CallHandlers = {
  'app.info': () => ({
    version: '0',
    host: 'browser',
    dataDir,
    ffmpeg: null,
    disk: null,
    notices: [],
    fingerprint: 'test',
    timeZone: 'UTC',
  }),
  'cameras.list': () => [...cameras.values()],
  'recordings.exportPlan': () => ({ parts: [], recordedMs: 0, missingMs: 0 }),
  'cameras.get': ({ id }) => camera(id),
  'cameras.add': ({ name, source }) => {
    if (name === 'crash') process.exit(3);
    if (source.kind === 'p2p' && source.invite !== 'keyhole:good') throw new CodedError('invite-expired', 'The invite has expired.');
    const added: Camera = {
      id: `cam-aaaaaaa${'abcdefgh'[cameras.size]}`,
      name: name ?? 'Camera',
      source: { kind: 'p2p', fingerprint: 'ABCD', rendezvous: ['ws://127.0.0.1:1'] },
      state: 'connecting',
      reason: null,
      path: null,
      video: null,
      audio: null,
      lastFrameAt: null,
      recording: false,
      recordingReason: null,
      recordingSettings: DEFAULT_RECORDING,
      recordingNow: ALWAYS_RECORDED,
      quality: null,
      relay: { kind: 'allow' },
      createdAt: START,
    };
    cameras.set(added.id, added);
    return added;
  },
  'cameras.update': ({ id, name, relay }) => {
    const updated = { ...camera(id), ...(name === undefined ? {} : { name }), ...(relay === undefined ? {} : { relay }) };
    cameras.set(id, updated);
    return updated;
  },
  'cameras.remove': ({ id, deleteRecordings }) => {
    camera(id);
    if (deleteRecordings) cameras.clear();
    cameras.delete(id);
    return null;
  },
  'cameras.path': ({ id }) => ({
    path: camera(id).path,
    history: [{ from: START, to: utcMs(START + 86_400_000), kind: 'none', reason: null }],
    pairs: [],
    attempts: [],
    mine: null,
    theirs: null,
    kbps: null,
    relayedBytesMonth: 12,
    relay: camera(id).relay,
    why: 'Connecting.',
    advice: [],
  }),
  'cameras.offerByHand': notSupported,
  'cameras.answerByHand': notSupported,
  'nat.report': () => null,
  'nat.refresh': () => null,
  'nat.settings': notSupported,
  'nat.configure': notSupported,
  'archive.settings': notSupported,
  'archive.configure': notSupported,
  'archive.test': notSupported,
  'archive.status': notSupported,
  'archive.recovery': notSupported,
  'archive.restore': notSupported,
  'recordings.query': ({ from, to }) => ({
    spans: [{ from, to: utcMs(from + 1000) }],
    gaps: [{ from: utcMs(from + 1000), to, reason: 'unknown', text: 'Nothing.' }],
    healed: [],
    coverage: 0.5,
  }),
  'recordings.delete': ({ from, to, dryRun }) => ({ from, to, segments: dryRun ? 2 : 3, bytes: 1000 }),
  'coverage.days': ({ days, timeZone }) => [
    { from: utcMs(0), to: utcMs(days), owedMs: 10, recordedMs: 4, healedMs: 1, missing: [{ reason: timeZone, ms: 6 }] },
  ],
  'healing.status': () => ({ spool: null, fetching: null, problem: null, healedMs: 0 }),
  'recordings.segments': () => [],
  'recording.now': ({ camera: id, minutes }) => {
    const manual = { until: minutes === null ? null : utcMs(minutes) };
    return { ...camera(id), recordingNow: { ...ALWAYS_RECORDED, manual } };
  },
  'recording.cancelNow': ({ camera: id }) => camera(id),
  'events.query': ({ camera: id = 'cam-aaaaaaaa', kind = 'motion', from, to, limit }) => [
    { id: 1, camera: id, kind, from, to, source: 'keyhole', score: null, text: String(limit) },
  ],
  'events.add': ({ camera: id, kind, at = utcMs(0), until, durationS, text = '' }) => ({
    id: 2,
    camera: camera(id).id,
    kind,
    from: at,
    to: until ?? utcMs(at + (durationS ?? 0) * 1000),
    source: 'outside',
    score: null,
    text,
  }),
  'timeline.query': (query) =>
    query.cameras.map((id) => ({
      camera: id,
      coverage: Array.from({ length: query.buckets }, () => 0.25),
      events: Array.from({ length: query.buckets }, () => 2),
    })),
  'playback.gop': () => {
    throw new CodedError('not-found', 'No footage.');
  },
  'playback.jpeg': ({ at }) => ({ value: null, bytes: new TextEncoder().encode(`the picture at ${at}`) }),
  'storage.folders': () => [folder],
  'storage.addFolder': ({ path }) => ({ ...folder, key: 1, path }),
  'storage.removeFolder': ({ key, forget }) => {
    if (!forget) throw new CodedError('conflict', `There are recordings in folder ${key}.`);
    return null;
  },
  'storage.settings': () => ({ floor: null }),
  'storage.configure': (settings) => settings,
  'storage.usage': () => [],
  'protected.add': ({ camera: id, from, to, until = null, kind = 'bookmark', text = '' }) => ({
    key: 7,
    camera: id,
    from,
    to,
    until,
    kind,
    text,
  }),
  'protected.list': ({ camera: id = 'cam-aaaaaaaa', from = START, to = START }) => [
    { key: 7, camera: id, from, to, until: null, kind: 'export', text: 'kept' },
  ],
  'protected.remove': ({ key }) => {
    if (key !== 7) throw new CodedError('not-found', `There is no protected range ${key}.`);
    return null;
  },
  'metrics': () => 'keyhole_test 1\n',
};

const streams: StreamHandlers = {
  events: () => () => {},
  live: () => () => {},
  /** One chunk a second of the range, 64 KiB each; a range that starts at 0 fails in the middle, an empty one is empty. */
  clip: ({ from, to }, sink) => {
    let left = Math.ceil((to - from) / 1000);
    const pump = () => {
      while (left > 0 && sink.credit > 0) {
        left -= 1;
        sink.send({ kind: 'chunk' }, new Uint8Array(65_536).fill(left));
        if (from === 0 && left === 1) return sink.end(new CodedError('ffmpeg-failed', 'ffmpeg broke.'));
      }
      if (left === 0) sink.end();
    };
    sink.onCredit = pump;
    queueMicrotask(pump);
    return () => {
      left = 0;
    };
  },
};

const server = new ContractServer(calls, streams, silentLog);
const parent = parentPort;
if (!parent) throw new Error('runs in a worker');
const say = (message: EngineMessage) => parent.postMessage(message);

parent.on('message', (message: HostMessage & { port?: MessagePort }) => {
  if (message.kind === 'init') {
    dataDir = message.options.dataDir;
    if (dataDir.endsWith('newer'))
      say({ kind: 'fatal', error: { code: 'database-newer', message: 'The database was written by a newer version.' } });
    else say({ kind: 'ready' });
  } else if (message.kind === 'port' && message.port) {
    server.serve(fromWorkerPort(message.port));
  } else if (message.kind === 'shutdown' && !dataDir.endsWith('hang')) {
    server.close();
    say({ kind: 'stopped' });
    parent.close();
  }
});
