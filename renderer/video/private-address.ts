/** Addresses that are only good inside one network: RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.5.6, and this machine's own. */
const PRIVATE = [
  /^127\./,
  /^10\./,
  /^192\.168\./,
  /^172\.(1[6-9]|2\d|3[01])\./,
  /^169\.254\./,
  /^::1$/,
  /^f[cd][0-9a-f]{2}:/i,
  /^fe[89ab][0-9a-f]:/i,
];

/** The host of `address:port`, of `[address]:port`, or of an IPv6 address that stands bare. */
export function hostOf(place: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(place)?.[1];
  if (bracketed !== undefined) return bracketed;
  const colon = place.lastIndexOf(':');
  return colon < 0 ? place : place.slice(0, colon);
}

export function bothPrivate(...places: readonly string[]): boolean {
  return places.every((place) => PRIVATE.some((pattern) => pattern.test(hostOf(place))));
}

/** One address for both ends, or one that leads nowhere but here. */
export function sameMachine(local: string, remote: string): boolean {
  return hostOf(local) === hostOf(remote) || [local, remote].some((place) => /^(127\.|::1$)/.test(hostOf(place)));
}
