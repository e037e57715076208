import { utcMs, type GapReason, type UtcMs } from '../../electron/contract/model.ts';
import type { PlaybackReport } from '../player/playback-messages.ts';
import type { PlaybackPlayer } from '../player/playback-player.ts';

export const RATES = [0.5, 1, 2, 4, 8, 16] as const;
export type Rate = (typeof RATES)[number];

/** What playback asks of a player. */
export type Player = Pick<PlaybackPlayer, 'seek' | 'scrub' | 'step' | 'play' | 'pause' | 'close' | 'busy'>;

/** What was jumped over, or not found. */
export interface Missing {
  readonly from: UtcMs;
  readonly to: UtcMs;
  readonly reason: GapReason;
  readonly text: string;
  /** Where showing went on; null where there was nothing to show. */
  readonly jumpedTo: UtcMs | null;
}

/** A seek this close to the present means the present. */
const LIVE_EDGE_MS = 1000;

/** One camera's picture, live or recorded: what is shown, and what was asked to be. */
export class Playback {
  readonly #now: () => number;
  #player: Player | undefined;
  #mode = $state<'live' | 'recorded'>('live');
  #playing = $state(true);
  #rate = $state<Rate>(1);
  /** Time of the picture on the screen. */
  #paintedAt = $state<UtcMs | null>(null);
  /** Where the hand is, while it is ahead of the picture. */
  #target = $state<UtcMs | null>(null);
  #seeking = $state(false);
  #scrubbing = $state(false);
  #keyframesOnly = $state(false);
  #missing = $state.raw<Missing | null>(null);
  #failure = $state<string | null>(null);
  /** A recorded picture is on the canvas since live was left: until then the live picture stays. */
  #pictured = $state(false);

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get mode(): 'live' | 'recorded' {
    return this.#mode;
  }

  get playing(): boolean {
    return this.#playing;
  }

  get rate(): Rate {
    return this.#rate;
  }

  get paintedAt(): UtcMs | null {
    return this.#paintedAt;
  }

  /** Where the playhead stands. */
  get playhead(): UtcMs | null {
    return this.#target ?? this.#paintedAt;
  }

  get keyframesOnly(): boolean {
    return this.#mode === 'recorded' && this.#keyframesOnly;
  }

  get missing(): Missing | null {
    return this.#missing;
  }

  get failure(): string | null {
    return this.#failure;
  }

  get pictured(): boolean {
    return this.#pictured;
  }

  /** One word for what goes on, for the page and for tests. */
  get state(): 'live' | 'playing' | 'paused' | 'seeking' | 'failed' {
    if (this.#mode === 'live') return 'live';
    if (this.#failure !== null) return 'failed';
    if (this.#seeking) return 'seeking';
    return this.#playing ? 'playing' : 'paused';
  }

  attach(player: Player): void {
    this.#player = player;
  }

  detach(): void {
    this.#player?.close();
    this.#player = undefined;
  }

  /** A live picture reached the screen. */
  livePainted(at: UtcMs): void {
    if (this.#mode === 'live') this.#paintedAt = at;
  }

  goLive(): void {
    if (this.#mode === 'recorded') this.#player?.pause();
    this.#mode = 'live';
    this.#playing = true;
    this.#rate = 1;
    this.#scrubbing = false;
    this.#pictured = false;
    this.#clear();
  }

  /** Shows the picture at `at`, and plays on from there if it was playing. */
  seek(at: UtcMs): void {
    this.#scrubbing = false;
    if (at >= this.#now() - LIVE_EDGE_MS) this.goLive();
    else this.#ask(at, (player) => player.seek(at));
  }

  /** While the pointer is down: pictures follow it as fast as they can. */
  scrub(at: UtcMs): void {
    this.#scrubbing = true;
    const latest = utcMs(Math.min(at, this.#now() - LIVE_EDGE_MS));
    this.#ask(latest, (player) => player.scrub(latest));
  }

  step(frames: number): void {
    const from = this.#paintedAt;
    if (!this.#player || from === null) return;
    this.#playing = false;
    if (this.#mode === 'live') {
      this.#ask(from, (player) => player.seek(from));
      return;
    }
    this.#clear();
    this.#seeking = true;
    this.#player.step(frames);
  }

  /** Moves by so many milliseconds from where the playhead stands. */
  nudge(ms: number): void {
    const from = this.playhead;
    if (from !== null) this.seek(utcMs(from + ms));
  }

  play(): void {
    this.#playing = true;
    if (this.#mode === 'recorded' && !this.#seeking) this.#player?.play(this.#rate);
  }

  pause(): void {
    const from = this.#paintedAt;
    if (this.#mode === 'live' && from === null) return;
    this.#playing = false;
    if (this.#mode === 'live' && from !== null) this.#ask(from, (player) => player.seek(from));
    else if (!this.#seeking) this.#player?.pause();
  }

  toggle(): void {
    if (this.#playing) this.pause();
    else this.play();
  }

  setRate(rate: Rate): void {
    this.#rate = rate;
    if (this.#mode === 'recorded' && this.#playing && !this.#seeking) this.#player?.play(rate);
  }

  faster(by: 1 | -1): void {
    const rate = RATES[RATES.indexOf(this.#rate) + by];
    if (rate !== undefined) this.setRate(rate);
  }

  dismiss(): void {
    this.#missing = null;
  }

  receive(report: PlaybackReport): void {
    if (this.#mode !== 'recorded') return;
    if (report.playback === 'painted') this.#painted(report.at, report.exact);
    else if (report.playback === 'mode') this.#keyframesOnly = report.keyframesOnly;
    else if (report.playback === 'present') this.goLive();
    else if (report.playback === 'failed') {
      this.#failure = report.text;
      this.#seeking = false;
    } else {
      const { from, to, reason, text, jumpedTo } = report;
      this.#missing = { from, to, reason, text, jumpedTo };
      if (report.jumpedTo !== null) return;
      this.#seeking = false;
      this.#playing = false;
    }
  }

  #painted(at: UtcMs, exact: boolean): void {
    this.#paintedAt = at;
    this.#pictured = true;
    this.#failure = null;
    if (!exact) return;
    if (!this.#scrubbing) this.#target = null;
    const arrived = this.#seeking;
    this.#seeking = this.#player?.busy ?? false;
    if (arrived && !this.#seeking && !this.#scrubbing && this.#playing) this.#player?.play(this.#rate);
  }

  #ask(at: UtcMs, run: (player: Player) => void): void {
    if (!this.#player) return;
    this.#mode = 'recorded';
    this.#clear();
    this.#target = at;
    this.#seeking = true;
    run(this.#player);
  }

  #clear(): void {
    this.#target = null;
    this.#seeking = false;
    this.#missing = null;
    this.#failure = null;
  }
}
