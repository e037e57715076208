import { isIP } from 'node:net';
import { Candidate } from 'werift';

/**
 * The candidate in a line; null for what makes no sense or cannot be used: other transports than UDP, names in place of
 * addresses, addresses and ports that nobody can have.
 */
export function parseCandidate(line: string): Candidate | null {
  const text = line.replace(/^a=/, '').replace(/^candidate:/, '');
  if (!/^[A-Za-z0-9+/]{1,64} 1 udp \d{1,10} [0-9A-Fa-f:.]{2,45} \d{1,5} typ (host|srflx|prflx|relay)( |$)/i.test(text)) return null;
  try {
    const candidate = Candidate.fromSdp(text);
    const { host, port, priority } = candidate;
    if (!isIP(host) || port < 1 || port > 65535 || priority < 0 || priority > 0xffffffff) return null;
    return isUsable(host) ? candidate : null;
  } catch {
    return null;
  }
}

/** Not unspecified, multicast or broadcast: nobody is there, or everybody. */
function isUsable(host: string): boolean {
  if (isIP(host) === 6) return !/^(::|ff[0-9a-f]{2}:.*)$/i.test(host);
  const first = Number(host.split('.')[0]);
  return first !== 0 && first < 224;
}
