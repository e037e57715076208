import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { BandwidthControl, PROBE_PAYLOAD_TYPE } from './bandwidth-control.ts';
import { MOST_BPS } from './bandwidth-estimator.ts';
import type { OutboundPacket } from './transport.ts';

let clock: SimulatedClock;
let sealed: OutboundPacket[];
let sent: Buffer[];
let isTold: boolean;
let control: BandwidthControl;
beforeEach(() => {
  clock = new SimulatedClock();
  [sealed, sent, isTold] = [[], [], true];
  control = new BandwidthControl({
    clock,
    rttMs: () => 40,
    isTold: () => isTold,
    wire: {
      seal: (packet) => {
        sealed.push(packet);
        return Buffer.alloc(packet.payload.length + 36);
      },
      sendSealed: (bytes) => void sent.push(bytes),
      sendSenderReport: () => {},
    },
  });
});
const packet = (sequenceNumber: number): OutboundPacket => ({
  ssrc: 1,
  sequenceNumber,
  timestamp: 0,
  marker: false,
  payloadType: 96,
  payload: new Uint8Array(1000),
  composition: 0,
});

describe('what a session sends', () => {
  it('has one number for each packet of all its streams, probes included, and repeats none', async () => {
    for (let number = 0; number < 5; number += 1) control.seal(packet(number));
    control.seal({ ...packet(0), ssrc: 2 });
    control.onFeedback({ base: 0, arrivals: [1, 2, 3, 4, 5, 6], count: 0 });
    expect(control.probe(1_000_000)).toBe(true);
    await clock.advance(200);
    control.seal(packet(5));
    expect(sealed.map(({ transportSequence }) => transportSequence)).toEqual(sealed.map((_, index) => index));
    const probes = sealed.filter(({ payloadType }) => payloadType === PROBE_PAYLOAD_TYPE);
    expect(probes.length).toBeGreaterThanOrEqual(12);
    expect(new Set(probes.map(({ ssrc }) => ssrc)).size).toBe(1);
    expect(probes.map(({ sequenceNumber }) => sequenceNumber)).toEqual(probes.map((_, index) => index));
    expect(control.probedBytes).toBe(probes.length * 1_100);
  });

  it('has no numbers, no limit and no probes where nobody would tell of arrivals', () => {
    isTold = false;
    control.seal(packet(0));
    expect(sealed[0]?.transportSequence).toBeUndefined();
    expect(control.estimateBps).toBeNull();
    expect(control.probe(1_000_000)).toBe(false);
    expect(control.pacer.available).toBeGreaterThan((MOST_BPS / 8_000) * 10);
  });

  it('is repeated within a share of the rate', () => {
    const bytes = Buffer.alloc(1_200);
    let repeated = 0;
    while (repeated < 10_000 && control.repeatSealed(bytes)) repeated += 1;
    expect(repeated).toBeGreaterThan(10);
    expect(repeated).toBeLessThan(1_000);
    expect(sent).toHaveLength(repeated);
  });

  it('is measured by feedback, of which no flood is looked at', () => {
    control.seal(packet(0));
    for (let count = 0; count < 1_000; count += 1) control.onFeedback({ base: 30_000, arrivals: [1], count });
    control.onFeedback({ base: 0, arrivals: [1], count: 0 });
    expect(control.estimateBps).toBeNull();
  });

  it('is nothing after close', async () => {
    control.seal(packet(0));
    control.onFeedback({ base: 0, arrivals: [1], count: 0 });
    control.probe(1_000_000);
    const { length } = sent;
    control.close();
    await clock.advance(1_000);
    expect(sent).toHaveLength(length);
    expect(control.probe(1_000_000)).toBe(false);
  });
});
