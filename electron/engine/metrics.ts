import type { Camera, NatReport } from '../contract/model.ts';
import type { CameraAtWork } from './camera.ts';
import type { CoverageFigure } from './coverage-figures.ts';
import { budgetOf } from './paths/relay-budget.ts';

interface Figure {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly of: (camera: CameraAtWork, now: Camera) => number | null;
}

const STATES = ['live', 'connecting', 'offline'] as const;
const PATHS = ['host', 'srflx', 'prflx', 'relay', 'rtsp'] as const;

const FIGURES: readonly Figure[] = [
  { name: 'keyhole_camera_frames_total', help: 'Video frames received.', type: 'counter', of: ({ stream }) => stream.frames },
  {
    name: 'keyhole_camera_bytes_total',
    help: 'Encoded bytes received, video and audio.',
    type: 'counter',
    of: ({ stream }) => stream.bytes,
  },
  {
    name: 'keyhole_camera_reader_drops_total',
    help: 'Frames left out for slow viewers.',
    type: 'counter',
    of: ({ stream }) => stream.dropped,
  },
  { name: 'keyhole_camera_viewers', help: 'Open live streams.', type: 'gauge', of: ({ stream }) => stream.readers },
  { name: 'keyhole_camera_fps', help: 'Frames a second, over 5 s.', type: 'gauge', of: ({ stream }) => stream.rate.fps },
  {
    name: 'keyhole_camera_recording',
    help: '1 while footage reaches the disk.',
    type: 'gauge',
    of: ({ recorder }) => Number(recorder.recording),
  },
  {
    name: 'keyhole_camera_events_total',
    help: 'Motion, and what other systems or a person said happened.',
    type: 'counter',
    of: ({ recorder }) => recorder.figures.events,
  },
  {
    name: 'keyhole_camera_preroll_bytes',
    help: 'Encoded frames held in memory, should something happen.',
    type: 'gauge',
    of: ({ recorder }) => recorder.figures.preRollBytes,
  },
  {
    name: 'keyhole_camera_preroll_drops_total',
    help: 'Frames that this memory had no room for.',
    type: 'counter',
    of: ({ recorder }) => recorder.figures.preRollDropped,
  },
  {
    name: 'keyhole_camera_detector_healthy',
    help: '1 while the motion detector can be relied on; none where none is needed.',
    type: 'gauge',
    of: ({ recorder: { figures } }) => figures.detector && Number(figures.detector.healthy),
  },
  {
    name: 'keyhole_camera_detector_pictures_total',
    help: 'Pictures looked at for motion.',
    type: 'counter',
    of: ({ recorder: { figures } }) => figures.detector && figures.detector.pictures,
  },
  {
    name: 'keyhole_camera_detector_drops_total',
    help: 'Frames left out because the decoder did not keep up.',
    type: 'counter',
    of: ({ recorder: { figures } }) => figures.detector && figures.detector.dropped,
  },
  {
    name: 'keyhole_camera_rtt_seconds',
    help: 'Round trip to the camera.',
    type: 'gauge',
    of: (_camera, { path }) => seconds(path?.rttMs),
  },
  {
    name: 'keyhole_camera_loss_ratio',
    help: 'Packets lost before repair, 0..1.',
    type: 'gauge',
    of: (_camera, { path }) => percent(path?.lossPct),
  },
  {
    name: 'keyhole_camera_frames_lost_total',
    help: 'Times that one or more frames were lost on the way for good.',
    type: 'counter',
    of: ({ reception }) => reception?.damagedFrames ?? null,
  },
  {
    name: 'keyhole_camera_packets_late_total',
    help: 'Packets that came when they had been given up.',
    type: 'counter',
    of: ({ reception }) => reception?.latePackets ?? null,
  },
  {
    name: 'keyhole_camera_jitter_buffer_seconds',
    help: 'How long frames are held back for packets that are missing.',
    type: 'gauge',
    of: ({ reception }) => seconds(reception?.delayMs),
  },
  {
    name: 'keyhole_camera_sub_stream',
    help: '1 while the camera sends its small picture, since the way is too thin for the main one.',
    type: 'gauge',
    of: (_camera, { quality }) => quality && Number(quality.stream === 'sub'),
  },
  {
    name: 'keyhole_camera_relayed_bytes_total',
    help: 'Bytes through a relay, both ways.',
    type: 'counter',
    of: ({ paths }) => paths.relay.total,
  },
  {
    name: 'keyhole_camera_relayed_bytes_month',
    help: 'Bytes through a relay since the month (UTC) began.',
    type: 'gauge',
    of: ({ paths }) => paths.relay.bytes,
  },
  {
    name: 'keyhole_camera_relay_budget_bytes',
    help: 'Bytes that may go through a relay in a month; none for a camera without a limit.',
    type: 'gauge',
    of: ({ paths }) => budgetOf(paths.relay.policy),
  },
];

export interface EngineFigures {
  readonly segments: number;
  readonly recordedBytes: number;
  readonly diskFreeBytes: number | null;
  readonly connections: number;
  readonly eventsDropped: number;
  readonly nat: NatReport | null;
  /** Sums over all cameras, since the engine was started. */
  readonly healing: { readonly healedMs: number; readonly fetchedBytes: number; readonly refused: number };
  readonly coverage: readonly CoverageFigure[];
  readonly proofs: { readonly heads: readonly { readonly camera: string; readonly seq: number }[]; readonly mismatches: number };
}

/** Prometheus text (exposition format 0.0.4). Labels carry camera ids, never names: names are the user's business. */
export function metricsText(cameras: readonly CameraAtWork[], engine: EngineFigures): string {
  const snapshots = cameras.map((camera) => ({ camera, now: camera.snapshot() }));
  const lines: string[] = [];
  const figure = (name: string, help: string, type: string, rows: readonly [labels: string, value: number | null][]) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of rows) if (value !== null) lines.push(`${name}${labels} ${value}`);
  };
  const label = (camera: CameraAtWork, more = '') => `{camera="${camera.record.id}"${more}}`;
  for (const { name, help, type, of } of FIGURES)
    figure(
      name,
      help,
      type,
      snapshots.map(({ camera, now }) => [label(camera), of(camera, now)]),
    );
  figure(
    'keyhole_camera_state',
    '1 for the state the camera is in.',
    'gauge',
    snapshots.flatMap(({ camera, now }) =>
      STATES.map((state): [string, number] => [label(camera, `,state="${state}"`), Number(state === now.state)]),
    ),
  );
  figure(
    'keyhole_camera_path',
    '1 for the kind of path in use.',
    'gauge',
    snapshots.flatMap(({ camera, now }) =>
      PATHS.map((path): [string, number] => [label(camera, `,path="${path}"`), Number(path === now.path?.kind)]),
    ),
  );
  figure(
    'keyhole_camera_path_attempts_total',
    'Tries for a better path, by way and result.',
    'counter',
    cameras.flatMap((camera) =>
      camera.paths.attempts.rows.map(({ way, ok, count }): [string, number] => [
        label(camera, `,way="${way}",result="${ok ? 'ok' : 'failed'}"`),
        count,
      ]),
    ),
  );
  const { nat, coverage } = engine;
  figure(
    'keyhole_coverage_ratio',
    'Share of the last 24 h that is recorded, of what should be.',
    'gauge',
    coverage.map(({ camera, ratio }): [string, number | null] => [`{camera="${camera}"}`, ratio]),
  );
  figure(
    'keyhole_recording_gap_seconds_total',
    'Seconds that are not recorded, by reason, counted when they are a minute old.',
    'counter',
    coverage.flatMap(({ camera, missing }) =>
      missing.map(({ reason, seconds: missed }): [string, number] => [`{camera="${camera}",reason="${reason}"}`, missed]),
    ),
  );
  figure(
    'keyhole_nat',
    '1 for the kind of NAT this machine is behind (RFC 4787, RFC 3489).',
    'gauge',
    nat ? [[`{mapping="${nat.mapping}",filtering="${nat.filtering}",classical="${nat.classical}"}`, 1]] : [],
  );
  figure(
    'keyhole_nat_port_mapping',
    '1 when the router opens ports when asked.',
    'gauge',
    nat ? [['', Number(nat.portMapping !== null)]] : [],
  );
  figure('keyhole_healed_seconds_total', 'Seconds that outages left out and that were fetched from cameras later.', 'counter', [
    ['', engine.healing.healedMs / 1000],
  ]);
  figure('keyhole_healing_bytes_total', 'Bytes fetched from the spools of cameras.', 'counter', [['', engine.healing.fetchedBytes]]);
  figure('keyhole_healing_refused_total', 'Files of spools that were not what the camera said, and not taken.', 'counter', [
    ['', engine.healing.refused],
  ]);
  figure(
    'keyhole_proof_links',
    'Links in the chain of proofs of each camera.',
    'gauge',
    engine.proofs.heads.map(({ camera, seq }) => [`{camera="${camera}"}`, seq + 1]),
  );
  figure('keyhole_proof_mismatches_total', 'Chains that were not what the app knew when it opened them.', 'counter', [
    ['', engine.proofs.mismatches],
  ]);
  figure('keyhole_segments', 'Recorded segments in the index.', 'gauge', [['', engine.segments]]);
  figure('keyhole_recorded_bytes', 'Bytes of all recorded segments.', 'gauge', [['', engine.recordedBytes]]);
  figure('keyhole_disk_free_bytes', 'Free bytes where recordings are kept.', 'gauge', [['', engine.diskFreeBytes]]);
  figure('keyhole_connections', 'Pages and scripts connected to the engine.', 'gauge', [['', engine.connections]]);
  figure('keyhole_events_dropped_total', 'Broadcasts replaced by newer ones before a slow page took them.', 'counter', [
    ['', engine.eventsDropped],
  ]);
  return lines.join('\n') + '\n';
}

const seconds = (ms: number | null | undefined): number | null => (ms === null || ms === undefined ? null : ms / 1000);
const percent = (value: number | null | undefined): number | null => (value === null || value === undefined ? null : value / 100);
