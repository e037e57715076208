import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CodedError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { EngineClient } from '../contract/client.ts';
import { utcMs } from '../base/units.ts';
import { ContractServer, type CallHandlers, type Sink, type StreamHandlers } from './contract-server.ts';
import { fromWorkerPort } from './ports.ts';

const notCalled = (): never => {
  throw new Error('not part of this test');
};
const calls: CallHandlers = {
  'app.info': notCalled,
  'cameras.list': notCalled,
  'cameras.get': notCalled,
  'cameras.add': notCalled,
  'cameras.update': notCalled,
  'cameras.remove': notCalled,
  'cameras.path': notCalled,
  'cameras.offerByHand': notCalled,
  'cameras.answerByHand': notCalled,
  'nat.report': notCalled,
  'storage.folders': notCalled,
  'storage.addFolder': notCalled,
  'storage.removeFolder': notCalled,
  'storage.settings': notCalled,
  'storage.configure': notCalled,
  'storage.usage': notCalled,
  'protected.add': notCalled,
  'protected.list': notCalled,
  'protected.remove': notCalled,
  'nat.refresh': notCalled,
  'nat.settings': notCalled,
  'nat.configure': notCalled,
  'archive.settings': notCalled,
  'archive.configure': notCalled,
  'archive.test': notCalled,
  'archive.status': notCalled,
  'archive.recovery': notCalled,
  'archive.restore': notCalled,
  'recordings.query': notCalled,
  'recordings.delete': notCalled,
  'coverage.days': notCalled,
  'healing.status': notCalled,
  'recordings.segments': notCalled,
  'recordings.exportPlan': notCalled,
  'recording.now': notCalled,
  'recording.cancelNow': notCalled,
  'events.query': notCalled,
  'events.add': notCalled,
  'timeline.query': notCalled,
  'playback.gop': notCalled,
  'playback.jpeg': notCalled,
  'metrics': notCalled,
};
const streams: StreamHandlers = { events: notCalled, live: notCalled, clip: notCalled };

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

function connect(handlers: Partial<CallHandlers>, streamHandlers: Partial<StreamHandlers> = {}) {
  const server = new ContractServer({ ...calls, ...handlers }, { ...streams, ...streamHandlers }, silentLog);
  const { port1, port2 } = new MessageChannel();
  server.serve(fromWorkerPort(port1));
  const client = new EngineClient(fromWorkerPort(port2));
  closers.push(
    () => client.close(),
    () => server.close(),
  );
  return { server, client, raw: port2 };
}

describe('ContractServer', () => {
  it('answers calls, with bytes where there are some (E1)', async () => {
    const { client } = connect({
      'metrics': () => 'keyhole_up 1',
      'playback.gop': ({ at }) => ({
        value: { kind: 'gap', from: at, to: at, reason: 'unknown', text: '', previous: null, next: null },
        bytes: new Uint8Array([1, 2, 3]).subarray(1),
      }),
    });
    expect(await client.call('metrics', {})).toBe('keyhole_up 1');
    const reply = await client.call('playback.gop', { camera: 'cam-aaaaaaaa', at: utcMs(5) });
    expect(reply.bytes).toEqual(new Uint8Array([2, 3]));
    expect(reply.value.kind).toBe('gap');
  });

  it('checks arguments before a handler sees them, and says what is wrong (E1)', async () => {
    const get = vi.fn();
    const { client } = connect({ 'cameras.get': get, 'recordings.query': get });
    await expect(client.call('cameras.get', { id: '../../etc' })).rejects.toMatchObject({ code: 'bad-request' });
    await expect(client.call('recordings.query', { camera: 'cam-aaaaaaaa', from: utcMs(2), to: utcMs(1) })).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining('"from"'),
    });
    await expect(client.call('toString' as 'metrics', {})).rejects.toMatchObject({ code: 'bad-request' });
    expect(get).not.toHaveBeenCalled();
  });

  it('carries coded errors over (E1)', async () => {
    const { client } = connect({
      'cameras.list': () => {
        throw new CodedError('disk-full', 'The disk is full.');
      },
    });
    await expect(client.call('cameras.list', {})).rejects.toMatchObject({ code: 'disk-full', message: 'The disk is full.' });
  });

  it('sends no more items than the reader granted (E2)', async () => {
    let sink: Sink<{ kind: 'chunk' }> | undefined;
    const { client } = connect(
      {},
      {
        clip: (_args, opened) => {
          sink = opened;
          return () => {};
        },
      },
    );
    const release: (() => void)[] = [];
    let received = 0;
    const range = { camera: 'cam-aaaaaaaa', from: utcMs(1), to: utcMs(2) };
    client.open('clip', range, { item: () => ((received += 1), new Promise<void>((resolve) => release.push(resolve))) }, 2);
    await vi.waitFor(() => expect(sink).toBeDefined());
    sink!.send({ kind: 'chunk' });
    sink!.send({ kind: 'chunk' });
    expect(sink!.credit).toBe(0);
    expect(() => sink!.send({ kind: 'chunk' })).toThrow('without credit');
    await vi.waitFor(() => expect(received).toBe(2));
    release[0]!();
    await vi.waitFor(() => expect(sink!.credit).toBe(1));
  });

  it('stops a stream when its reader closes it or its connection breaks (E3)', async () => {
    const stop = vi.fn();
    const { client } = connect({}, { live: () => stop });
    client.open('live', { camera: 'cam-aaaaaaaa' }, { item: () => {} }).close();
    await vi.waitFor(() => expect(stop).toHaveBeenCalledTimes(1));
    const end = vi.fn();
    client.open('live', { camera: 'cam-aaaaaaaa' }, { item: () => {}, end });
    await client.call('metrics', {}).catch(() => {});
    client.close();
    await vi.waitFor(() => expect(stop).toHaveBeenCalledTimes(2));
    expect(end).toHaveBeenCalledWith(expect.objectContaining({ code: 'closed' }));
  });

  it('closes a connection that does not speak the contract (E1)', async () => {
    const { raw, server } = connect({});
    const closed = new Promise((resolve) => raw.on('close', resolve));
    raw.postMessage({ t: 'credit', id: -1, n: 'many' });
    await closed;
    await vi.waitFor(() => expect(server.connections).toBe(0));
  });

  it('bounds open streams of one connection (E2)', async () => {
    const { client } = connect({ metrics: () => '' }, { live: () => () => {} });
    const errors: unknown[] = [];
    for (let index = 0; index < 130; index += 1) {
      client.open('live', { camera: 'cam-aaaaaaaa' }, { item: () => {}, end: (error) => errors.push(error) });
    }
    await client.call('metrics', {});
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatchObject({ code: 'too-busy' });
  });
});
