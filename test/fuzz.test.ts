import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../electron/base/errors.ts';
import { utcMs } from '../electron/base/units.ts';
import { createIdentity } from '../peer/identity.ts';
import { appMessage, cameraMessage } from '../peer/pairing/channel-messages.ts';
import { formatInvite, parseInvite } from '../peer/pairing/invite.ts';
import { parseCandidate } from '../peer/path/candidate.ts';
import { cameraControl, viewerControl } from '../peer/session/control-messages.ts';
import { isHandshakeFrame } from '../peer/path/handshake-link.ts';
import { FRAME, frameHeader, parseFrame } from '../peer/signaling/frames.ts';
import { clientMessage, parseJson, serverMessage } from '../peer/signaling/rendezvous-messages.ts';
import { resolveIceUrl } from '../peer/signaling/ice-servers.ts';
import { parseStun, readXorMappedAddress, STUN_CLASS, writeStun, xorMappedAddress, ATTRIBUTE } from '../peer/stun/message.ts';
import { seededRandom } from './fakes/seeded-random.ts';

/** Every parser that takes bytes of the network and has no such test of its own beside it: 100,000 inputs, altered from good ones or wholly random. */

const INPUTS = 100_000;
const identity = createIdentity(Buffer.alloc(32, 7));
const transactionId = Buffer.alloc(12, 3);
const mapped = xorMappedAddress('203.0.113.7', 4242, transactionId) ?? Buffer.alloc(0);
const stun = writeStun({ class: STUN_CLASS.success, method: 1, transactionId }, [
  { type: ATTRIBUTE.xorMappedAddress, value: mapped },
  { type: ATTRIBUTE.software, value: Buffer.from('somebody') },
]);
const invite = formatInvite({
  publicKey: identity.publicKey,
  address: identity.addressKey.address,
  rendezvous: ['ws://rendezvous.example:8485'],
  secret: randomBytes(16),
  expires: utcMs(1_900_000_000_000),
  name: 'Yard',
});
const ice = { ufrag: 'abcd', pwd: 'abcdefghijklmnopqrstuv', candidates: ['1 1 udp 1 203.0.113.7 5000 typ host'] };
const json = (message: object) => Buffer.from(JSON.stringify(message));
const text = (read: (input: string) => unknown) => (bytes: Buffer) => read(bytes.toString('utf8'));

interface Parser {
  readonly samples: readonly Buffer[];
  /** Null for what is refused. */
  readonly read: (bytes: Buffer) => unknown;
}

const PARSERS: Readonly<Record<string, Parser>> = {
  'STUN messages': { samples: [stun], read: parseStun },
  'XOR-MAPPED-ADDRESS': { samples: [mapped], read: (bytes) => readXorMappedAddress(bytes, transactionId) },
  'invites': {
    samples: [Buffer.from(invite)],
    read: text((input) => {
      try {
        return parseInvite(input);
      } catch (error) {
        if (error instanceof CodedError && error.code === 'invite-malformed') return null;
        throw error;
      }
    }),
  },
  'frames of a secure channel': {
    samples: [
      Buffer.concat([frameHeader(FRAME.first, randomBytes(16).toString('base64url')), randomBytes(180)]),
      Buffer.concat([frameHeader(FRAME.transport, randomBytes(16).toString('base64url'), 7), randomBytes(120)]),
    ],
    read: parseFrame,
  },
  'messages of a rendezvous': {
    samples: [
      json({ type: 'challenge', version: 1, nonce: randomBytes(32).toString('base64url'), stunPort: 3478 }),
      json({ type: 'message', from: identity.addressKey.address, data: 'AAAA' }),
      json({ type: 'unreachable', to: identity.addressKey.address }),
    ],
    read: text((input) => parseJson<unknown>(serverMessage, input)),
  },
  'messages to a rendezvous': {
    samples: [
      json({ type: 'register', key: randomBytes(32).toString('base64url'), signature: randomBytes(64).toString('base64url') }),
      json({ type: 'send', to: identity.addressKey.address, data: 'AAAA' }),
    ],
    read: text((input) => parseJson<unknown>(clientMessage, input)),
  },
  'what an app says to a camera': {
    samples: [
      json({ type: 'pair', invite: 'A'.repeat(11), proof: 'A'.repeat(43), name: 'app' }),
      json({ type: 'offer', sdp: 'v=0' }),
      json({ type: 'path', session: 'A'.repeat(22), offer: { id: 1, relay: true, ice, punch: null } }),
    ],
    read: text((input) => parseJson<unknown>(appMessage, input)),
  },
  'what a camera answers': {
    samples: [
      json({ type: 'paired', name: 'Yard' }),
      json({ type: 'answer', sdp: 'v=0' }),
      json({ type: 'path', answer: { id: 1, ice, punch: null } }),
    ],
    read: text((input) => parseJson<unknown>(cameraMessage, input)),
  },
  'control messages of a camera': {
    samples: [
      json({ type: 'clock', ssrc: 1, rtp: 2, pts: 3, utc: 4 }),
      json({ type: 'status', state: 'live', reason: null }),
      json({ type: 'path-answer', answer: { id: 1, ice, punch: null } }),
    ],
    read: text((input) => parseJson<unknown>(cameraControl, input)),
  },
  'control messages of a viewer': {
    samples: [
      json({ type: 'ready', version: 1, path: 'host' }),
      json({ type: 'path-offer', offer: { id: 1, relay: true, ice, punch: null } }),
    ],
    read: text((input) => parseJson<unknown>(viewerControl, input)),
  },
  'candidates': {
    samples: [Buffer.from('candidate:1 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154')],
    read: text(parseCandidate),
  },
  'URLs of STUN and TURN servers': {
    samples: ['turn::3478?transport=udp', 'turns:[2001:db8::1]:443?transport=tcp', 'stun:example.org'].map((url) => Buffer.from(url)),
    read: text((input) => resolveIceUrl(input, 'wss://rendezvous.example')),
  },
  'frames of the handshake link': { samples: [Buffer.from([0xc8, 0, 0, 1, 2, 3])], read: (bytes) => isHandshakeFrame(bytes) || null },
};

/** A good input with some bytes changed, cut or doubled; now and then nothing but noise. */
function altered(samples: readonly Buffer[], random: () => number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  if (random() < 0.1) return Buffer.from(Array.from({ length: below(80) }, () => below(256)));
  const bytes = Buffer.from(samples[below(samples.length)] ?? Buffer.alloc(0));
  for (let change = below(4); change >= 0; change -= 1) if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
  const lot = random();
  if (lot < 0.15) return bytes.subarray(0, below(bytes.length + 1));
  return lot < 0.25 ? Buffer.concat([bytes, bytes.subarray(below(bytes.length + 1))]) : bytes;
}

describe.each(Object.entries(PARSERS))('%s', (name, { samples, read }) => {
  it('are read when they are good', () => {
    for (const sample of samples) expect(read(sample), name).not.toBeNull();
  });

  it('may be anything: 100,000 inputs are read or refused, and nothing worse', () => {
    const random = seededRandom(1);
    let refused = 0;
    for (let input = 0; input < INPUTS; input += 1) if (read(altered(samples, random)) === null) refused += 1;
    expect(refused).toBeGreaterThan(0);
  }, 60_000);
});
