import { describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import type { PlaybackCommand, PlaybackReport } from './playback-messages.ts';
import { PlaybackPlayer, type PlaybackWorker } from './playback-player.ts';

function setUp() {
  const sent: PlaybackCommand[] = [];
  const heard: PlaybackReport[] = [];
  let tell: (event: MessageEvent<unknown>) => void = () => {};
  const worker: PlaybackWorker = {
    postMessage: (command) => sent.push(command),
    addEventListener: (_type, listener) => (tell = listener),
  };
  const canvas: OffscreenCanvas = Object.create(null);
  const player = new PlaybackPlayer(worker, 'cam', canvas, (report) => heard.push(report));
  const painted = (generation: number, at: number, exact = true) =>
    tell(new MessageEvent('message', { data: { playback: 'painted', generation, at, exact } }));
  const say = (report: PlaybackReport) => tell(new MessageEvent('message', { data: report }));
  sent.length = 0;
  return { player, sent, heard, painted, say };
}

describe('PlaybackPlayer', () => {
  it('numbers what it asks for', () => {
    const { player, sent } = setUp();
    player.seek(utcMs(1));
    player.seek(utcMs(2));
    expect(sent).toEqual([
      { playback: 'seek', generation: 1, at: 1, scrub: false },
      { playback: 'seek', generation: 2, at: 2, scrub: false },
    ]);
  });

  it('sends only the newest scrub position once the picture before it is there', () => {
    const { player, sent, painted } = setUp();
    for (const at of [10, 20, 30, 40]) player.scrub(utcMs(at));
    expect(sent).toHaveLength(1);
    painted(1, 10, false);
    expect(sent.at(-1)).toEqual({ playback: 'seek', generation: 2, at: 40, scrub: true });
    expect(sent).toHaveLength(2);
  });

  it('lets the exact picture come when the hand rests', () => {
    const { player, sent, painted } = setUp();
    player.scrub(utcMs(10));
    painted(1, 8, false);
    expect(player.busy).toBe(true);
    painted(1, 10, true);
    expect(player.busy).toBe(false);
    expect(sent).toHaveLength(1);
  });

  it('adds up steps that come faster than pictures', () => {
    const { player, sent, painted } = setUp();
    for (let i = 0; i < 4; i++) player.step(1);
    painted(1, 100);
    expect(sent.at(-1)).toEqual({ playback: 'step', generation: 2, frames: 3 });
  });

  it('a seek by click does not wait, and forgets what waited', () => {
    const { player, sent, painted } = setUp();
    player.scrub(utcMs(10));
    player.scrub(utcMs(20));
    player.seek(utcMs(500));
    painted(2, 500);
    expect(sent).toHaveLength(2);
  });

  it('drops reports of older generations, except that a late picture is on the screen', () => {
    const { player, heard, painted, say } = setUp();
    player.seek(utcMs(10));
    player.seek(utcMs(20));
    say({ playback: 'failed', generation: 1, text: 'old' });
    painted(1, 10);
    expect(heard).toEqual([{ playback: 'painted', generation: 1, at: 10, exact: false }]);
    expect(player.busy).toBe(true);
  });

  it('is free again after a failure', () => {
    const { player, say } = setUp();
    player.seek(utcMs(10));
    say({ playback: 'failed', generation: 1, text: 'no' });
    expect(player.busy).toBe(false);
  });
});
