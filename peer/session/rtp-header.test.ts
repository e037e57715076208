import { RtpHeader, RtpPacket } from 'werift';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { readExtension, readRtpHeader, writeRtpHeader } from './rtp-header.ts';

const library = RtpHeader.deSerialize;

/** What anybody asks of a header, or that there is none. */
function outcome(parse: (packet: Buffer) => RtpHeader, packet: Buffer) {
  try {
    const { version, padding, paddingSize, extension, marker, payloadOffset, payloadType, ...rest } = parse(packet);
    const { sequenceNumber, timestamp, ssrc, csrcLength, csrc, extensionProfile, extensionLength } = rest;
    const fields = { version, padding, paddingSize, extension, marker, payloadOffset, payloadType, sequenceNumber, timestamp, ssrc };
    return { ...fields, csrcLength, csrc, extensionProfile, extensionLength, extensions: parse(packet).extensions };
  } catch {
    return 'thrown';
  }
}

describe('an RTP header', () => {
  it('reads as the library reads it, and throws where that throws: padding, sources, extensions, cut off', () => {
    const random = seededRandom(3);
    const seen = { plain: 0, extended: 0, thrown: 0 };
    for (let round = 0; round < 8_000; round += 1) {
      const packet = Buffer.from(Array.from({ length: Math.floor(random() * 64) }, () => Math.floor(random() * 256)));
      if (packet.length > 0 && round % 2 === 0) packet[0] = (packet[0] ?? 0) & 0xe0;
      if (packet.length > 20 && round % 4 === 0) {
        // Extensions that do not reach over their end, which the library reads on beyond.
        packet[0] = 0x90;
        packet.set([0xbe, 0xde, 0, 1, 0x50 | 1, 7, round & 255, 0], 12);
      }
      const expected = outcome(library, packet);
      const ours = outcome(readRtpHeader, packet);
      if (expected !== 'thrown' && ours !== 'thrown' && expected.extension && round % 4 !== 0) {
        // Ours stops where the extensions end.
        expect(ours.sequenceNumber).toBe(expected.sequenceNumber);
        continue;
      }
      expect(ours).toEqual(expected);
      if (expected === 'thrown') seen.thrown += 1;
      else if (expected.extension) seen.extended += 1;
      else if (expected.csrc.length === 0) seen.plain += 1;
    }
    expect(seen.plain).toBeGreaterThan(1_000);
    expect(seen.extended).toBeGreaterThan(500);
    expect(seen.thrown).toBeGreaterThan(100);
  });

  it('of any bytes is read or refused, and its extensions lie within it', () => {
    const random = seededRandom(8);
    const wrong: Buffer[] = [];
    let extended = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const packet = Buffer.allocUnsafe(Math.floor(random() * 48));
      for (let at = 0; at < packet.length; at += 1) packet[at] = Math.floor(random() * 256);
      if (packet.length > 16 && round % 2 === 0)
        packet.set([0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0, Math.floor(random() * 8)]);
      try {
        const header = readRtpHeader(packet);
        if (round % 2 === 1 || packet.length <= 16) continue;
        extended += 1;
        const within = header.extensions.every(
          ({ payload }) => payload.byteOffset + payload.length <= packet.byteOffset + header.payloadOffset,
        );
        if (!within || readExtension(header, 3, 2) === undefined) wrong.push(packet);
      } catch (error) {
        if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      }
    }
    expect(wrong).toEqual([]);
    expect(extended).toBeGreaterThan(10_000);
  }, 30_000);

  it('is written as the library writes it, with extensions', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 2_000; round += 1) {
      const whole = (limit: number) => Math.floor(random() * limit);
      const fields = {
        ssrc: whole(2 ** 32),
        sequenceNumber: whole(65_536),
        timestamp: whole(2 ** 32),
        marker: random() < 0.5,
        payloadType: whole(128),
      };
      const [number, composition] = [whole(65_536), whole(2 ** 24) - 2 ** 23];
      const extensions = [
        { id: 3, value: number, bytes: 2 as const },
        { id: 14, value: composition, bytes: 3 as const },
      ].slice(0, round % 3);
      const written = writeRtpHeader({ ...fields, extensions });
      const bytes = written.serialize(written.serializeSize);
      const theirs = new RtpHeader({
        ...fields,
        version: 2,
        extension: extensions.length > 0,
        extensions: extensions.map(({ id, value, bytes: size }) => {
          const payload = Buffer.alloc(size);
          payload.writeUIntBE(value < 0 ? value + 2 ** 24 : value, 0, size);
          return { id, payload };
        }),
      });
      expect(bytes).toEqual(theirs.serialize(theirs.serializeSize));
      expect([written.ssrc, written.sequenceNumber]).toEqual([fields.ssrc, fields.sequenceNumber]);
      const read = readRtpHeader(Buffer.concat([bytes, Buffer.from('payload')]));
      expect(readExtension(read, 3, 2)).toBe(extensions.length > 0 ? number : null);
      expect(readExtension(read, 3, 3)).toBeNull();
      const back = readExtension(read, 14, 3);
      if (extensions.length > 1) expect(((back ?? 0) << 8) >> 8).toBe(composition);
      else expect(back).toBeNull();
    }
  });

  it('that was read can be written again', () => {
    const first = writeRtpHeader({
      ssrc: 1,
      sequenceNumber: 2,
      timestamp: 3,
      marker: true,
      payloadType: 4,
      extensions: [{ id: 1, value: 5, bytes: 2 }],
    });
    const packet = Buffer.concat([first.serialize(first.serializeSize), Buffer.from('payload')]);
    const read = readRtpHeader(packet);
    expect(new RtpPacket(read, packet.subarray(read.payloadOffset)).serialize()).toEqual(packet);
  });
});
