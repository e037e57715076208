import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fakes/seeded-random.ts';
import { allocationOf, predictPorts } from './allocation.ts';
import { portOrder } from './port-order.ts';
import { boundedBudget, DEFAULT_PUNCH_BUDGET } from './punch-budget.ts';

const row = (...mapped: number[]) => mapped.map((port, index) => ({ local: 40_000 + index, mapped: port }));

describe('the ports of new mappings', () => {
  it.each([
    ['kept', row(40_000, 40_001, 40_002, 1_024), { allocation: 'preserved', step: null }],
    ['counted by one', row(2_000, 2_001, 2_002, 2_003), { allocation: 'sequential', step: 1 }],
    ['counted by one among others', row(2_000, 2_003, 2_004, 2_009), { allocation: 'sequential', step: 1 }],
    ['counted by two', row(2_000, 2_002, 2_006, 2_008), { allocation: 'sequential', step: 2 }],
    ['counted down', row(2_000, 1_999, 1_997), { allocation: 'sequential', step: -1 }],
    ['counted over the end', row(65_534, 65_535, 0, 1), { allocation: 'sequential', step: 1 }],
    ['counted in the wrong byte order', row(0x3075, 0x3175, 0x3375), { allocation: 'sequential', step: 256 }],
    ['counted so, with a carry', row(0xfe75, 0xff75, 0x0076, 0x0176), { allocation: 'sequential', step: 256 }],
    ['drawn at random', row(2_000, 61_000, 13_000, 30_000), { allocation: 'random', step: null }],
    ['the same one', row(2_000, 2_000, 2_000), { allocation: 'random', step: null }],
    ['seen twice only', row(2_000, 2_001), { allocation: 'unknown', step: null }],
  ])('%s', (_how, observed, expected) => {
    expect(allocationOf(observed)).toEqual(expected);
  });

  it('drawn at random are hardly ever taken for counted', () => {
    const random = seededRandom(4);
    let wrong = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const ports = Array.from({ length: 5 }, () => 1024 + Math.floor(random() * 64_512));
      if (allocationOf(row(...ports)).allocation !== 'random') wrong += 1;
    }
    expect(wrong).toBe(0);
  });

  it('are predicted as the NAT counts, over the end and the carry, without repetition', () => {
    expect(predictPorts(2_000, 2, 3)).toEqual([2_002, 2_004, 2_006]);
    expect(predictPorts(2_000, -1, 2)).toEqual([1_999, 1_998]);
    expect(predictPorts(65_534, 1, 3)).toEqual([65_535, 1_024, 1_025]);
    expect(predictPorts(1_025, -1, 3)).toEqual([1_024, 65_535, 65_534]);
    expect(predictPorts(0xfe75, 256, 6)).toEqual([0xff75, 0x0476]);
    expect(predictPorts(0xff75, 256, 10_000).length).toBe(new Set(predictPorts(0xff75, 256, 10_000)).size);
  });
});

describe('the order of ports to try', () => {
  it('is the predicted ones, then random ones, each once and above the well-known ones', () => {
    const ports = [...portOrder([5, 5_000, 5_001, 5_000, 70_000, -1, 1.5], 1_024, seededRandom(1))];
    expect(ports.slice(0, 3)).toEqual([5, 5_000, 5_001]);
    expect(ports).toHaveLength(1_024);
    expect(new Set(ports).size).toBe(1_024);
    expect(ports.slice(3).every((port) => port >= 1_024 && port <= 65_535)).toBe(true);
  });

  it('is no longer than asked, also of predicted ones, and ends also when much is asked', () => {
    expect([...portOrder([1, 2, 3], 2, Math.random)]).toEqual([1, 2]);
    expect([...portOrder([], 0, Math.random)]).toEqual([]);
    expect([...portOrder([], 1e9, seededRandom(2))]).toHaveLength(32_256);
  });
});

describe('the budget of a punch', () => {
  it('has defaults, and hard limits on both sides', () => {
    expect(boundedBudget()).toEqual(DEFAULT_PUNCH_BUDGET);
    expect(boundedBudget({ probes: 1e9, perSecond: 1e9, sockets: 1e9, timeoutMs: 1e9 })).toEqual({
      probes: 1_024,
      perSecond: 1_000,
      sockets: 256,
      timeoutMs: 60_000,
    });
    expect(boundedBudget({ probes: -1, perSecond: 0, sockets: 0, timeoutMs: 0 })).toEqual({
      probes: 0,
      perSecond: 100,
      sockets: 1,
      timeoutMs: 500,
    });
    expect(boundedBudget({ probes: Number.NaN, sockets: 2.9 })).toMatchObject({ probes: 1_024, sockets: 2 });
  });
});
