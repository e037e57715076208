import { systemClock, type Clock } from '../electron/base/clock.ts';
import { CodedError, type ErrorCode } from '../electron/base/errors.ts';
import { createLog, type Log } from '../electron/base/log.ts';
import { RemuxProcess } from '../electron/ffmpeg/remux.ts';
import { createIdentity, fingerprintOf, type Identity } from '../peer/identity.ts';
import { lanInterfaces, lanMode } from '../peer/lan/interfaces.ts';
import { aborted, runCommand, type ProgramIo } from '../electron/base/program.ts';
import { ByHand } from './by-hand.ts';
import { CameraPeer } from './camera-peer.ts';
import { CAMERA_USAGE, parseCameraFlags, type CameraOptions } from './flags.ts';
import { createInput, createSubInput, type CameraInput } from './input/input.ts';
import { Invites } from './invites.ts';
import { LanEndpoint } from './lan-endpoint.ts';
import { CameraNetwork } from './network.ts';
import { PairingStore } from './pairing-store.ts';
import { Publisher } from './publisher.ts';
import { KeptMarks } from './spool/kept-marks.ts';
import { CameraSpool } from './spool/spool.ts';
import { defaultStateFolder, StateFolder } from './state-folder.ts';
import { SubStream } from './sub-stream.ts';

const UNUSABLE: ReadonlySet<ErrorCode> = new Set([
  'source-not-found',
  'source-no-video',
  'codec-unsupported',
  'bad-request',
  'ffmpeg-missing',
]);
/** The longest wait for a rendezvous before the invite is shown. */
const INVITE_WITHIN_MS = 5_000;

/** Offers one camera until `io.stop`. @throws CodedError */
async function runCamera(options: CameraOptions, io: ProgramIo): Promise<void> {
  const clock = systemClock;
  const log = createLog('camera', { write: io.text });
  const folder = new StateFolder(options.state ?? defaultStateFolder(options.source));
  const identity = createIdentity(folder.seed());
  const pairing = new PairingStore(folder, clock);
  const input = createInput(options.source, { clock, log: log.child('input') });
  const { name, rendezvous, stun, turn, icePolicy } = options;
  const endpoint = options.lan ? await openEndpoint(identity, log.child('lan')) : null;
  const sub = options.subSource === null ? null : openSub(options.subSource, input, log);
  const spool = options.spool && openSpool(options.spool, { identity, folder, clock, log: log.child('spool') });
  const publisher = new Publisher({ input, sub, spool, name, clock, log });
  const lan = endpoint?.url ?? null;
  const network = new CameraNetwork({ clock, log: log.child('nat') });
  const around = { nat: () => network.nat, mapPort: (port: number) => network.mapPort(port) };
  const peer = new CameraPeer({ identity, name, rendezvous, lan, stun, turn, icePolicy, pairing, clock, log, ...around });
  const invites = new Invites({ identity, name, rendezvous, pairing, clock, io, people: process.stderr.isTTY });
  const byHand = new ByHand({ identity, peer, clock, io, people: process.stderr.isTTY });
  // A terminal is read when asked for only: a program in its background that reads it is stopped.
  if (options.byHand || !process.stdin.isTTY) byHand.start(process.stdin);
  peer.paired.on(() => invites.show());
  peer.viewer.on(({ session, fingerprint }) => {
    const { pair, rttMs } = session;
    io.event({
      event: 'session',
      peer: fingerprint,
      path: pair?.kind ?? 'host',
      rttMs: rttMs === null ? null : Math.round(rttMs * 10) / 10,
    });
    log.info('viewer', { app: fingerprint, path: pair?.kind, local: pair?.local, remote: pair?.remote });
    session.closed.on((reason) => {
      const counters = publisher.detach(session);
      io.event({ event: 'session-ended', peer: fingerprint, code: reason.code, dropped: counters?.dropped ?? 0 });
    });
    publisher.attach(session);
  });
  try {
    log.info('starting', { name, fingerprint: fingerprintOf(identity.publicKey), apps: pairing.apps.length });
    const unusable = untilUnusable(input);
    await spool?.start();
    input.start();
    peer.start();
    network.start(peer);
    // A script hands the invite over at once: by then the camera should be where it says. A person gets it all the same.
    await Promise.race([peer.reachable(INVITE_WITHIN_MS), aborted(io.stop), unusable]);
    invites.show();
    await Promise.race([aborted(io.stop), unusable]);
    log.info('stopping');
  } finally {
    byHand.close();
    invites.close();
    publisher.close();
    await sub?.close();
    await peer.close();
    await network.close();
    await endpoint?.close();
    await input.close();
    await spool?.close();
  }
}

/** In the folder that was asked for each camera has one of its own. */
function openSpool(
  { folder: root, limits }: NonNullable<CameraOptions['spool']>,
  { identity, folder, clock, log }: { identity: Identity; folder: StateFolder; clock: Clock; log: Log },
): CameraSpool {
  return new CameraSpool({
    root,
    camera: `spool-${identity.addressKey.address.slice(0, 12)}`,
    limits,
    marked: new KeptMarks(folder, log),
    clock,
    log,
    remux: ({ configs, onFragment, onFailed }) => {
      const remux = new RemuxProcess({ clock, log: log.child('remux'), onFragment, onFailure: onFailed });
      remux.start(configs);
      return remux;
    },
  });
}

/** @throws CodedError `bad-request` */
function openSub(source: string, main: CameraInput, log: Log): SubStream {
  const open = () => createSubInput(source, main, { clock: systemClock, log: log.child('sub') });
  // What cannot be a source is said now, and not when somebody's way becomes thin.
  open();
  return new SubStream({ open, clock: systemClock, log });
}

/** The camera on its own networks; null where that cannot be, which other ways to it need not. */
async function openEndpoint({ addressKey }: Identity, log: Log): Promise<LanEndpoint | null> {
  const mode = lanMode();
  const interfaces = () => lanInterfaces(mode);
  const endpoint = new LanEndpoint({ address: addressKey.address, interfaces, clock: systemClock, log });
  try {
    await endpoint.start();
    return endpoint;
  } catch (error) {
    log.warn('not to be found on this network', { why: String(error) });
    await endpoint.close();
    return null;
  }
}

/** Rejects when the source, opened for the first time, turns out to be none: waiting would not help. One that worked once is waited for. */
function untilUnusable(input: CameraInput): Promise<never> {
  return new Promise((_resolve, reject) => {
    const off = input.status.on(({ state, reason }) => {
      if (state === 'connecting') return;
      off();
      if (reason && UNUSABLE.has(reason.code)) reject(new CodedError(reason.code, reason.text));
    });
  });
}

/** `keyhole camera …`. @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  return runCommand('camera', CAMERA_USAGE, argv, async (io) => runCamera(parseCameraFlags(argv), io));
}
