import type { UtcMs } from '../../electron/base/units.ts';

/** Seconds from 1900 (NTP, RFC 5905 §6) to 1970. */
const EPOCH = 2_208_988_800;

/** 64-bit NTP time: 32 bits of seconds, 32 bits of fraction, for sender reports (RFC 3550 §4). */
export function ntpTime(utc: UtcMs): bigint {
  const seconds = Math.floor(utc / 1000);
  const fraction = Math.round(((utc - seconds * 1000) / 1000) * 2 ** 32);
  return (BigInt(seconds + EPOCH) << 32n) + BigInt(fraction);
}
