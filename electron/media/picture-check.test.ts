import { describe, expect, it } from 'vitest';
import { VIDEO } from '../../test/fixtures/muxed-units.ts';
import { isPicture } from './picture-check.ts';

const H265 = { ...VIDEO, codec: 'h265' } as const;
const unit = (config: typeof VIDEO | typeof H265, key: boolean, hex: string) => ({
  config,
  key,
  data: new Uint8Array(Buffer.from(hex, 'hex')),
});

describe('a picture', () => {
  it.each([
    ['an IDR slice', VIDEO, true, '000000026588'],
    ['another slice', VIDEO, false, '000000024101'],
    ['parameter sets, SEI and slices', VIDEO, true, '000000026742' + '000000020601' + '000000026588' + '000000026588'],
    ['a recovery point', VIDEO, true, '000000020601' + '000000024101'],
    ['an IRAP picture of H.265', H265, true, '000000032601aa'],
    ['a trailing picture of H.265', H265, false, '000000030201aa'],
    ['an empty NAL unit beside a slice', VIDEO, false, '00000000' + '000000024101'],
  ])('is one: %s', (_, config, key, hex) => {
    expect(isPicture(unit(config, key, hex))).toBe(true);
  });

  it.each([
    ['nothing', VIDEO, false, ''],
    ['a length that is cut off', VIDEO, false, '000000024101' + '0000'],
    ['data that is cut off', VIDEO, false, '000000034101'],
    ['a header that cannot be', VIDEO, false, '00000002c101'],
    ['parameter sets alone', VIDEO, true, '000000026742'],
    ['a keyframe without one', VIDEO, true, '000000024101'],
    ['a keyframe of H.265 without one', H265, true, '000000030201aa'],
    ['a length beyond everything', VIDEO, false, 'ffffffff4101'],
  ])('is none: %s', (_, config, key, hex) => {
    expect(isPicture(unit(config, key, hex))).toBe(false);
  });
});
