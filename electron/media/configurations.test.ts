import { describe, expect, it } from 'vitest';
import { parseAudioSpecificConfig } from './aac/audio-specific-config.ts';
import { hvc1String } from './h265/hvcc.ts';
import { opusChannels, opusConfig } from './opus/dops.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

describe('AudioSpecificConfig', () => {
  it.each([
    ['1210', { objectType: 2, sampleRate: 44100, channels: 2 }],
    ['1188', { objectType: 2, sampleRate: 48000, channels: 1 }],
    ['1408', { objectType: 2, sampleRate: 16000, channels: 1 }],
    // The rate in 24 bits: 0xf, 0x00bb80.
    ['17805dc008', { objectType: 2, sampleRate: 48000, channels: 1 }],
    // Object type 42 behind the escape 31.
    ['f9462000', { objectType: 42, sampleRate: 48000, channels: 1 }],
  ])('reads %s', (bytes, parameters) => {
    expect(parseAudioSpecificConfig(hex(bytes))).toEqual(parameters);
  });

  it('is null when cut off or reserved', () => {
    expect(parseAudioSpecificConfig(hex('12'))).toBeNull();
    expect(parseAudioSpecificConfig(hex(''))).toBeNull();
    expect(parseAudioSpecificConfig(hex('1690'))).toBeNull();
  });
});

describe('hvc1String', () => {
  it.each([
    // Main, level 3.1; Main 10, high tier, level 5.1; as in ISO 14496-15 annex E.
    ['01' + '01' + '60000000' + '900000000000' + '5d' + 'f000fcfdf8f800000f00', 'hvc1.1.6.L93.90'],
    ['01' + '22' + '20000000' + 'b00000000000' + '99' + 'f000fcfdfafa00000f00', 'hvc1.2.4.H153.B0'],
    ['01' + '41' + '60000000' + '000000000000' + '78' + 'f000fcfdf8f800000f00', 'hvc1.A1.6.L120'],
  ])('%s', (bytes, text) => {
    expect(hvc1String(hex(bytes))).toBe(text);
  });

  it('is null when cut off', () => {
    expect(hvc1String(hex('0101600000009000'))).toBeNull();
  });
});

describe('dOps', () => {
  it('says the channels', () => {
    expect(opusChannels(opusConfig(2).description)).toBe(2);
    expect(opusChannels(new Uint8Array(10))).toBeNull();
    expect(opusChannels(hex('0100013800000000000000'))).toBeNull();
  });
});
