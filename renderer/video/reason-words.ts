import type { GapReason } from '../../electron/contract/model.ts';

/**
 * What kind of missing time it is: something failed; nobody could have recorded (the app or the computer was off or only beginning, the clock
 * left it out, the index does not say); nobody meant to; it was recorded and is deleted; there was no camera, or the time is still to come.
 */
export type ReasonKind = 'failure' | 'away' | 'not-owed' | 'deleted' | 'none';

const KINDS: Partial<Record<GapReason, ReasonKind>> = {
  'not-added-yet': 'none',
  'future': 'none',
  'recorder-stopped': 'none',
  'schedule': 'not-owed',
  'no-event': 'not-owed',
  'deleted-by-retention': 'deleted',
  'deleted-by-person': 'deleted',
  'app-not-running': 'away',
  'asleep': 'away',
  'connecting': 'away',
  'clock-set': 'away',
  'index-lost': 'away',
  'index-rebuilding': 'away',
};

/** What is not known to be harmless is a failure. */
export const kindOf = (reason: GapReason): ReasonKind => KINDS[reason] ?? 'failure';

const KIND_WORDS = {
  'failure': 'Failed',
  'not-owed': 'Not meant to record',
  'deleted': 'Deleted',
  'none': '',
} as const satisfies Record<Exclude<ReasonKind, 'away'>, string>;

/** What is drawn as `away` has little in common: it is called by what it is. In the order in which it is said. */
const AWAY_WORDS: readonly (readonly [reasons: readonly GapReason[], words: string])[] = [
  [['app-not-running', 'asleep'], 'off or asleep'],
  [['connecting'], 'connecting'],
  [['clock-set'], 'clock set'],
  [['index-rebuilding'], 'being looked up'],
  [['index-lost'], 'reason lost'],
];

/** What the kind stands for where it stands for these reasons. */
export function kindWords(kind: ReasonKind, reasons: ReadonlySet<GapReason>): string {
  if (kind !== 'away') return KIND_WORDS[kind];
  const words = AWAY_WORDS.filter(([some]) => some.some((reason) => reasons.has(reason))).map(([, word]) => word);
  return words.join(', ').replace(/^./, (first) => first.toUpperCase());
}

const WORDS: Partial<Record<GapReason, string>> = {
  'not-added-yet': 'Not added yet',
  'future': 'Still to come',
  'recorder-stopped': 'Camera removed',
  'schedule': 'Off by the schedule',
  'no-event': 'No event',
  'deleted-by-retention': 'Deleted, to make room or by its age',
  'deleted-by-person': 'Deleted by a person',
  'app-not-running': 'Keyhole not running',
  'asleep': 'Computer asleep',
  'connecting': 'Connecting',
  'clock-set': 'The clock was set',
  'index-lost': 'Reason lost: the list of recordings was damaged',
  'index-rebuilding': 'List of recordings being made anew',
  'format-changed': 'The camera changed its format',
  'file-lost': 'Recording missing from the disk',
  'unknown': 'No reason known',
  'rendezvous-unreachable': 'Rendezvous not reached',
  'peer-absent': 'Camera’s side not there',
  'ice-failed': 'No way between the networks',
  'dtls-failed': 'Encryption could not be agreed',
  'identity-mismatch': 'Not the camera that was paired',
  'not-paired': 'The camera does not know this Keyhole',
  'protocol-error': 'The camera answered what nobody understands',
  'session-lost': 'Connection lost',
  'relay-not-allowed': 'Only a relay would do, and none may be used',
  'relay-budget-spent': 'Relay allowance used up',
  'relay-unreachable': 'Relay not reached',
  'relay-refused': 'Relay refused',
  'rtsp-refused': 'Camera did not answer at its address',
  'rtsp-unauthorized': 'Camera refused user or password',
  'source-not-found': 'Camera has no such stream',
  'source-no-video': 'Camera sends no video',
  'source-ended': 'Camera ended its stream',
  'source-stalled': 'No pictures came',
  'codec-unsupported': 'Format not supported',
  'no-keyframe': 'No whole picture came',
  'ffmpeg-missing': 'ffmpeg not found',
  'ffmpeg-failed': 'ffmpeg failed',
  'disk-full': 'Disk full',
  'disk-missing': 'Disk not there',
  'disk-failed': 'Disk failed',
  'disk-read-only': 'Disk read-only',
  'disk-slow': 'Disk too slow',
  'data-unwritable': 'Folder cannot be written',
  'key-unavailable': 'Camera’s secrets cannot be read',
  'too-busy': 'Computer too busy',
};

/** A few words for lists; a gap's own text says it in full. */
export function reasonWords(reason: GapReason): string {
  const plain = reason.replaceAll('-', ' ');
  return WORDS[reason] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}
