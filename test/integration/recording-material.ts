import { execFileSync } from 'node:child_process';
import { SimulatedClock } from '../../electron/base/clock.ts';
import { pts90k, utcMs } from '../../electron/base/units.ts';
import { FragmentReader } from '../../electron/ffmpeg/fragment-reader.ts';
import { fragmentedOutput, type OutputTracks } from '../../electron/ffmpeg/fragments.ts';
import type { AccessUnit } from '../../electron/media/access-unit.ts';
import { buildFragment } from '../../electron/media/fmp4/build-fragment.ts';
import { setBaseDecodeTime, parseFragment } from '../../electron/media/fmp4/fragment.ts';
import { parseInit } from '../../electron/media/fmp4/init.ts';
import type { FragmentUnit } from '../../electron/segment/remux-feed.ts';

/* Pictures and sound of every kind that Keyhole records, made by the real encoders, as an RTSP camera's ffmpeg gives them. */

export interface Material {
  readonly video?: 'libx264' | 'libx265';
  readonly size?: string;
  readonly fps?: number;
  readonly seconds?: number;
  /** Further options of the encoder. */
  readonly options?: readonly string[];
  readonly sound?: 'aac' | 'libopus' | 'pcm_mulaw' | 'pcm_alaw' | null;
}

const made = new Map<string, readonly FragmentUnit[]>();

/** In order of their decode times, which begin near 0. A keyframe comes each second. */
export function material(of: Material): readonly FragmentUnit[] {
  const key = JSON.stringify(of);
  const known = made.get(key);
  if (known) return known;
  const { video = 'libx264', size = '320x180', fps = 25, seconds = 4, options = [], sound = null } = of;
  const tracks: OutputTracks = { video: true, audio: sound === null ? 'none' : sound.startsWith('pcm') ? 'pcm' : 'coded' };
  const rate = sound?.startsWith('pcm') ? '8000' : '48000';
  const inputs = ['-f', 'lavfi', '-i', `testsrc=s=${size}:r=${fps}`, ...(sound ? ['-f', 'lavfi', '-i', `sine=f=440:r=${rate}`] : [])];
  const gop = ['-g', String(fps), '-keyint_min', String(fps), '-sc_threshold', '0', '-pix_fmt', 'yuv420p', '-preset', 'ultrafast'];
  const quiet = video === 'libx265' ? ['-x265-params', `log-level=error:keyint=${fps}:min-keyint=${fps}:scenecut=0:open-gop=0`] : [];
  const output = execFileSync(
    'ffmpeg',
    ['-nostdin', '-v', 'error', ...inputs, '-t', String(seconds), '-output_ts_offset', '1', '-c:v', video, ...gop, ...quiet, ...options]
      .concat(sound ? ['-c:a', sound, '-ac', '1'] : [])
      .concat(fragmentedOutput(tracks, { video: '0:v:0', audio: '1:a:0' })),
    { maxBuffer: 256 * 1024 * 1024 },
  );
  const units: FragmentUnit[] = [];
  const reader = new FragmentReader({
    tracks,
    timeline: 0,
    clock: new SimulatedClock(),
    onUnit: (unit) => units.push(unit as FragmentUnit),
  });
  reader.push(new Uint8Array(output));
  units.sort((a, b) => a.dts - b.dts || (a.config.kind === 'audio' ? -1 : 1));
  made.set(key, units);
  return units;
}

export interface Placed {
  /** Wall clock of media time `from`. */
  readonly at: number;
  /** Media time that the first picture's decode time becomes, 1/90000 s. */
  readonly from: number;
  readonly timeline: number;
}

/** The units at another time. */
export function placed(units: readonly FragmentUnit[], { at, from, timeline }: Placed): FragmentUnit[] {
  const shift = from - Math.min(...units.filter(({ config }) => config.kind === 'video').map(({ dts }) => dts));
  return units.map((unit) => moved({ ...unit, timeline }, shift, at - from / 90));
}

/** @param shift of media time, 1/90000 s; @param zero wall clock of media time 0 */
export function moved(unit: FragmentUnit, shift: number, zero: number): FragmentUnit {
  const init = parseInit(unit.fragment.init);
  const [sample] = (init && parseFragment(unit.fragment.bytes, init)) ?? [];
  const bytes = unit.fragment.bytes.slice();
  if (!sample || !setBaseDecodeTime(bytes, sample.dts + Math.round((shift * sample.track.timescale) / 90_000)))
    throw new Error('a unit cannot be moved');
  const pts = pts90k(unit.pts + shift);
  const utc = utcMs(zero + pts / 90);
  return { ...unit, pts, dts: pts90k(unit.dts + shift), utc, receivedAt: utc, fragment: { init: unit.fragment.init, bytes } };
}

/** The picture with other bytes, or other times, in a fragment to match. */
export function changed(unit: FragmentUnit, change: Partial<Pick<AccessUnit, 'data' | 'key' | 'pts' | 'dts' | 'utc'>>): FragmentUnit {
  const next = { ...unit, ...change };
  const samples = [{ data: next.data, duration: 3_600, key: next.key, compositionOffset: next.pts - next.dts }];
  const bytes = buildFragment({ trackId: 1, sequenceNumber: 1, baseDecodeTime: next.dts, samples });
  return { ...next, fragment: { init: unit.fragment.init, bytes } };
}

/** As a peer-to-peer camera gives it. */
export function bare({ fragment: _, ...unit }: FragmentUnit): AccessUnit {
  return unit;
}
