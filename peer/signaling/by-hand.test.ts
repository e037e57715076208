import { createHash, randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { silentLog } from '../../electron/base/log.ts';
import { utcMs } from '../../electron/base/units.ts';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { createIdentity, freshAddressKey, type Identity } from '../identity.ts';
import { isSecretProof, newSecret } from '../pairing/invite.ts';
import { pairMessage } from '../pairing/pair.ts';
import { NoiseInitiator, NoiseResponder } from '../noise.ts';
import { HAND_MS, readAnswer, readOffer, writeOffer } from './by-hand.ts';
import { FRAME, frameHeader, introduce, prologue } from './frames.ts';
import { deflate, formatHandText, inflate, MAX_HAND_TEXT, parseHandText, type HandScheme } from './hand-text.ts';
import { RendezvousClient } from './rendezvous-client.ts';
import { SecureListener } from './secure-listener.ts';

const NOW = utcMs(Date.UTC(2026, 5, 1));
const candidates = Array.from(
  { length: 6 },
  (_, n) => `a=candidate:32b1715da3b0ef8ba684454e${n} 1 udp 21160263${n}7 192.168.${n}.2 4608${n} typ host generation 0 ufrag bd60\r\n`,
).join('');
const media = (kind: string) =>
  `m=${kind}\r\nc=IN IP4 0.0.0.0\r\n${candidates}a=end-of-candidates\r\na=ice-ufrag:bd60\r\na=ice-pwd:71e6b03012a1fe12269127\r\n` +
  `a=fingerprint:sha-256 ${createHash('sha256').update('certificate').digest('hex').toUpperCase().match(/../g)?.join(':')}\r\n`;
const sdp = `v=0\r\no=- 63814560 0 IN IP4 0.0.0.0\r\n${media('video 9 UDP/TLS/RTP/SAVPF 96')}${media('audio 9 UDP/TLS/RTP/SAVPF 111 0 8')}${media('application 9 UDP/DTLS/SCTP webrtc-datachannel')}`;
const offer = { type: 'offer', sdp, relay: true, reliableHandshake: true } as const;
const answered = { paired: null, reply: { type: 'answer', sdp: sdp.replace('bd60', 'cd25'), reliableHandshake: true } } as const;

let camera: Identity;
let app: Identity;
beforeEach(() => {
  camera = createIdentity(randomBytes(32));
  app = createIdentity(randomBytes(32));
});

const write = (more: Partial<Parameters<typeof writeOffer>[0]> = {}) =>
  writeOffer({ identity: app, camera: camera.publicKey, now: NOW, offer, pair: null, ...more });
const coded = (code: string, text: string) => expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as Error;
const refusesOffer = (text: string, why: string, now = NOW, identity = camera) =>
  expect(() => readOffer(text, identity, now)).toThrowError(coded('bad-request', why));

/** The text with its bytes changed, and its checksum right again. */
function forged(scheme: HandScheme, text: string, change: (bytes: Buffer) => Buffer): string {
  const bytes = Buffer.from(text.slice(scheme.length), 'base64url').subarray(0, -4);
  const body = change(Buffer.from(bytes));
  const sum = createHash('sha256').update(scheme).update(body).digest().subarray(0, 4);
  return scheme + Buffer.concat([body, sum]).toString('base64url');
}

describe('an offer and its answer by hand', () => {
  it('tell each end who the other is, what it says, and one hash that both have', () => {
    const { text, pending } = write();
    const received = readOffer(text, camera, NOW);
    expect(received.offer).toEqual(offer);
    expect(received.pair).toBeNull();
    expect(received.remotePublicKey.equals(app.publicKey)).toBe(true);
    const answer = readAnswer(received.writeAnswer(answered), pending, NOW);
    expect(answer).toMatchObject(answered);
    expect(answer.handshakeHash.equals(received.handshakeHash)).toBe(true);
    // Another answer to the same offer is another session.
    expect(readOffer(text, camera, NOW).handshakeHash.equals(received.handshakeHash)).toBe(false);
  });

  it('bring the proof of an invite along, which holds in this exchange alone', () => {
    const secret = newSecret();
    const { text } = write({ pair: (hash) => pairMessage(secret, hash, 'Laptop') });
    const { pair, pairHash } = readOffer(text, camera, NOW);
    expect(pair?.name).toBe('Laptop');
    const proof = Buffer.from(pair?.proof ?? '', 'base64url');
    expect(isSecretProof(secret, pairHash, proof)).toBe(true);
    expect(isSecretProof(secret, readOffer(write().text, camera, NOW).pairHash, proof)).toBe(false);
  });

  it('are short enough for a QR code and a terminal’s line', () => {
    const { text } = write({ pair: (hash) => pairMessage(newSecret(), hash, 'Laptop') });
    expect(text.length).toBeLessThan(1_000);
    expect(readOffer(text, camera, NOW).writeAnswer(answered).length).toBeLessThan(600);
  });

  it('may be broken into lines on the way', () => {
    const { text, pending } = write();
    const wrapped = (line: string) => `  ${line.match(/.{1,72}/g)?.join('\r\n  ')}\n`;
    const answer = readOffer(wrapped(text), camera, NOW).writeAnswer(answered);
    expect(readAnswer(wrapped(answer), pending, NOW)).toMatchObject(answered);
  });

  it('show nobody else what is in them, nor who made them', () => {
    const { text } = write();
    const bytes = Buffer.from(text.slice('keyhole-offer:'.length), 'base64url');
    for (const hidden of [app.publicKey, app.noisePublicKey, camera.publicKey, Buffer.from('192.168')])
      expect(bytes.includes(hidden)).toBe(false);
    refusesOffer(text, 'for another camera', NOW, createIdentity(randomBytes(32)));
  });

  it('are good for ten minutes, by either clock', () => {
    const { text, pending } = write();
    const answer = readOffer(text, camera, utcMs(NOW + HAND_MS)).writeAnswer(answered);
    refusesOffer(text, 'good for ten minutes', utcMs(NOW + HAND_MS + 1));
    refusesOffer(text, 'set the clocks', utcMs(NOW - HAND_MS - 1));
    expect(() => readAnswer(answer, pending, utcMs(NOW + HAND_MS))).toThrowError(coded('answer-wrong', 'ten minutes'));
    expect(readAnswer(answer, pending, utcMs(NOW + HAND_MS - 1))).toMatchObject(answered);
  });

  it('belong together: an answer to another offer, or by another, is none, and does no harm', () => {
    const [first, second] = [write(), write()];
    const answer = readOffer(first.text, camera, NOW).writeAnswer(answered);
    const other = readOffer(second.text, camera, NOW).writeAnswer(answered);
    const wrong = (text: string, why: string) =>
      expect(() => readAnswer(text, first.pending, NOW)).toThrowError(coded('answer-wrong', why));
    wrong(other, 'another offer');
    // The other answer under the right id: somebody in between tries.
    wrong(
      forged('keyhole-answer:', other, (bytes) => Buffer.concat([bytes.subarray(0, 1), first.pending.id, bytes.subarray(17)])),
      'not written by the camera',
    );
    wrong(first.text, 'no answer');
    wrong('', 'no answer');
    expect(readAnswer(answer, first.pending, NOW)).toMatchObject(answered);
  });

  it('by who has another key than they say are refused', () => {
    const thief = createIdentity(randomBytes(32));
    // The camera's address is known to the thief, its key is not his.
    refusesOffer(write({ identity: { ...thief, publicKey: app.publicKey } }).text, 'for another camera');
    const { text, pending } = write();
    const bytes = parseHandText('keyhole-offer:', text);
    if (!bytes) throw new Error('this is no text');
    const noise = new NoiseResponder({
      prologue: Buffer.concat([Buffer.from('keyhole by hand v1\0'), bytes.id]),
      staticKey: { privateKey: camera.noiseKey, publicKey: camera.noisePublicKey },
    });
    noise.readFirst(bytes.sealed);
    const { message } = noise.writeSecond((handshakeHash) =>
      introduce(thief, { kind: FRAME.second, role: 'responder', handshakeHash, counter: 0 }, Buffer.from('{}')),
    );
    expect(() => readAnswer(formatHandText('keyhole-answer:', { id: bytes.id, sealed: message }), pending, NOW)).toThrowError(
      coded('answer-wrong', 'not written by the camera'),
    );
  });

  it('are of no use at a rendezvous, nor what goes over a rendezvous here', () => {
    const clock = new SimulatedClock();
    const client = new RendezvousClient({ url: 'ws://rendezvous.test', addressKey: camera.addressKey, clock, log: silentLog });
    const listener = new SecureListener({ client, identity: camera, clock, log: silentLog, onChannel: () => {} });
    const bytes = parseHandText('keyhole-offer:', write().text);
    if (!bytes) throw new Error('this is no text');
    client.messages.emit({
      from: freshAddressKey().address,
      data: Buffer.concat([frameHeader(FRAME.first, bytes.id.toString('base64url')), bytes.sealed]),
    });
    expect([listener.refused, listener.halfOpen]).toEqual([1, 0]);
    const id = randomBytes(16);
    const noise = new NoiseInitiator(
      {
        prologue: prologue(id.toString('base64url'), 'a', camera.addressKey.address),
        staticKey: { privateKey: app.noiseKey, publicKey: app.noisePublicKey },
      },
      camera.noisePublicKey,
    );
    const first = noise.writeFirst((handshakeHash) =>
      introduce(app, { kind: FRAME.first, role: 'initiator', handshakeHash, counter: 0 }, Buffer.from('{}')),
    );
    refusesOffer(formatHandText('keyhole-offer:', { id, sealed: first }), 'for another camera');
  });
});

describe('a hostile text', () => {
  it('altered at any byte is refused, in either direction', () => {
    const { text, pending } = write();
    const answer = readOffer(text, camera, NOW).writeAnswer(answered);
    const length = (scheme: HandScheme, of: string) => Buffer.from(of.slice(scheme.length), 'base64url').length - 4;
    const flip = (at: number) => (bytes: Buffer) => {
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
    for (let at = 0; at < length('keyhole-offer:', text); at += 1)
      expect(() => readOffer(forged('keyhole-offer:', text, flip(at)), camera, NOW), `byte ${at}`).toThrowError(CodedError);
    for (let at = 0; at < length('keyhole-answer:', answer); at += 1)
      expect(() => readAnswer(forged('keyhole-answer:', answer, flip(at)), pending, NOW), `byte ${at}`).toThrowError(
        coded('answer-wrong', ''),
      );
    expect(readAnswer(answer, pending, NOW)).toMatchObject(answered);
  }, 60_000);

  it('cannot be blown up', () => {
    // Whoever has a key can seal what he likes.
    const most = 'a'.repeat(32 * 1024);
    expect(inflate(deflate(most, ''), '')).toBe(most);
    for (const bomb of [deflate(`${most}a`, ''), deflateRawSync(Buffer.alloc(100_000_000)), Buffer.alloc(50), randomBytes(200)])
      expect(inflate(bomb, '')).toBeNull();
    refusesOffer('keyhole-offer:' + 'A'.repeat(MAX_HAND_TEXT), 'no offer');
  });

  it.each(['{}', 'null', '[1]', '{"at":1,"offer":{"type":"pair"}}', '{"at":"x"}', `{"at":${NOW},"offer":{"type":"path"}}`, 'no JSON'])(
    'that says %s is not understood',
    (body) => {
      const id = randomBytes(16);
      const noise = new NoiseInitiator(
        {
          prologue: Buffer.concat([Buffer.from('keyhole by hand v1\0'), id]),
          staticKey: { privateKey: app.noiseKey, publicKey: app.noisePublicKey },
        },
        camera.noisePublicKey,
      );
      const sealed = noise.writeFirst((handshakeHash) =>
        introduce(app, { kind: FRAME.first, role: 'initiator', handshakeHash, counter: 0 }, deflateRawSync(body)),
      );
      refusesOffer(formatHandText('keyhole-offer:', { id, sealed }), 'does not understand');
    },
  );

  it('of any kind is refused, and nothing worse', () => {
    const random = seededRandom(7675);
    const { text, pending } = write();
    const answer = readOffer(text, camera, NOW).writeAnswer(answered);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ \n=:%é\0';
    let opened = 0;
    const tries = (run: () => unknown) => {
      try {
        run();
        opened += 1;
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
      }
    };
    for (let round = 0; round < 100_000; round += 1) {
      const sample = round % 2 === 0 ? text : answer;
      const at = Math.floor(random() * sample.length);
      const kind = Math.floor(random() * 4);
      const noise = Array.from({ length: Math.floor(random() * 40) }, () => letters[Math.floor(random() * letters.length)]).join('');
      const hostile =
        kind === 0
          ? sample.slice(0, at)
          : kind === 1
            ? sample.slice(0, at) + noise + sample.slice(at + 1 + noise.length)
            : kind === 2
              ? sample.slice(0, 15) + noise + sample.slice(at)
              : noise;
      tries(() => readOffer(hostile, camera, NOW));
      tries(() => readAnswer(hostile, pending, NOW));
    }
    // With the checksum right, so that it gets as far as the handshake.
    for (let round = 0; round < 4_000; round += 1) {
      const scheme = round % 2 === 0 ? 'keyhole-offer:' : 'keyhole-answer:';
      const hostile = forged(scheme, round % 2 === 0 ? text : answer, (bytes) => {
        const cut = random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
        for (let n = 0; n < 3 && cut.length > 0; n += 1) cut[Math.floor(random() * cut.length)] = Math.floor(random() * 256);
        return cut;
      });
      tries(() => (round % 2 === 0 ? readOffer(hostile, camera, NOW) : readAnswer(hostile, pending, NOW)));
    }
    // Now and then nothing was changed that counts.
    expect(opened).toBeLessThan(1_000);
    expect(readAnswer(answer, pending, NOW)).toMatchObject(answered);
  }, 120_000);
});
