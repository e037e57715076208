import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { PortMapper, type PortMapperOptions } from './port-mapper.ts';

const GATEWAY = { address: '127.0.0.1', localAddress: '127.0.0.1', guessed: false };
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function udp(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  closers.push(() => socket.close());
  return socket;
}

/** A gateway that speaks PCP and NAT-PMP, in the way a test wants. */
async function control(answer: (bytes: Buffer, from: RemoteInfo) => Buffer | readonly Buffer[] | null) {
  const socket = await udp(GATEWAY.address);
  const asked: Buffer[] = [];
  socket.on('message', (bytes, from) => {
    asked.push(bytes);
    const reply = answer(bytes, from);
    for (const one of reply === null ? [] : [reply].flat()) socket.send(one, from.port, from.address);
  });
  return { port: socket.address().port, asked };
}

function mapper(options: Partial<PortMapperOptions>): PortMapper {
  const made = new PortMapper({ clock: systemClock, log: silentLog, gateways: () => Promise.resolve([GATEWAY]), ...options });
  closers.push(() => made.close());
  return made;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** A PCP answer to a question: `external` in hex, a lifetime as asked. */
function pcp(bytes: Buffer, external: string): Buffer | null {
  if (bytes[0] !== 2) return null;
  const out = Buffer.from(bytes);
  out[1] = (out[1] ?? 0) | 0x80;
  if (bytes[1] === 1) hex(`00000000 00000000 0000ffff ${external}`).copy(out, 44);
  return out;
}
const isMap = (bytes: Buffer) => bytes[0] === 2 && bytes[1] === 1;
const lifetime = (bytes: Buffer) => bytes.readUInt32BE(4);

describe('by PCP and NAT-PMP, the mapper', () => {
  it('gives the mapping, asks for each port once, and takes all away when closed', async () => {
    const { port, asked } = await control((bytes) => pcp(bytes, '3c010203'));
    const ours = mapper({ protocols: ['pcp'], ports: { control: port } });
    const [mapping, same] = await Promise.all([ours.map(40_000), ours.map(40_000)]);
    expect(mapping).toMatchObject({ protocol: 'pcp', externalAddress: '60.1.2.3', externalPort: 40_000, localAddress: '127.0.0.1' });
    expect(same).toBe(mapping);
    expect(await ours.map(40_000, '10.0.0.1')).toBeNull();
    await mapping?.close();
    expect(ours.size).toBe(0);
    expect((await ours.map(40_000, '127.0.0.1'))?.isLive).toBe(true);
    await ours.close();
    expect(asked.filter(isMap).map(lifetime)).toEqual([7_200, 0, 7_200, 0]);
    // The same mapping is the same to the gateway.
    expect(new Set(asked.filter(isMap).map((bytes) => bytes.subarray(24, 36).toString('hex'))).size).toBe(1);
    expect(await ours.map(40_001)).toBeNull();
  });

  it('believes no answer from elsewhere, be it from another port of the gateway, and no stale one', async () => {
    const rogue = await udp('127.0.0.2');
    const otherPort = await udp('127.0.0.1');
    const { port } = await control((bytes, from) => {
      const forged = pcp(bytes, '06060606');
      if (!forged) return null;
      rogue.send(forged, from.port, from.address);
      otherPort.send(forged, from.port, from.address);
      // From the gateway's own port, about another mapping: it is the nonce that tells.
      const stale = Buffer.from(forged);
      if (isMap(bytes)) stale[30] = (stale[30] ?? 0) ^ 1;
      return [...(isMap(bytes) ? [stale] : []), pcp(bytes, '3c010203') ?? forged];
    });
    const mapping = await mapper({ protocols: ['pcp'], ports: { control: port } }).map(40_000);
    expect(mapping?.externalAddress).toBe('60.1.2.3');
  });

  it('has no use for an address that is not public, and gives such a mapping back', async () => {
    for (const external of ['0a000001', '64400001', 'c0a80101', '00000000']) {
      const { port, asked } = await control((bytes) => pcp(bytes, external));
      expect(await mapper({ protocols: ['pcp'], ports: { control: port } }).map(40_000)).toBeNull();
      expect(asked.filter(isMap).map(lifetime)).toEqual([7_200, 0]);
    }
    const { port, asked } = await control((bytes) => (bytes.length === 2 ? hex('0080 0000 00000001 64400001') : null));
    expect(await mapper({ protocols: ['nat-pmp'], ports: { control: port } }).map(40_000)).toBeNull();
    expect(asked.every((bytes) => bytes.length === 2)).toBe(true);
  });

  it('goes on to the next protocol when one refuses', async () => {
    const { port } = await control((bytes) => {
      if (bytes[0] === 2) {
        const refusal = pcp(bytes, '00000000');
        if (refusal) refusal[3] = isMap(bytes) ? 2 : 0;
        return refusal;
      }
      return bytes.length === 2
        ? hex('0080 0000 00000001 3c010203')
        : Buffer.concat([hex('0081 0000 00000001'), bytes.subarray(4, 6), hex('c351 00000e10')]);
    });
    const ours = mapper({ protocols: ['pcp', 'nat-pmp'], ports: { control: port } });
    expect(await ours.findings()).toEqual([
      { protocol: 'pcp', answers: true, external: null, error: null },
      { protocol: 'nat-pmp', answers: true, external: '60.1.2.3', error: null },
    ]);
    const mapping = await ours.map(40_000);
    expect(mapping).toMatchObject({ protocol: 'nat-pmp', externalPort: 50_001, lifetimeS: 3_600 });
  });

  it('knows at once that nothing listens there, and which gateways there are none', async () => {
    const silent = await udp('127.0.0.1');
    const { port } = silent.address();
    closers.pop();
    silent.close();
    const none = mapper({ protocols: ['pcp', 'nat-pmp'], ports: { control: port } });
    expect(await none.findings()).toMatchObject([{ answers: false, error: 'it does not answer' }, { answers: false }]);
    expect(await none.map(40_000)).toBeNull();
    for (const gateways of [() => Promise.resolve([]), () => Promise.reject(new Error('EPERM'))]) {
      const without = mapper({ gateways });
      expect(await without.map(40_000)).toBeNull();
      expect((await without.findings()).map(({ error }) => error)).toEqual(Array(3).fill('there is no gateway'));
    }
  });

  it('loses its mappings when the network changes, also one that is being made, and asks anew', async () => {
    let hold: (() => void) | null = null;
    const { port, asked } = await control((bytes) => {
      if (!hold || !isMap(bytes)) return pcp(bytes, '3c010203');
      hold();
      return null;
    });
    const ours = mapper({ protocols: ['pcp'], ports: { control: port } });
    const mapping = await ours.map(40_000);
    const lost: string[] = [];
    mapping?.lost.on((why) => lost.push(why));
    ours.invalidate();
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(lost).toEqual(['the network changed']);
    const reached = new Promise<void>((resolve) => (hold = resolve));
    const under = ours.map(40_001);
    await reached;
    hold = null;
    ours.invalidate();
    expect(await under).toBeNull();
    expect(ours.size).toBe(0);
    expect((await ours.map(40_000))?.isLive).toBe(true);
    expect(asked.filter((bytes) => bytes[1] === 0)).toHaveLength(3);
  });

  it('holds a bounded number of mappings', async () => {
    const { port } = await control((bytes) => pcp(bytes, '3c010203'));
    const ours = mapper({ protocols: ['pcp'], ports: { control: port } });
    const made = await Promise.all(Array.from({ length: 40 }, (_, index) => ours.map(40_000 + index)));
    expect(made.filter((mapping) => mapping !== null)).toHaveLength(32);
  });
});

/** A UPnP gateway whose HTTP server does what a test wants. */
async function upnp(handle: (request: IncomingMessage, body: string, response: ServerResponse) => void) {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += String(part)));
    request.on('end', () => {
      requests.push(
        `${request.method ?? ''} ${request.url ?? ''} ${String(request.headers.soapaction ?? '').replace(/.*#|"/g, '')}`.trim(),
      );
      handle(request, body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, GATEWAY.address, resolve));
  closers.push(() => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))));
  const http = (server.address() as AddressInfo).port;
  const ssdp = await udp(GATEWAY.address);
  const rogue = await udp('127.0.0.3');
  const found = (host: string) =>
    `HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://${host}:${http}/desc.xml\r\n\r\n`;
  ssdp.on('message', (_bytes, from) => {
    rogue.send(found('127.0.0.3'), from.port, from.address);
    rogue.send(found('127.0.0.1'), from.port, from.address);
    ssdp.send(found('127.0.0.3'), from.port, from.address);
    ssdp.send(found('127.0.0.1'), from.port, from.address);
  });
  return { requests, ours: mapper({ protocols: ['upnp'], ports: { ssdp: ssdp.address().port }, random: () => 0 }) };
}

const DESCRIPTION = `<root><device><serviceList><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL></service></serviceList></device></root>`;
const soap = (body: string) => `<s:Envelope><s:Body>${body}</s:Body></s:Envelope>`;
const fault = (code: number) => soap(`<s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault>`);
const ADDRESS = soap('<r><NewExternalIPAddress>60.1.2.3</NewExternalIPAddress></r>');

/** A decent gateway; `add` decides about each wish. */
const decent = (add: (body: string) => number | null) => (request: IncomingMessage, body: string, response: ServerResponse) => {
  if (request.method === 'GET') return void response.end(DESCRIPTION);
  const action = String(request.headers.soapaction);
  if (action.includes('GetExternal')) return void response.end(ADDRESS);
  const code = action.includes('#Add') ? add(body) : null;
  response.statusCode = code === null ? 200 : 500;
  response.end(code === null ? soap('<r/>') : fault(code));
};
const value = (body: string, name: string) => Number(new RegExp(`<${name}>(\\d+)<`).exec(body)?.[1]);

describe('by UPnP, the mapper', () => {
  it('maps, on the word of the gateway alone, and takes away', async () => {
    const { ours, requests } = await upnp(decent(() => null));
    const mapping = await ours.map(40_000);
    expect(mapping).toMatchObject({ protocol: 'upnp', externalAddress: '60.1.2.3', externalPort: 40_000, lifetimeS: 7_200 });
    await ours.close();
    expect(requests).toEqual([
      'GET /desc.xml',
      'POST /ctl GetExternalIPAddress',
      'POST /ctl AddPortMapping',
      'POST /ctl GetExternalIPAddress',
      'POST /ctl DeletePortMapping',
    ]);
  });

  it('takes another port when the one wanted is a neighbour’s, and gives up after a few', async () => {
    const { ours } = await upnp(decent((body) => (value(body, 'NewExternalPort') === 40_000 ? 718 : null)));
    expect(await ours.map(40_000)).toMatchObject({ externalPort: 49_152 });
    const { ours: others, requests } = await upnp(decent(() => 718));
    expect(await others.map(40_000)).toBeNull();
    expect(requests.filter((line) => line.includes('AddPort'))).toHaveLength(5);
  });

  it('takes a mapping without an end where there are no others', async () => {
    const { ours } = await upnp(decent((body) => (value(body, 'NewLeaseDuration') > 0 ? 725 : null)));
    expect(await ours.map(40_000)).toMatchObject({ externalPort: 40_000, lifetimeS: 0 });
  });

  it.each([
    ['redirects', (response: ServerResponse) => response.writeHead(302, { location: 'http://127.0.0.3:1/x' }).end()],
    ['says too much', (response: ServerResponse) => response.end(DESCRIPTION + ' '.repeat(70_000))],
    [
      'breaks off',
      (response: ServerResponse) => (response.writeHead(200, { 'content-length': '5000' }), response.write('<root>'), response.destroy()),
    ],
    ['speaks no HTTP', (response: ServerResponse) => void response.socket?.end('hello\r\n\r\n')],
    ['sends us elsewhere', (response: ServerResponse) => response.end(DESCRIPTION.replace('/ctl', 'http://127.0.0.3/ctl'))],
  ])('finds nothing at a gateway that %s', async (_what, reply) => {
    const { ours, requests } = await upnp((_request, _body, response) => void reply(response));
    expect(await ours.map(40_000)).toBeNull();
    expect(requests).toEqual(['GET /desc.xml']);
    expect(await ours.findings()).toMatchObject([{ protocol: 'upnp', answers: true, error: expect.any(String) }]);
  });

  it('waits no longer than seconds for a gateway that does not finish', async () => {
    const { ours } = await upnp((_request, _body, response) => void response.write('<root>'));
    expect(await ours.map(40_000)).toBeNull();
  }, 20_000);
});
