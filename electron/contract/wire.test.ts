import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from './wire.ts';

describe('wire', () => {
  it('carries a message without bytes as text', () => {
    const message = { t: 'credit', id: 3, n: 1 } as const;
    const text = encodeMessage(message);
    expect(typeof text).toBe('string');
    expect(decodeMessage(text)).toEqual(message);
  });

  it('carries bytes beside the value, whatever buffer they are a view of', () => {
    const bytes = new Uint8Array([9, 8, 7, 6]).subarray(1, 3);
    const frame = encodeMessage({ t: 'item', id: 1, value: { at: 1.5, text: 'é' }, bytes });
    expect(decodeMessage(frame as Uint8Array)).toEqual({ t: 'item', id: 1, value: { at: 1.5, text: 'é' }, bytes: new Uint8Array([8, 7]) });
  });

  it('refuses what is not a message of ours', () => {
    for (const bad of [new Uint8Array(3), new Uint8Array([255, 255, 255, 255, 1]), new Uint8Array([0, 0, 0, 1, 49])]) {
      expect(() => decodeMessage(bad)).toThrow();
    }
    expect(() => decodeMessage('{')).toThrow();
  });

  it('survives random bytes', () => {
    let state = 1;
    const random = () => (state = (state * 48271) % 0x7fffffff) & 0xff;
    let decoded = 0;
    for (let round = 0; round < 10_000; round += 1) {
      const bytes = Uint8Array.from({ length: random() % 40 }, random);
      try {
        decodeMessage(bytes);
        decoded += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
    expect(decoded).toBeLessThan(10_000);
  });
});
