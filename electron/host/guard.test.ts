import { IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../base/clock.ts';
import { Guard } from './guard.ts';
import { Sessions, newToken } from './sessions.ts';

const clock = new SimulatedClock();
const sessions = new Sessions({ token: newToken(), dataKey: new Uint8Array(32), clock });

function request(headers: Record<string, string>): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  Object.assign(message.headers, headers);
  return message;
}

function serves(bind: string, host: string): boolean {
  try {
    new Guard({ sessions, bind, port: () => 8484 }).checkHostAndOrigin(request({ host }));
    return true;
  } catch {
    return false;
  }
}

describe('Guard', () => {
  it('serves a network by address and by this machine’s name, never by another name', () => {
    for (const host of ['192.168.1.5:8484', '10.0.0.1', '[fe80::1]:8484', `${hostname()}:8484`, `${hostname()}.local`, 'localhost:8484']) {
      expect([host, serves('0.0.0.0', host)]).toEqual([host, true]);
    }
    for (const host of ['evil.example:8484', '192.168.1.5.evil.example', `${hostname()}.evil.example`, '[evil]', '1.2.3', 'a:b:c']) {
      expect([host, serves('0.0.0.0', host)]).toEqual([host, false]);
    }
  });

  it('serves loopback only by loopback’s names', () => {
    expect(serves('127.0.0.1', 'localhost:1')).toBe(true);
    expect(serves('127.0.0.1', '192.168.1.5:8484')).toBe(false);
    expect(serves('127.0.0.1', hostname() === 'localhost' ? 'x' : hostname())).toBe(false);
    expect(serves('127.0.0.7', '127.0.0.7:8484')).toBe(true);
  });
});

describe('Sessions', () => {
  it('lets each link in once, and forgets the oldest of many', () => {
    const links = Array.from({ length: 20 }, () => sessions.newLink());
    expect(sessions.redeem(links[0] ?? '')).toBeUndefined();
    expect(sessions.redeem(links[19] ?? '')).toMatch(/^\d+\./);
    expect(sessions.redeem(links[19] ?? '')).toBeUndefined();
    expect(sessions.redeem('')).toBeUndefined();
    // The bearer token's own single use is not among those forgotten.
    expect(sessions.redeem(sessions.token)).toBeDefined();
    expect(sessions.bearerValid(sessions.token)).toBe(true);
  });

  it('keeps a browser for thirty days', async () => {
    const cookie = sessions.newCookie();
    await clock.advance(30 * 24 * 3600_000);
    expect(sessions.cookieValid(cookie)).toBe(true);
    await clock.advance(1);
    expect(sessions.cookieValid(cookie)).toBe(false);
  });

  it('does not take another installation’s cookie', () => {
    const other = new Sessions({ token: newToken(), dataKey: new Uint8Array(32).fill(1), clock });
    expect(sessions.cookieValid(other.newCookie())).toBe(false);
  });
});
