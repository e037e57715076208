import { describe, expect, it } from 'vitest';
import { ChunkCache } from './chunk-cache.ts';

describe('the cache of chunks', () => {
  it('keeps to its bytes, and what was used last', () => {
    const cache = new ChunkCache(300);
    for (let index = 0; index < 3; index += 1) cache.put('a', index, new Uint8Array(100).fill(index));
    expect(cache.get('a', 0)?.[0]).toBe(0);
    cache.put('b', 0, new Uint8Array(150));
    expect([cache.get('a', 0)?.length, cache.get('a', 1), cache.get('a', 2), cache.get('b', 0)?.length]).toEqual([
      100,
      undefined,
      undefined,
      150,
    ]);
    expect(cache.bytes).toBe(250);
    cache.put('b', 0, new Uint8Array(40));
    expect(cache.bytes).toBe(140);
    cache.put('c', 0, new Uint8Array(1_000));
    expect(cache.bytes).toBeLessThanOrEqual(300);
  });
});
