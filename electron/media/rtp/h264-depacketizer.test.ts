import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../base/clock.ts';
import { h264Config } from '../h264/avcc.ts';
import { joinAvcc, splitAvcc } from '../h264/nal.ts';
import { seededRandom } from '../../../test/fakes/seeded-random.ts';
import { H264Depacketizer, type H264Frame, type RtpPacket } from './h264-depacketizer.ts';
import { packetizeH264 } from './h264-packetizer.ts';

/** 640x360 and 1280x720 as libx264 writes them. */
const SPS = Buffer.from('6742c016da0280bfe5c0440000030004000003007a3c58ba80', 'hex');
const SPS_720 = Buffer.from('6742c01fda014016ec04400000030040000007a3c60ca8', 'hex');
const PPS = Buffer.from('68ce0fc8', 'hex');
const CONFIG = h264Config([SPS], [PPS])!;

interface Sent {
  readonly data: Uint8Array;
  readonly packets: RtpPacket[];
}

/** A stream of `count` frames, a keyframe each 10, some of one small slice, some of several big ones. */
function stream(count: number, options: { seed?: number; sequence?: number; timestamp?: number; config?: typeof CONFIG } = {}): Sent[] {
  const random = seededRandom(options.seed ?? 1);
  let sequence = options.sequence ?? 100;
  return Array.from({ length: count }, (_, index) => {
    const key = index % 10 === 0;
    const slices = random() < 0.3 ? 2 : 1;
    const nals = Array.from({ length: slices }, (_, slice) => {
      const nal = new Uint8Array(2 + Math.floor(random() * (key ? 9000 : 2500))).map(() => Math.floor(random() * 256));
      nal[0] = key ? 0x65 : 0x41;
      nal[1] = slice === 0 ? 0x80 : 0x40;
      return nal;
    });
    const data = joinAvcc(nals);
    const payloads = packetizeH264(data, options.config ?? CONFIG);
    const timestamp = ((options.timestamp ?? 1000) + index * 3600) % 2 ** 32;
    const packets = payloads.map((payload, part) => ({
      sequenceNumber: sequence++ % 65536,
      timestamp,
      marker: part === payloads.length - 1,
      payload,
    }));
    return { data, packets };
  });
}

const depacketizer = (clock = new SimulatedClock(), onDamaged = () => {}) => new H264Depacketizer({ clock, onDamaged, waitMs: () => 100 });
const feed = (into: H264Depacketizer, packets: readonly RtpPacket[]): H264Frame[] => packets.flatMap((packet) => into.push(packet));
/** Lets time pass, looking each 20 ms for what it has set free. */
async function wait(clock: SimulatedClock, into: H264Depacketizer, ms: number): Promise<H264Frame[]> {
  const out: H264Frame[] = [];
  for (let passed = 0; passed < ms; passed += 20) {
    await clock.advance(Math.min(20, ms - passed));
    out.push(...into.poll());
  }
  return out;
}
const bytes = (frames: readonly { data: Uint8Array }[]) => frames.map(({ data }) => Buffer.from(data).toString('hex'));

describe('packetizing', () => {
  it('keeps every payload within the MTU and begins keyframes with the parameter sets', () => {
    for (const { packets } of stream(40)) for (const { payload } of packets) expect(payload.length).toBeLessThanOrEqual(1200);
    const [first] = stream(1);
    expect(first!.packets[0]!.payload[0]! & 31).toBe(24);
    expect(Buffer.from(first!.packets[0]!.payload).includes(SPS)).toBe(true);
  });

  it('packs small neighbours into one STAP-A and leaves a lone one as it is', () => {
    const small = [Uint8Array.of(0x41, 0x9a, 1), Uint8Array.of(0x41, 0x40, 2)];
    expect(packetizeH264(joinAvcc(small), CONFIG)).toHaveLength(1);
    expect(packetizeH264(joinAvcc(small.slice(0, 1)), CONFIG)).toEqual(small.slice(0, 1));
    expect(packetizeH264(Uint8Array.of(0, 0, 0, 9, 1), CONFIG)).toEqual([]);
  });

  it('holds at the edges of the MTU', () => {
    for (let size = 1190; size < 1210; size += 1) {
      const data = joinAvcc([Uint8Array.of(0x41, 0x80), new Uint8Array(size).fill(0x41), Uint8Array.of(0x41, 0x40)]);
      const payloads = packetizeH264(data, CONFIG, 1200);
      for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(1200);
      const [key] = stream(1, { sequence: 10 });
      const into = depacketizer();
      feed(into, key!.packets);
      const sequence = 10 + key!.packets.length;
      const out = feed(
        into,
        payloads.map((payload, index) => ({
          sequenceNumber: sequence + index,
          timestamp: 9000,
          marker: index === payloads.length - 1,
          payload,
        })),
      );
      expect(bytes(out)).toEqual(bytes([{ data }]));
    }
  });
});

describe('depacketizing', () => {
  it('gives back what was packetized, over the wraps of both numbers', () => {
    const sent = stream(200, { sequence: 65400, timestamp: 2 ** 32 - 40 * 3600 });
    const out = feed(
      depacketizer(),
      sent.flatMap(({ packets }) => packets),
    );
    expect(bytes(out)).toEqual(bytes(sent));
    expect(out.map(({ key }) => key)).toEqual(sent.map((_, index) => index % 10 === 0));
    expect(new Set(out.map(({ config }) => config)).size).toBe(1);
    expect(out[0]!.config).toEqual(CONFIG);
    out.forEach(({ pts }, index) => expect(pts).toBe(2 ** 32 - 40 * 3600 + index * 3600));
  });

  it('puts late, doubled and reordered packets in order', () => {
    const random = seededRandom(7);
    const sent = stream(200, { sequence: 65000 });
    const packets = sent.flatMap(({ packets }) => packets);
    const shuffled = packets
      .flatMap((packet, index) =>
        random() < 0.2
          ? [
              { packet, at: index },
              { packet, at: index + 9 },
            ]
          : [{ packet, at: index + (random() < 0.2 ? 12 : 0) }],
      )
      .sort((a, b) => a.at - b.at)
      .map(({ packet }) => packet);
    // The first packet begins the sequence, so it must be first.
    const into = depacketizer();
    const out = feed(into, [packets[0]!, ...shuffled]);
    expect(bytes(out)).toEqual(bytes(sent));
    expect(into.counters).toMatchObject({ lost: 0, damaged: 0 });
    expect(into.counters.late + into.counters.duplicate).toBeGreaterThan(10);
  });

  it('drops a frame that lost a part, and only that, and asks for a keyframe', async () => {
    const clock = new SimulatedClock();
    let asked = 0;
    const into = depacketizer(clock, () => (asked += 1));
    const sent = stream(30);
    const hurt = sent.findIndex(({ packets }, index) => index > 12 && packets.length >= 3);
    const out: H264Frame[] = [];
    for (const [index, { packets }] of sent.entries()) {
      out.push(...feed(into, index === hurt ? packets.toSpliced(1, 1) : packets));
      await clock.advance(40);
    }
    expect(bytes(out)).toEqual(bytes(sent.toSpliced(hurt, 1)));
    expect(out.map(({ damagedBefore }) => damagedBefore)).toEqual(out.map((_, index) => index === hurt));
    expect(asked).toBe(1);
    expect(into.counters).toMatchObject({ lost: 1, damaged: 1, frames: 29 });
  });

  it('notices whole lost frames, the one before them being whole', async () => {
    const clock = new SimulatedClock();
    const into = depacketizer(clock);
    const sent = stream(20);
    const out = feed(
      into,
      sent.toSpliced(5, 2).flatMap(({ packets }) => packets),
    );
    out.push(...(await wait(clock, into, 101)));
    expect(bytes(out)).toEqual(bytes(sent.toSpliced(5, 2)));
    expect(out.findIndex(({ damagedBefore }) => damagedBefore)).toBe(5);
  });

  it('waits for a retransmission no longer than it was told', async () => {
    const clock = new SimulatedClock();
    const [one, two, three] = stream(3) as [Sent, Sent, Sent];
    const missing = two.packets[0]!;
    const early = depacketizer(clock);
    feed(early, one.packets);
    expect(feed(early, [...two.packets.slice(1), ...three.packets])).toEqual([]);
    expect(await wait(clock, early, 99)).toEqual([]);
    expect(Math.round(early.delayMs)).toBe(99);
    expect(bytes(early.push(missing))).toEqual(bytes([two, three]));

    const late = depacketizer(clock);
    feed(late, one.packets);
    feed(late, [...two.packets.slice(1), ...three.packets]);
    expect(bytes(await wait(clock, late, 101))).toEqual(bytes([three]));
    expect(late.push(missing)).toEqual([]);
    expect(late.counters).toMatchObject({ late: 1, damaged: 1 });
  });

  it('gives nothing up because the program was busy: what came meanwhile is read first', async () => {
    const clock = new SimulatedClock();
    const [one, two, three] = stream(3) as [Sent, Sent, Sent];
    const into = depacketizer(clock);
    feed(into, one.packets);
    feed(into, [...two.packets.slice(1), ...three.packets]);
    await clock.advance(5_000);
    expect(into.poll()).toEqual([]);
    expect(bytes(into.push(two.packets[0]!))).toEqual(bytes([two, three]));
  });

  it('misses the first packet of a stream, where it is told which that is', async () => {
    const clock = new SimulatedClock();
    const [one, two] = stream(2, { sequence: 65_535 }) as [Sent, Sent];
    const begun = () => new H264Depacketizer({ clock, waitMs: () => 100, first: 65_535 });
    const repaired = begun();
    expect(feed(repaired, [...one.packets.slice(1), ...two.packets])).toEqual([]);
    expect(bytes(repaired.push(one.packets[0]!))).toEqual(bytes([one, two]));
    const last = two.packets.at(-1)!.sequenceNumber;
    expect(repaired.isThrough(last)).toBe(true);
    expect(repaired.isThrough((last + 1) & 0xffff)).toBe(false);
    const given = begun();
    feed(given, [...one.packets.slice(1), ...two.packets]);
    expect(given.isThrough(65_535)).toBe(false);
    expect(await wait(clock, given, 120)).toEqual([]);
    expect(given.counters).toMatchObject({ damaged: 1, unconfigured: 1 });
    expect(given.isThrough(last)).toBe(true);
  });

  it('delays nothing while all is well, and shows for a while by how much it did', async () => {
    const clock = new SimulatedClock();
    const into = depacketizer(clock);
    const sent = stream(100);
    for (const { packets } of sent.slice(0, 20)) {
      expect(feed(into, packets)).toHaveLength(1);
      await clock.advance(40);
    }
    expect(into.delayMs).toBe(0);
    const [missing, ...others] = sent[20]!.packets;
    feed(into, others);
    await wait(clock, into, 60);
    feed(into, [missing!]);
    for (const { packets } of sent.slice(21, 40)) {
      feed(into, packets);
      await clock.advance(40);
    }
    expect(Math.round(into.delayMs)).toBe(60);
    await clock.advance(10_000);
    for (const { packets } of sent.slice(40)) {
      feed(into, packets);
      await wait(clock, into, 100);
    }
    expect(into.delayMs).toBe(0);
  });

  it('gives a hole up when too many packets wait behind it', () => {
    const into = new H264Depacketizer({ clock: new SimulatedClock(), maxWaitPackets: 8 });
    const packets = stream(30).flatMap(({ packets }) => packets);
    const hole = packets.findIndex(({ marker }, index) => marker && index > 5) + 1;
    expect(feed(into, packets.toSpliced(hole, 1)).length).toBeGreaterThan(25);
    expect(into.counters.lost).toBe(1);
  });

  it('changes the config object with the parameter sets, and only then', () => {
    const other = h264Config([SPS_720], [PPS])!;
    const first = stream(20);
    const next = first.at(-1)!.packets.at(-1)!;
    const second = stream(20, { config: other, sequence: next.sequenceNumber + 1, timestamp: next.timestamp + 3600 });
    const out = feed(
      depacketizer(),
      [...first, ...second].flatMap(({ packets }) => packets),
    );
    expect(out.map(({ config }) => config.width)).toEqual([...Array<number>(20).fill(640), ...Array<number>(20).fill(other.width)]);
    expect(new Set(out.map(({ config }) => config)).size).toBe(2);
  });

  it('goes on when the sender starts anew at another number', () => {
    const packets = [...stream(10, { sequence: 30000 }), ...stream(10, { sequence: 100, timestamp: 77 })].flatMap(({ packets }) => packets);
    const into = depacketizer();
    expect(feed(into, packets)).toHaveLength(20);
    expect(into.counters.restarts).toBe(1);
  });

  it('puts out nothing before the first keyframe', () => {
    const sent = stream(20).slice(5);
    const out = feed(
      depacketizer(),
      sent.flatMap(({ packets }) => packets),
    );
    expect(bytes(out)).toEqual(bytes(sent.slice(5)));
    expect(out[0]!.key).toBe(true);
  });

  it('survives loss, reordering, duplication and damage of any kind, and every frame it gives is one that was sent', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seededRandom(seed);
      const clock = new SimulatedClock();
      const into = depacketizer(clock);
      const sent = stream(60, { seed, sequence: Math.floor(random() * 65536) });
      const known = new Set(bytes(sent));
      const loss = random() * 0.1;
      const packets = sent
        .flatMap(({ packets }) => packets)
        .filter(() => random() >= loss)
        .map((packet, index) => ({ packet, at: index + (random() < 0.1 ? random() * 30 : 0) }))
        .sort((a, b) => a.at - b.at);
      const out: H264Frame[] = [];
      for (const { packet } of packets) {
        out.push(...into.push(packet));
        await clock.advance(2);
      }
      for (const data of bytes(out)) expect(known.has(data)).toBe(true);
      const times = out.map(({ pts }) => pts);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
  });

  it('survives 10^4 packets of nonsense with bounded memory', () => {
    const random = seededRandom(99);
    const into = depacketizer();
    const good = stream(50).flatMap(({ packets }) => packets);
    for (let count = 0; count < 10_000; count += 1) {
      const base = good[Math.floor(random() * good.length)]!;
      const payload = random() < 0.5 ? new Uint8Array(Math.floor(random() * 40)).map(() => random() * 256) : base.payload.slice();
      if (payload.length > 0) payload[Math.floor(random() * Math.min(payload.length, 30))] = random() * 256;
      const frames = into.push({
        sequenceNumber: random() < 0.9 ? (base.sequenceNumber + count) & 0xffff : Math.floor(random() * 65536),
        timestamp: random() < 0.9 ? base.timestamp : Math.floor(random() * 2 ** 32),
        marker: random() < 0.3,
        payload,
      });
      for (const frame of frames) {
        expect(splitAvcc(frame.data).length).toBeGreaterThan(0);
        expect(frame.pts).toBeGreaterThanOrEqual(0);
      }
    }
    expect(into.counters.packets).toBe(10_000);
  });
});
