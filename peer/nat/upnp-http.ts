import { request } from 'node:http';
import type { Clock } from '../../electron/base/clock.ts';

/** A description of a router is some kilobytes; an answer to a question a few hundred bytes. */
const MAX_BODY = 64 * 1024;
const WITHIN_MS = 3_000;

export interface UpnpRequest {
  readonly url: URL;
  readonly localAddress: string;
  readonly clock: Clock;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * One HTTP exchange with a router: 64 KiB and 3 s at most, no redirect followed, from the address that it knows us by. Null when
 * there is no whole answer.
 */
export function upnpFetch({ url, localAddress, clock, method = 'GET', headers = {}, body = '' }: UpnpRequest): Promise<{
  status: number;
  text: string;
} | null> {
  return new Promise((resolve) => {
    const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const asked = request(url, { method, localAddress, agent: false, headers: { ...headers, ...length, connection: 'close' } });
    const finish = (answer: { status: number; text: string } | null) => {
      timer.cancel();
      resolve(answer);
      asked.destroy();
    };
    const timer = clock.setTimeout(() => finish(null), WITHIN_MS);
    asked.on('error', () => finish(null));
    asked.on('response', (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        parts.push(part);
        if (size > MAX_BODY) finish(null);
      });
      response.on('error', () => finish(null));
      response.on('end', () => finish({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }));
    });
    asked.end(body);
  });
}
