/** Milliseconds since 1970-01-01T00:00:00Z; may carry a fraction where a media time is mapped to it. */
export type UtcMs = number & { readonly __unit: 'UtcMs' };
/** Media time in ticks of 1/90000 s, unwrapped (never modulo 2^32), never negative within one timeline. */
export type Pts90k = number & { readonly __unit: 'Pts90k' };

export const utcMs = (value: number): UtcMs => value as UtcMs;
export const pts90k = (value: number): Pts90k => value as Pts90k;
