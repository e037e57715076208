import { CodedError } from '../electron/base/errors.ts';
import { readFlags } from '../electron/base/flags.ts';
import { MAX_RENDEZVOUS, tidyName } from '../peer/pairing/invite.ts';
import { checkRendezvousUrl } from '../peer/signaling/rendezvous-client.ts';
import type { TurnServer } from '../peer/session/connection.ts';
import type { SpoolLimits } from './spool/tidy.ts';

export interface CameraOptions {
  readonly source: string;
  /** A small picture for viewers whose way is too thin; null: none. */
  readonly subSource: string | null;
  readonly name: string;
  /** None: apps on the same network find the camera, and nobody else. */
  readonly rendezvous: readonly string[];
  /** Whether it is to be found on its own networks. */
  readonly lan: boolean;
  /** It reads offers of apps from the terminal. */
  readonly byHand: boolean;
  /** Besides what the rendezvous offers. */
  readonly stun: readonly string[];
  readonly turn: readonly TurnServer[];
  readonly icePolicy: 'all' | 'relay';
  /** What apps that were away can fetch later is kept here; null: nothing is kept. */
  readonly spool: { readonly folder: string; readonly limits: SpoolLimits } | null;
  /** Null: a folder of the user's, one for each source. */
  readonly state: string | null;
}

export const CAMERA_USAGE = `Usage: keyhole camera --source SRC [--rendezvous ws://HOST:PORT …] [--no-lan] [--by-hand] [--name NAME] [--state DIR]
                      [--spool DIR [--spool-bytes 20G] [--spool-age 7d]] [--sub-source SUB] [--stun stun:HOST:PORT] [--turn turn:USER:PASSWORD@HOST:PORT] [--ice-policy all|relay]
SRC: rtsp://…, a video file, /dev/video0, or test: for a generated picture.
SUB: a small picture for viewers whose way is too thin: any of these, or transcode:?size=640x360&fps=10&kbps=300.
Apps on the same network find it by themselves (not with --no-lan), others at any of its rendezvous.
With --spool the camera keeps what it shows in DIR, and an app that was away fetches what it missed.
With --by-hand neither is needed: paste the offer that the app shows into this program, and its answer into the app.`;

/** @throws CodedError `usage` */
export function parseCameraFlags(argv: readonly string[]): CameraOptions {
  const values = readFlags(
    argv,
    {
      'source': { type: 'string' },
      'sub-source': { type: 'string' },
      'name': { type: 'string', default: 'Camera' },
      'rendezvous': { type: 'string', multiple: true },
      'no-lan': { type: 'boolean', default: false },
      'by-hand': { type: 'boolean', default: false },
      'stun': { type: 'string', multiple: true },
      'turn': { type: 'string', multiple: true },
      'ice-policy': { type: 'string', default: 'all' },
      'state': { type: 'string' },
      'spool': { type: 'string' },
      'spool-bytes': { type: 'string' },
      'spool-age': { type: 'string' },
    },
    CAMERA_USAGE,
  );
  const { source, rendezvous = [] } = values;
  const icePolicy = values['ice-policy'];
  if (!source) throw refused('--source is missing: say what to offer');
  if (rendezvous.length > MAX_RENDEZVOUS) throw refused(`at most ${MAX_RENDEZVOUS} --rendezvous can be given`);
  if (icePolicy !== 'all' && icePolicy !== 'relay') throw refused(`--ice-policy takes all or relay, not "${icePolicy}"`);
  const turn = (values.turn ?? []).map(parseTurn);
  if (icePolicy === 'relay' && turn.length === 0 && rendezvous.length === 0)
    throw refused('--ice-policy relay needs a --turn server to go through, or a --rendezvous that offers one');
  const stun = values.stun ?? [];
  for (const url of stun) if (!/^stun:[^\s/]+$/.test(url)) throw refused(`--stun takes stun:HOST:PORT, not "${url}"`);
  return {
    source,
    subSource: values['sub-source'] ?? null,
    name: tidyName(values.name) || 'Camera',
    rendezvous: rendezvous.map(checkRendezvousUrl),
    lan: !values['no-lan'],
    byHand: values['by-hand'],
    stun,
    turn,
    icePolicy,
    spool: parseSpool(values.spool, values['spool-bytes'], values['spool-age']),
    state: values.state ?? null,
  };
}

const SIZES = { M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const;
const TIMES = { h: 3_600_000, d: 86_400_000 } as const;
/** A spool holds some files at least: else what is written last is gone before anybody can fetch it. */
const [LEAST_SPOOL_BYTES, MOST_SPOOL_MS] = [64 * 1024 ** 2, 366 * 86_400_000];

function parseSpool(folder: string | undefined, size = '20G', age = '7d'): CameraOptions['spool'] {
  if (folder === undefined) {
    if (size !== '20G' || age !== '7d') throw refused('--spool-bytes and --spool-age say how much --spool keeps: it is missing');
    return null;
  }
  if (folder === '') throw refused('--spool takes a folder');
  const bytes = Math.round(amount(size, SIZES));
  if (!(bytes >= LEAST_SPOOL_BYTES && bytes <= Number.MAX_SAFE_INTEGER))
    throw refused(`--spool-bytes takes 64M or more, as 500M, 20G or 1T, not "${size}"`);
  const ageMs = amount(age, TIMES);
  if (!(ageMs >= TIMES.h && ageMs <= MOST_SPOOL_MS)) throw refused(`--spool-age takes hours or days, as 12h or 7d, not "${age}"`);
  return { folder, limits: { bytes, ageMs } };
}

/** A number and its unit; NaN for anything else. */
function amount(text: string, units: Readonly<Record<string, number>>): number {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)([A-Za-z])$/.exec(text) ?? [];
  return Number(number) * (units[unit ?? ''] ?? NaN);
}

/** `turn:USER:PASSWORD@HOST:PORT?transport=tcp`, user and password percent-encoded. */
function parseTurn(url: string): TurnServer {
  const parts = /^(turns?:)([^:@\s]+):([^@\s]+)@([^@\s]+)$/.exec(url);
  const [, scheme, user, password, rest] = parts ?? [];
  if (!scheme || !user || !password || !rest) throw refused('--turn takes turn:USER:PASSWORD@HOST:PORT');
  try {
    return { url: scheme + rest, username: decodeURIComponent(user), credential: decodeURIComponent(password) };
  } catch {
    throw refused('--turn takes a user and a password that are percent-encoded: a % in them is written %25');
  }
}

function refused(text: string): CodedError {
  return new CodedError('usage', `${text}.\n${CAMERA_USAGE}`);
}
