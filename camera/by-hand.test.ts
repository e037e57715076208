import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import type { WrittenCameraMessage, ReadAppMessage } from '../peer/pairing/channel-messages.ts';
import { createIdentity, fingerprintOf, type Identity } from '../peer/identity.ts';
import { newSecret } from '../peer/pairing/invite.ts';
import { pairMessage } from '../peer/pairing/pair.ts';
import { HAND_MS, readAnswer, writeOffer } from '../peer/signaling/by-hand.ts';
import { ByHand } from './by-hand.ts';

const offer = { type: 'offer', sdp: 'v=0', relay: true, reliableHandshake: true } as const;
const answer = { type: 'answer', sdp: 'v=1', reliableHandshake: true } as const;

let clock: SimulatedClock;
let camera: Identity;
let app: Identity;
let input: PassThrough;
let events: Record<string, unknown>[];
let texts: string[];
let asked: { message: ReadAppMessage | null; iceMs: number | undefined }[];
let replies: Partial<Record<ReadAppMessage['type'], WrittenCameraMessage>>;
let byHand: ByHand;
beforeEach(() => {
  clock = new SimulatedClock();
  camera = createIdentity(randomBytes(32));
  app = createIdentity(randomBytes(32));
  input = new PassThrough();
  events = [];
  texts = [];
  asked = [];
  replies = { offer: answer, pair: { type: 'paired', name: 'Yard' } };
  byHand = new ByHand({
    identity: camera,
    clock,
    people: true,
    io: { event: (line) => events.push(line), text: (text) => texts.push(text) },
    peer: {
      reply: (_asker, message, iceMs) => {
        asked.push({ message, iceMs });
        return Promise.resolve((message && replies[message.type]) ?? answer);
      },
    },
  });
  byHand.start(input);
});

const write = (pair = false) =>
  writeOffer({
    identity: app,
    camera: camera.publicKey,
    now: clock.now(),
    offer,
    pair: pair ? (hash) => pairMessage(newSecret(), hash, 'Laptop') : null,
  });

/** All that was typed has been read and answered. */
async function typed(text: string): Promise<void> {
  input.write(text);
  await new Promise((resolve) => setImmediate(resolve));
  await byHand.idle();
}

describe('a camera that is typed into', () => {
  it('answers an offer by a text, which is an event for programs and shown to people', async () => {
    const { text, pending } = write();
    await typed(`${text}\n`);
    expect(events).toEqual([
      { event: 'answer', peer: fingerprintOf(app.publicKey), answer: expect.stringContaining('keyhole-answer:') as string },
    ]);
    expect(readAnswer(String(events[0]?.answer), pending, clock.now())).toMatchObject({ paired: null, reply: answer });
    expect(texts.join('')).toContain(String(events[0]?.answer));
    // Whoever carries it has time.
    expect(asked).toEqual([{ message: offer, iceMs: HAND_MS }]);
  });

  it('lets the app in first when it asks for that, and offers nothing to whom it refuses', async () => {
    const first = write(true);
    await typed(`${first.text}\n`);
    expect(readAnswer(String(events[0]?.answer), first.pending, clock.now())).toMatchObject({
      paired: { type: 'paired', name: 'Yard' },
      reply: answer,
    });
    replies.pair = { type: 'refused', code: 'invite-used', text: 'Used already.' };
    const second = write(true);
    await typed(`${second.text}\n`);
    expect(readAnswer(String(events[1]?.answer), second.pending, clock.now())).toMatchObject({
      paired: { code: 'invite-used' },
      reply: null,
    });
    expect(asked.map(({ message }) => message?.type)).toEqual(['pair', 'offer', 'pair']);
    expect(texts.at(-1)).toContain('Used already.');
  });

  it('answers an offer once', async () => {
    const { text } = write();
    await typed(`${text}\n${text}\n`);
    expect(events).toHaveLength(1);
    expect(texts.at(-1)).toContain('answered already');
    // Also when it has answered more than it remembers, it does not answer what is too old.
    clock.jump(2 * HAND_MS);
    await typed(`${text}\n`);
    expect(texts.at(-1)).toContain('make a new one');
    expect(asked).toHaveLength(1);
  });

  it('says what is wrong with what is typed, and does not mind the rest', async () => {
    await typed('ls -l\n\n');
    expect(texts).toEqual([]);
    await typed('keyhole-offer:AAAA\n');
    expect(texts.at(-1)).toContain('no offer of an app');
    await typed(`${writeOffer({ identity: app, camera: app.publicKey, now: clock.now(), offer, pair: null }).text}\n`);
    expect(texts.at(-1)).toContain('another camera');
    expect(asked).toEqual([]);
  });

  it('reads lines of a bounded length, in whatever pieces they come, and a bounded number at once', async () => {
    const { text } = write();
    for (const letter of 'x'.repeat(40)) input.write(letter.repeat(1_000));
    await typed(`\n${text.slice(0, 100)}`);
    expect(byHand.dropped).toBe(1);
    await typed(`${text.slice(100)}\r\n`);
    expect(events).toHaveLength(1);
    await typed('keyhole-offer:AAAA\n'.repeat(100));
    expect(byHand.dropped).toBe(1 + 92);
  });

  it('reads no more when it is closed; the last line may lack its end', async () => {
    const { text } = write();
    input.end(text);
    await new Promise((resolve) => input.on('end', resolve));
    await byHand.idle();
    expect(events).toHaveLength(1);
    byHand.close();
    byHand.start(input);
    expect(input.listenerCount('data')).toBe(0);
  });
});
