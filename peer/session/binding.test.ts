import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { createIdentity } from '../identity.ts';
import { SessionBinding, type DtlsFacts } from './binding.ts';
import { ControlChannel } from './control-channel.ts';
import { cameraControl, MAX_CONTROL_BYTES, viewerControl, type CameraControl, type ViewerControl } from './control-messages.ts';

const viewerCertificate = randomBytes(32);
const cameraCertificate = randomBytes(32);
const handshakeHash = randomBytes(32);

function facts(secret: Uint8Array, local: Buffer, remote: Buffer): DtlsFacts {
  return {
    extendedMasterSecret: true,
    localFingerprint: local,
    remoteFingerprint: remote,
    exportKeyingMaterial: (label, length) => createHash('sha256').update(secret).update(label).digest().subarray(0, length),
  };
}

const secret = randomBytes(48);
const viewer = new SessionBinding('viewer', facts(secret, viewerCertificate, cameraCertificate), handshakeHash);
const camera = new SessionBinding('camera', facts(secret, cameraCertificate, viewerCertificate), handshakeHash);
const [appIdentity, cameraIdentity] = [createIdentity(randomBytes(32)), createIdentity(randomBytes(32))];

describe('the binding of a session', () => {
  it('is proven by both ends to each other', () => {
    expect(camera.isProof(appIdentity.publicKey, viewer.prove(appIdentity))).toBe(true);
    expect(viewer.isProof(cameraIdentity.publicKey, camera.prove(cameraIdentity))).toBe(true);
  });

  it('does not take an end’s own proof back', () => {
    expect(viewer.isProof(appIdentity.publicKey, viewer.prove(appIdentity))).toBe(false);
  });

  it('holds for one key, one DTLS session, one pair of certificates, one channel', () => {
    const proof = camera.prove(cameraIdentity);
    const sees = (of: DtlsFacts, hash = handshakeHash) => new SessionBinding('viewer', of, hash).isProof(cameraIdentity.publicKey, proof);
    expect(sees(facts(secret, viewerCertificate, cameraCertificate))).toBe(true);
    expect(viewer.isProof(appIdentity.publicKey, proof)).toBe(false);
    expect(sees(facts(randomBytes(48), viewerCertificate, cameraCertificate))).toBe(false);
    expect(sees(facts(secret, randomBytes(32), cameraCertificate))).toBe(false);
    expect(sees(facts(secret, viewerCertificate, randomBytes(32)))).toBe(false);
    expect(sees(facts(secret, cameraCertificate, viewerCertificate))).toBe(false);
    expect(sees(facts(secret, viewerCertificate, cameraCertificate), randomBytes(32))).toBe(false);
    for (const nonsense of [Buffer.alloc(0), Buffer.alloc(64), randomBytes(64), randomBytes(1000)])
      expect(viewer.isProof(cameraIdentity.publicKey, nonsense)).toBe(false);
  });
});

describe('the control channel', () => {
  function ends() {
    const wire: Buffer[] = [];
    const fromCamera = new ControlChannel<ViewerControl, CameraControl>(viewerControl, camera, (bytes) => wire.push(bytes));
    const toViewer = new ControlChannel<CameraControl, ViewerControl>(cameraControl, viewer, () => {});
    return { wire, fromCamera, toViewer };
  }
  const hello = { type: 'hello', version: 1, name: 'Yard', path: 'host' } as const;

  it('carries messages', () => {
    const { wire, fromCamera, toViewer } = ends();
    fromCamera.send(hello);
    fromCamera.send({ type: 'clock', ssrc: 1, rtp: 2, pts: 3, utc: 4.5 });
    expect(wire.map((bytes) => toViewer.open(bytes))).toEqual([hello, { type: 'clock', ssrc: 1, rtp: 2, pts: 3, utc: 4.5 }]);
  });

  it('takes a message once, in order, unaltered, and only the other end’s', () => {
    const { wire, fromCamera, toViewer } = ends();
    fromCamera.send(hello);
    fromCamera.send(hello);
    const [first, second] = wire;
    if (!first || !second) throw new Error('nothing was sent');
    for (let at = 0; at < first.length; at += 1) {
      const altered = Buffer.from(first);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(toViewer.open(altered)).toBeNull();
    }
    expect(toViewer.open(second)).toEqual(hello);
    expect(toViewer.open(second)).toBeNull();
    expect(toViewer.open(first)).toBeNull();
    expect(fromCamera.open(second)).toBeNull();
    expect(toViewer.rejected).toBe(first.length + 2);
  });

  it('lets no sealed nonsense through: sizes, types and unknown messages are checked', () => {
    const { wire, fromCamera, toViewer } = ends();
    const send = (message: object) => {
      fromCamera.send(message as CameraControl);
      return toViewer.open(wire.pop() ?? Buffer.alloc(0));
    };
    for (const message of [
      {},
      { type: 'ready', version: 1, path: 'host' },
      { type: 'hello', version: 2, name: '', path: 'host' },
      { type: 'clock', ssrc: -1, rtp: 0, pts: 0, utc: 0 },
      { type: 'clock', ssrc: 1, rtp: 2 ** 32, pts: 0, utc: 0 },
      { type: 'clock', ssrc: 1, rtp: 0, pts: null, utc: 0 },
      { type: 'streams', streams: Array(9).fill({}) },
      { type: 'streams', streams: [{ ssrc: 1, kind: 'video', codec: 'exe' }] },
      { type: 'status', state: 'on fire', reason: null },
      { type: 'bye', code: 'x'.repeat(99), text: '' },
    ]) {
      expect(send(message), JSON.stringify(message)).toBeNull();
    }
    expect(send({ type: 'status', state: 'offline', reason: { code: 'no such code', text: 'x' } })).toMatchObject({
      reason: { code: 'protocol-error' },
    });
    expect(() => fromCamera.send({ ...hello, name: 'x'.repeat(MAX_CONTROL_BYTES) })).toThrow(RangeError);
    const random = seededRandom(4);
    for (let round = 0; round < 10_000; round += 1) {
      expect(toViewer.open(Buffer.from(Array.from({ length: Math.floor(random() * 80) }, () => Math.floor(random() * 256))))).toBeNull();
    }
  });
});
