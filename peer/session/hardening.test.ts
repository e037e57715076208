import { createCipheriv, createSecretKey, KeyObject, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ProtectionProfileAeadAes128Gcm, RtpHeader, RtpPacket, SrtcpSession, SrtpSession } from 'werift';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { nearestRollover, retransmitNow, sealedRecords, surviveSctp, tuneSrtp, unacknowledged, widenWindow } from './hardening.ts';

const record = (type: number, epoch: number, length = 4) => {
  const out = Buffer.alloc(13 + length, type);
  out.writeUInt16BE(0xfefd, 1);
  out.writeUInt16BE(epoch, 3);
  out.writeUInt16BE(length, 11);
  return out;
};

describe('after the DTLS handshake', () => {
  it('plain records are dropped: a ClientHello that would begin anew, an alert that would end all', () => {
    for (const type of [20, 21, 22, 23]) expect(sealedRecords(record(type, 0))).toHaveLength(0);
    expect(sealedRecords(record(21, 1))).toHaveLength(0);
    for (const type of [22, 23]) expect(sealedRecords(record(type, 1)).equals(record(type, 1))).toBe(true);
  });

  it('what is sealed in a datagram stays, what is plain beside it goes', () => {
    const mixed = Buffer.concat([record(22, 0), record(23, 1), record(21, 0), record(22, 1), Buffer.alloc(5)]);
    expect(sealedRecords(mixed).equals(Buffer.concat([record(23, 1), record(22, 1)]))).toBe(true);
  });

  it('noise is dropped', () => {
    const random = seededRandom(2);
    for (let round = 0; round < 10_000; round += 1) {
      const data = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
      expect(sealedRecords(data).length).toBeLessThanOrEqual(data.length);
    }
  });
});

const keys = () => {
  const [localMasterKey, localMasterSalt, remoteMasterKey, remoteMasterSalt] = [
    randomBytes(16),
    randomBytes(12),
    randomBytes(16),
    randomBytes(12),
  ];
  const sender = { keys: { localMasterKey, localMasterSalt, remoteMasterKey, remoteMasterSalt }, profile: ProtectionProfileAeadAes128Gcm };
  const receiver = {
    keys: {
      localMasterKey: remoteMasterKey,
      localMasterSalt: remoteMasterSalt,
      remoteMasterKey: localMasterKey,
      remoteMasterSalt: localMasterSalt,
    },
    profile: ProtectionProfileAeadAes128Gcm,
  };
  return { sender, receiver };
};

function srtpPair(tuned: boolean) {
  const { sender, receiver } = keys();
  const ends = [sender, receiver].map((config) => ({ srtp: new SrtpSession(config), srtcp: new SrtcpSession(config) }));
  if (tuned) for (const end of ends) tuneSrtp(end);
  const [from, to] = ends;
  if (!from || !to) throw new Error('no pair');
  const seal = (sequenceNumber: number) =>
    from.srtp.encrypt(
      Buffer.from(`payload ${sequenceNumber}`),
      new RtpHeader({ version: 2, sequenceNumber, timestamp: 1, ssrc: 9, payloadType: 96 }),
    );
  const open = (sealed: Buffer) => RtpPacket.deSerialize(to.srtp.decrypt(sealed)).payload.toString();
  return { from, to, seal, open };
}

describe('SRTP with keys as KeyObjects', () => {
  it('makes the same bytes and reads them', () => {
    const { from, seal, open } = srtpPair(true);
    expect(open(seal(1))).toBe('payload 1');
    expect(Reflect.get(from.srtp.localContext.cipher, 'srtpSessionKey')).toBeInstanceOf(KeyObject);
    const key = randomBytes(16);
    const nonce = Buffer.alloc(12);
    expect(
      createCipheriv('aes-128-gcm', key, nonce)
        .update('x')
        .equals(createCipheriv('aes-128-gcm', createSecretKey(key), nonce).update('x')),
    ).toBe(true);
  });

  it('goes on over a hole of thousands of packets across the wrap of the sequence numbers', () => {
    const lossy = (tuned: boolean) => {
      const { seal, open } = srtpPair(tuned);
      const sealed = Array.from({ length: 9000 }, (_, index) => seal((62_000 + index) & 0xffff));
      for (const packet of sealed.slice(0, 100)) open(packet);
      return () => sealed.slice(6000).map(open).at(-1);
    };
    expect(lossy(true)()).toBe(`payload ${(62_000 + 8999) & 0xffff}`);
    // Should this one day not throw any more, the library does it right itself.
    expect(lossy(false)).toThrow();
  });

  it('takes packets out of order around the wrap, and refuses altered ones', () => {
    const { seal, open } = srtpPair(true);
    const sealed = Array.from({ length: 200 }, (_, index) => seal((65_436 + index) & 0xffff));
    const shuffled = [...sealed.slice(0, 90), ...sealed.slice(90, 110).reverse(), ...sealed.slice(110)];
    for (const packet of shuffled) expect(open(packet)).toMatch(/^payload/);
    const altered = Buffer.from(seal(200));
    altered[20] = (altered[20] ?? 0) ^ 1;
    expect(() => open(altered)).toThrow();
  });
});

describe('SCTP that the library cannot take', () => {
  it('ends nothing: it is dropped, and the next packet is taken', async () => {
    const taken: string[] = [];
    const sctp = {
      async handleData(data: Buffer): Promise<void> {
        await Promise.resolve();
        if (data.length < 4) throw new Error('no SCTP');
        taken.push(data.toString());
      },
    };
    surviveSctp(sctp);
    await expect(Promise.all([sctp.handleData(Buffer.from('no')), sctp.handleData(Buffer.from('good'))])).resolves.toBeDefined();
    expect(taken).toEqual(['good']);
    expect(() => surviveSctp({})).toThrow(/has changed/);
  });
});

describe('what SCTP has not got across', () => {
  it('goes out at once when it is told to, and not twice', () => {
    let expired = 0;
    const sctp = {
      timer3Handle: undefined as NodeJS.Timeout | undefined,
      timer3Expired: () => {
        sctp.timer3Handle = undefined;
        expired += 1;
      },
    };
    retransmitNow(sctp);
    expect(expired).toBe(0);
    sctp.timer3Handle = setTimeout(() => (expired = 1_000), 0);
    retransmitNow(sctp);
    retransmitNow(sctp);
    expect(expired).toBe(1);
    expect(() => retransmitNow({})).toThrow(/has changed/);
  });
});

describe('the window of the data channels', () => {
  it('is kept open, and never made smaller', () => {
    const sctp = { cwnd: 1_163 };
    widenWindow(sctp);
    expect(sctp.cwnd).toBe(256 * 1024);
    sctp.cwnd = 1e6;
    widenWindow(sctp);
    expect(sctp.cwnd).toBe(1e6);
    expect(() => widenWindow({})).toThrow(/has changed/);
  });

  it('tells what is under way, and when nothing more can leave', () => {
    expect(unacknowledged({ flightSize: 4_000, outboundQueue: [] })).toBe(4_000);
    expect(unacknowledged({ flightSize: 4_000, outboundQueue: [{}] })).toBe(Infinity);
    expect(() => unacknowledged({})).toThrow(/has changed/);
  });
});

describe('the rollover counter', () => {
  it('follows RFC 3711 §3.3.1', () => {
    const state = { rolloverCounter: 0, lastSequenceNumber: 0 };
    const steps = [
      [65_000, 0],
      [10, 1],
      [65_530, 0],
      [20_000, 1],
      [50_000, 1],
      [9_000, 2],
      [60_000, 1],
    ] as const;
    for (const [sequenceNumber, expected] of steps) {
      nearestRollover(sequenceNumber, state);
      expect([sequenceNumber, state.rolloverCounter]).toEqual([sequenceNumber, expected]);
    }
  });

  it('never goes below the beginning', () => {
    const state = { rolloverCounter: 0, lastSequenceNumber: 0 };
    nearestRollover(5, state);
    nearestRollover(65_530, state);
    expect(state.rolloverCounter).toBe(0);
  });
});
