import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { EngineClient, StreamHandlers } from '../contract/client.ts';
import { sendClip } from './clip.ts';

let server: Server;
afterEach(() => server.close());

it('asked for by HEAD is begun, and not made', async () => {
  let given = 0;
  let closed: () => void = () => {};
  const stopped = new Promise<void>((resolve) => (closed = resolve));
  /** Gives pieces for as long as somebody takes them. */
  const open = (_name: string, _args: unknown, { item }: StreamHandlers<'clip'>) => {
    let over = false;
    void (async () => {
      for (; !over && given < 10_000; given += 1) {
        await item({} as never, new Uint8Array(1_000));
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (!over) closed();
    })();
    return {
      close() {
        over = true;
        closed();
      },
    };
  };
  server = createServer((_, response) => {
    const range = { camera: 'cam-aaaaaaaa', from: 0, to: 1_000, proof: false } as unknown as Parameters<typeof sendClip>[2];
    void sendClip(response, { open } as unknown as EngineClient, range);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = request({ port: (server.address() as AddressInfo).port, method: 'HEAD', host: '127.0.0.1' }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'video/mp4']);
  await stopped;
  expect(given).toBeLessThan(10_000);
});
