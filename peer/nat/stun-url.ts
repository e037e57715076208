import { resolveIceUrl } from '../signaling/ice-servers.ts';
import type { StunServerName } from './discovery.ts';

/** Host and port of a `stun:` URL (RFC 7064), IPv6 without brackets; null when it is none. */
export function stunServerName(url: string): StunServerName | null {
  // A host is needed: there is no WebSocket whose host an empty one would mean.
  const whole = /^stun:[^:?]/i.test(url) ? resolveIceUrl(url, 'ws://localhost') : null;
  const found = whole === null ? null : /^stun:(.+):(\d+)$/.exec(whole);
  return found ? { host: (found[1] ?? '').replace(/^\[(.*)\]$/, '$1'), port: Number(found[2]) } : null;
}
