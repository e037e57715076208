import { beforeEach, describe, expect, it } from 'vitest';
import { utcMs } from '../../electron/contract/model.ts';
import type { PlaybackReport } from '../player/playback-messages.ts';
import { Playback, type Player } from './playback.svelte.ts';

const NOW = 1_000_000;
const at = (ms: number) => utcMs(ms);

class FakePlayer implements Player {
  readonly asked: string[] = [];
  busy = false;
  seek = (time: number) => void this.asked.push(`seek ${time}`);
  scrub = (time: number) => void this.asked.push(`scrub ${time}`);
  step = (frames: number) => void this.asked.push(`step ${frames}`);
  play = (rate: number) => void this.asked.push(`play ${rate}`);
  pause = () => void this.asked.push('pause');
  close = () => void this.asked.push('close');
}

let player: FakePlayer;
let playback: Playback;
const painted = (time: number, exact = true) => playback.receive({ playback: 'painted', generation: 1, at: at(time), exact });
const report = (one: PlaybackReport) => playback.receive(one);

beforeEach(() => {
  player = new FakePlayer();
  playback = new Playback(() => NOW);
  playback.attach(player);
});

describe('Playback', () => {
  it('is live at first, and the playhead is the picture’s time', () => {
    playback.livePainted(at(NOW - 100));
    expect(playback.state).toBe('live');
    expect(playback.playhead).toBe(NOW - 100);
  });

  it('plays on from where a click leads', () => {
    playback.seek(at(5000));
    expect(playback.state).toBe('seeking');
    expect(playback.playhead).toBe(5000);
    expect(playback.pictured).toBe(false);
    painted(4960);
    expect(playback.pictured).toBe(true);
    expect(playback.playhead).toBe(4960);
    expect(player.asked).toEqual(['seek 5000', 'play 1']);
    expect(playback.state).toBe('playing');
  });

  it('stays paused where it was paused', () => {
    playback.livePainted(at(NOW - 100));
    playback.pause();
    expect(player.asked).toEqual([`seek ${NOW - 100}`]);
    painted(NOW - 120);
    playback.seek(at(7000));
    painted(7000);
    expect(player.asked).not.toContain('play 1');
    expect(playback.state).toBe('paused');
  });

  it('does not start to play under a hand that still scrubs', () => {
    playback.scrub(at(5000));
    painted(4000, false);
    painted(5000);
    expect(player.asked).toEqual(['scrub 5000']);
    expect(playback.playhead).toBe(5000);
    playback.seek(at(5500));
    painted(5500);
    expect(player.asked).toEqual(['scrub 5000', 'seek 5500', 'play 1']);
  });

  it('means live by the present, and does not scrub into the future', () => {
    playback.seek(at(NOW - 500));
    expect(playback.mode).toBe('live');
    playback.scrub(at(NOW + 60_000));
    expect(player.asked).toEqual([`scrub ${NOW - 1000}`]);
  });

  it('goes live when playing has reached the newest recording', () => {
    playback.seek(at(5000));
    painted(5000);
    playback.setRate(16);
    report({ playback: 'present', generation: 1 });
    expect(playback).toMatchObject({ mode: 'live', rate: 1, playing: true });
    expect(player.asked.at(-1)).toBe('pause');
  });

  it('ignores pictures of the recording once live again', () => {
    playback.seek(at(5000));
    playback.goLive();
    painted(5000);
    expect(playback.mode).toBe('live');
    expect(playback.paintedAt).not.toBe(5000);
  });

  it('says what was jumped over, and what is not there at all', () => {
    playback.seek(at(5000));
    report({ playback: 'gap', generation: 1, from: at(4000), to: at(9000), reason: 'app-not-running', text: 'Off.', jumpedTo: at(9000) });
    expect(playback.missing?.text).toBe('Off.');
    expect(playback.state).toBe('seeking');
    report({ playback: 'gap', generation: 1, from: at(0), to: at(9000), reason: 'not-added-yet', text: 'Empty.', jumpedTo: null });
    expect(playback).toMatchObject({ state: 'paused', playing: false });
  });

  it('shows a failure until the next picture', () => {
    playback.seek(at(5000));
    report({ playback: 'failed', generation: 1, text: 'Damaged.' });
    expect(playback).toMatchObject({ state: 'failed', failure: 'Damaged.' });
    painted(6000, false);
    expect(playback.failure).toBeNull();
  });

  it('steps from live by pausing there first', () => {
    playback.livePainted(at(NOW - 100));
    playback.step(-1);
    expect(player.asked).toEqual([`seek ${NOW - 100}`]);
    painted(NOW - 100);
    playback.step(-1);
    expect(player.asked.at(-1)).toBe('step -1');
    expect(playback.playing).toBe(false);
  });

  it('changes speed at once while playing, later while seeking', () => {
    playback.seek(at(5000));
    playback.faster(1);
    expect(player.asked).toEqual(['seek 5000']);
    painted(5000);
    expect(player.asked.at(-1)).toBe('play 2');
    playback.faster(1);
    expect(player.asked.at(-1)).toBe('play 4');
    for (let i = 0; i < 9; i++) playback.faster(-1);
    expect(playback.rate).toBe(0.5);
  });

  it('counts moves from where the playhead stands, also before the picture is there', () => {
    playback.seek(at(5000));
    playback.nudge(1000);
    playback.nudge(1000);
    expect(player.asked.at(-1)).toBe('seek 7000');
  });

  it('waits with playing until the last picture of several is there', () => {
    playback.seek(at(5000));
    player.busy = true;
    painted(4000);
    expect(playback.state).toBe('seeking');
    player.busy = false;
    painted(5000);
    expect(playback.state).toBe('playing');
  });
});
