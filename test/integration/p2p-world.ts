import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CameraInput } from '../../camera/input/input.ts';
import { CameraPeer } from '../../camera/camera-peer.ts';
import { PairingStore } from '../../camera/pairing-store.ts';
import { Publisher, type PublisherOptions } from '../../camera/publisher.ts';
import { StateFolder } from '../../camera/state-folder.ts';
import { SubStream } from '../../camera/sub-stream.ts';
import { systemClock, type Clock } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { createLog, silentLog, type Log } from '../../electron/base/log.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import type { Reason } from '../../electron/contract/model.ts';
import type { AccessUnit, VideoConfig } from '../../electron/media/access-unit.ts';
import { h264Config } from '../../electron/media/h264/avcc.ts';
import { isVcl, joinAvcc, NAL, nalType, splitAnnexB } from '../../electron/media/h264/nal.ts';
import { P2pSource, type P2pTimes } from '../../electron/sources/p2p/source.ts';
import type { SourceStatus } from '../../electron/sources/source.ts';
import { createIdentity, type Identity } from '../../peer/identity.ts';
import { formatInvite } from '../../peer/pairing/invite.ts';
import type { PairedCamera } from '../../peer/pairing/paired-camera.ts';
import { pair } from '../../peer/pairing/pair.ts';
import type { TurnServer } from '../../peer/path/turn-client.ts';
import { DEFAULT_LIMITS } from '../../rendezvous/limits.ts';
import { RendezvousServer } from '../../rendezvous/server.ts';
import { StunServer } from '../../rendezvous/stun-server.ts';

/** KEYHOLE_TEST_LOG=1 shows what the parts say. */
export const testLog: Log = process.env.KEYHOLE_TEST_LOG ? createLog('test', { debug: true }) : silentLog;

export interface Clip {
  readonly config: VideoConfig;
  readonly frames: readonly { readonly data: Uint8Array; readonly key: boolean }[];
}

const clips = new Map<string, Clip>();

/**
 * Two seconds of 25 fps H.264 from a real encoder, keyframes a second apart; at a constant rate where one is given.
 * @param size `640x360`
 */
export function testClip(size = '640x360', kbps: number | null = null): Clip {
  const known = clips.get(`${size} ${kbps}`);
  if (known) return known;
  const source = `testsrc2=size=${size}:rate=25${kbps === null ? '' : ',noise=alls=20:allf=t'}`;
  const rate = kbps === null ? '' : `-b:v ${kbps}k -maxrate ${kbps}k -bufsize ${kbps / 2}k -sc_threshold 0`;
  const args = `-v error -f lavfi -i ${source} -t 2 -c:v libx264 -preset veryfast -g 25 -bf 0 ${rate} -pix_fmt yuv420p -f h264 -`;
  const nals = splitAnnexB(execFileSync('ffmpeg', args.split(/ +/), { maxBuffer: 1e8 }));
  const of = (type: number) => nals.filter((nal) => nalType(nal) === type).slice(0, 1);
  const config = h264Config(of(NAL.sps), of(NAL.pps));
  if (!config) throw new Error('ffmpeg made no parameter sets');
  // One slice a picture, as -preset veryfast makes them with one thread each; a slice whose first macroblock is 0 begins one.
  const pictures: Uint8Array[][] = [];
  for (const nal of nals.filter((unit) => isVcl(nalType(unit)))) {
    if (((nal[1] ?? 0) & 0x80) !== 0) pictures.push([]);
    pictures.at(-1)?.push(nal);
  }
  const frames = pictures.map((picture) => ({ data: joinAvcc(picture), key: picture.some((nal) => nalType(nal) === NAL.idr) }));
  const clip = { config, frames };
  clips.set(`${size} ${kbps}`, clip);
  return clip;
}

/** A camera's source that plays the clip over and over, one frame each 40 ms. */
export class ClipInput {
  readonly units = new Emitter<AccessUnit>();
  readonly status = new Emitter<{ state: 'live' | 'connecting' | 'offline'; reason: Reason | null }>();
  readonly configs: readonly VideoConfig[];
  /** Every frame that went out, by its pts; `at`: when it truly did. */
  readonly sent = new Map<number, { utc: number; at: number; data: Uint8Array }>();
  readonly #clip: Clip;
  #index = 0;
  #startedAt: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  timeline = 1;

  constructor(clip = testClip()) {
    this.#clip = clip;
    this.configs = [clip.config];
  }

  start(): void {
    this.#timer ??= setInterval(() => this.step(), 40);
    this.status.emit({ state: 'live', reason: null });
  }

  step(): void {
    const { config, frames } = this.#clip;
    const frame = frames[this.#index % frames.length];
    if (!frame) return;
    const pts = pts90k(this.#index * 3600);
    this.#index += 1;
    const now = systemClock.now();
    // As if captured evenly, however late this timer is.
    this.#startedAt ??= now - pts / 90;
    const utc = utcMs(this.#startedAt + pts / 90);
    this.sent.set(pts, { utc, at: now, data: frame.data });
    this.units.emit({ config, timeline: this.timeline, pts, dts: pts, utc, receivedAt: now, key: frame.key, data: frame.data });
  }

  pause(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  async close(): Promise<void> {
    this.pause();
  }
}

/** Collects what a source emits, and waits for it. */
export class Sink {
  readonly units: AccessUnit[] = [];
  readonly statuses: SourceStatus[] = [];
  readonly #changed = new Emitter<void>();

  readonly events = {
    unit: (unit: AccessUnit): void => {
      this.units.push(unit);
      this.#changed.emit();
    },
    status: (status: SourceStatus): void => {
      this.statuses.push(status);
      this.#changed.emit();
    },
  };

  /** Rejects with the last status when it does not come true by the deadline. */
  async until(holds: (sink: Sink) => boolean, deadlineMs = 20_000): Promise<void> {
    if (holds(this)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        off();
        reject(new Error(`waited in vain; ${this.units.length} units, last status ${JSON.stringify(this.statuses.at(-1))}`));
      }, deadlineMs);
      const off = this.#changed.on(() => {
        if (!holds(this)) return;
        clearTimeout(timer);
        off();
        resolve();
      });
    });
  }

  get state(): string | undefined {
    return this.statuses.at(-1)?.state;
  }
}

type Closer = () => void | Promise<void>;

interface CameraSetup {
  readonly clock?: Clock;
  readonly rendezvous?: readonly string[];
  readonly turn?: readonly TurnServer[];
  readonly input?: ClipInput;
  /** Opens its small picture. */
  readonly openSub?: () => CameraInput;
  /** What it keeps for who was away. */
  readonly spool?: PublisherOptions['spool'];
  readonly icePolicy?: 'all' | 'relay';
}

/** Rendezvous, cameras and apps in one process, over real sockets on this machine. */
export class World {
  readonly clock: Clock = systemClock;
  readonly dir = mkdtempSync(join(tmpdir(), 'keyhole-p2p-'));
  readonly #closers: Closer[] = [];
  readonly stun = new StunServer({ clock: systemClock, log: testLog, perSecond: 1000 });
  server: RendezvousServer | null = null;
  url = '';

  async start(): Promise<this> {
    await this.stun.start('127.0.0.1', 0);
    await this.startRendezvous(0);
    return this;
  }

  async startRendezvous(port: number): Promise<void> {
    this.server = new RendezvousServer({ clock: this.clock, log: testLog, limits: DEFAULT_LIMITS, stunPort: () => this.stun.port });
    this.url = `ws://127.0.0.1:${await this.server.start('127.0.0.1', port)}`;
  }

  onClose(closer: Closer): void {
    this.#closers.push(closer);
  }

  /** A camera that plays the clip; with the same `name` it is the same camera again. */
  camera(name = 'yard', options: CameraSetup = {}) {
    const clock = options.clock ?? this.clock;
    const folder = new StateFolder(join(this.dir, name));
    const identity = createIdentity(folder.seed());
    const pairing = new PairingStore(folder, clock);
    const { input = new ClipInput(), openSub } = options;
    const log = testLog.child(name);
    const sub = openSub ? new SubStream({ open: openSub, clock: this.clock, log }) : null;
    const publisher = new Publisher({ input, sub, spool: options.spool ?? null, name, clock: this.clock, log });
    const { rendezvous = [this.url], turn = [], icePolicy = 'all' } = options;
    const peer = new CameraPeer({ identity, name, rendezvous, stun: [], turn, icePolicy, pairing, clock: this.clock, log });
    peer.viewer.on(({ session }) => {
      session.closed.on(() => publisher.detach(session));
      publisher.attach(session);
    });
    const close = async () => {
      publisher.close();
      await sub?.close();
      await peer.close();
      await input.close();
    };
    this.onClose(close);
    const invite = () => {
      const { secret, expires } = pairing.issue();
      return formatInvite({ publicKey: identity.publicKey, address: identity.addressKey.address, rendezvous, secret, expires, name });
    };
    input.start();
    peer.start();
    return { identity, pairing, input, publisher, peer, invite, close };
  }

  app(): Identity {
    return createIdentity(randomBytes(32));
  }

  pair(identity: Identity, invite: string): Promise<PairedCamera> {
    return pair({ identity, invite, name: 'test', clock: this.clock, log: testLog, timeoutMs: 5_000 });
  }

  source(identity: Identity, camera: PairedCamera, times: Partial<P2pTimes> = {}): { source: P2pSource; sink: Sink } {
    const sink = new Sink();
    const source = new P2pSource({ identity, camera, clock: this.clock, log: testLog.child('app'), events: sink.events, times });
    this.onClose(() => source.close());
    source.start();
    return { source, sink };
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer();
    await this.server?.close();
    await this.stun.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
