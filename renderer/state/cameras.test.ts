import { describe, expect, it } from 'vitest';
import { utcMs, type Camera } from '../../electron/contract/model.ts';
import { Cameras } from './cameras.svelte.ts';
import { fakeCamera } from './fake-camera.ts';
import { FakeEngine, settle } from './fake-engine.ts';

const door = fakeCamera({ id: 'cam-aaaaaaaa', name: 'Door', createdAt: utcMs(2) });
const yard = fakeCamera({ id: 'cam-bbbbbbbb', name: 'Yard', createdAt: utcMs(1) });

async function setUp(list: readonly Camera[]) {
  const answers: Record<string, (args: never) => unknown> = { 'cameras.list': () => list };
  const engine = new FakeEngine(answers);
  const cameras = new Cameras(engine.link);
  engine.link.start();
  await settle();
  return { engine, cameras, answers, names: () => cameras.list.map(({ name }) => name) };
}

describe('Cameras', () => {
  it('lists them in the order they were added, once the engine has answered', async () => {
    const engine = new FakeEngine({ 'cameras.list': () => [door, yard] });
    const cameras = new Cameras(engine.link);
    expect(cameras.loaded).toBe(false);
    engine.link.start();
    await settle();
    expect(cameras.loaded).toBe(true);
    expect(cameras.list.map(({ name }) => name)).toEqual(['Yard', 'Door']);
  });

  it('follows what the engine broadcasts', async () => {
    const { engine, cameras, names } = await setUp([door]);
    engine.tell('events', {
      kind: 'camera.changed',
      camera: { ...door, state: 'offline', reason: { code: 'peer-absent', text: 'Gone.' } },
    });
    engine.tell('events', { kind: 'camera.changed', camera: yard });
    expect(cameras.get(door.id)?.reason?.text).toBe('Gone.');
    engine.tell('events', { kind: 'camera.removed', id: door.id });
    expect(names()).toEqual(['Yard']);
  });

  it('believes an event that came before the list rather than the list', async () => {
    const { engine, cameras, answers } = await setUp([]);
    answers['cameras.list'] = () => {
      engine.tell('events', { kind: 'camera.changed', camera: { ...door, name: 'Newer' } });
      return [door, yard];
    };
    engine.breakConnection();
    await settle();
    expect(cameras.get(door.id)?.name).toBe('Newer');
    expect(cameras.get(yard.id)?.name).toBe('Yard');
  });

  it('forgets what went while the connection was broken', async () => {
    const { engine, answers, names } = await setUp([door, yard]);
    answers['cameras.list'] = () => [yard];
    engine.breakConnection();
    expect(names()).toEqual(['Yard', 'Door']);
    await settle();
    expect(names()).toEqual(['Yard']);
  });

  it('adds, renames and removes; failures are the engine’s own', async () => {
    const { engine, cameras, answers, names } = await setUp([]);
    answers['cameras.add'] = () => door;
    answers['cameras.update'] = () => ({ ...door, name: 'Gate' });
    await cameras.add({ kind: 'p2p', invite: 'keyhole:x' }, '');
    expect(engine.calls.at(-1)?.args).toEqual({ source: { kind: 'p2p', invite: 'keyhole:x' } });
    await cameras.rename(door.id, 'Gate');
    expect(names()).toEqual(['Gate']);
    await cameras.remove(door.id, true);
    expect(engine.calls.at(-1)?.args).toEqual({ id: door.id, deleteRecordings: true });
    expect(names()).toEqual([]);
    answers['cameras.add'] = () => {
      throw new Error('no');
    };
    await expect(cameras.add({ kind: 'p2p', invite: 'keyhole:x' }, 'Name')).rejects.toMatchObject({ code: 'bad-request' });
  });

  it('keeps a few notices, each once', async () => {
    const { engine, cameras } = await setUp([]);
    for (const text of ['a', 'b', 'a', 'c', 'd', 'e', 'f']) engine.tell('events', { kind: 'notice', text });
    expect(cameras.notices).toEqual(['a', 'c', 'd', 'e', 'f']);
    cameras.dismissNotice('d');
    expect(cameras.notices).not.toContain('d');
  });

  it('passes on what was recorded until told to stop', async () => {
    const { engine, cameras } = await setUp([door]);
    const heard: number[] = [];
    const stop = cameras.onRecordingAdded(({ to }) => heard.push(to));
    engine.tell('events', { kind: 'recording.added', camera: door.id, from: utcMs(1), to: utcMs(2) });
    stop();
    engine.tell('events', { kind: 'recording.added', camera: door.id, from: utcMs(2), to: utcMs(3) });
    expect(heard).toEqual([2]);
  });
});
