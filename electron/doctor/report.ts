/** What a finding is about; stable, for scripts. */
export type FindingKind =
  | 'database-missing'
  | 'database-unreadable'
  | 'database-damaged'
  | 'spans-wrong'
  | 'totals-wrong'
  | 'file-missing'
  | 'file-unlisted'
  | 'file-size'
  | 'file-double'
  | 'file-unreadable'
  | 'file-differs'
  | 'file-empty'
  | 'file-foreign'
  | 'camera-unknown'
  | 'garbage-left'
  | 'temporary-left'
  | 'folder-missing'
  | 'folder-foreign'
  | 'time-unexplained'
  | 'proof'
  | 'archive-behind'
  | 'archive-unread'
  | 'ffmpeg-missing'
  | 'ffmpeg-old'
  | 'disk-space'
  | 'clock'
  | 'nat'
  | 'check-failed';

export interface Finding {
  readonly kind: FindingKind;
  /** `problem`: something is wrong. `note`: worth knowing, and no reason to call it unclean. */
  readonly level: 'problem' | 'note';
  /** One sentence: what is the matter, and why where that is known. */
  readonly text: string;
  /** What to do; empty where there is nothing to. */
  readonly advice: string;
  /** Some of the places, at most EXAMPLES: paths or times. */
  readonly examples: readonly string[];
  /** How many places there are. */
  readonly count: number;
}

export const CHECKS = ['database', 'folders', 'files', 'ledger', 'proofs', 'archive', 'ffmpeg', 'disk', 'clock', 'nat'] as const;
export type CheckName = (typeof CHECKS)[number];

export interface CheckResult {
  readonly name: CheckName;
  /** No finding of level `problem`. */
  readonly ok: boolean;
  /** What was looked at, in a few words. */
  readonly summary: string;
  readonly findings: readonly Finding[];
}

export interface DoctorReport {
  /** Of this format. */
  readonly format: 1;
  readonly dataDir: string;
  /** The app uses the folder just now. */
  readonly running: boolean;
  readonly clean: boolean;
  readonly checks: readonly CheckResult[];
}

export const EXAMPLES = 10;

/** Places of one kind, put together as one finding. */
export class Places {
  readonly #kind: FindingKind;
  readonly #level: Finding['level'];
  readonly #text: (count: number) => string;
  readonly #advice: string;
  readonly #examples: string[] = [];
  #count = 0;

  constructor(kind: FindingKind, level: Finding['level'], text: (count: number) => string, advice = '') {
    this.#kind = kind;
    this.#level = level;
    this.#text = text;
    this.#advice = advice;
  }

  add(...places: readonly string[]): void {
    this.#count += places.length;
    this.#examples.push(...places.slice(0, EXAMPLES - this.#examples.length));
  }

  finding(): Finding[] {
    if (this.#count === 0) return [];
    const text = this.#text(this.#count);
    return [{ kind: this.#kind, level: this.#level, text, advice: this.#advice, examples: this.#examples, count: this.#count }];
  }
}

export function problem(kind: FindingKind, text: string, advice: string): Finding {
  return { kind, level: 'problem', text, advice, examples: [], count: 1 };
}

export function note(kind: FindingKind, text: string, advice = ''): Finding {
  return { kind, level: 'note', text, advice, examples: [], count: 1 };
}

export function result(name: CheckName, summary: string, findings: readonly Finding[]): CheckResult {
  return { name, ok: findings.every(({ level }) => level !== 'problem'), summary, findings };
}
