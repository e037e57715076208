import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

/** Why no program's clock can be set here, or null. */
export function fakedClockUnavailable(): string | null {
  return existsSync(LIBRARY) ? null : 'libfaketime is not installed';
}

/** The wall clock of one program and its children, set by hours while it runs; its monotonic clock goes on as it does. */
export class FakedClock {
  readonly env: Readonly<Record<string, string>>;
  readonly #dir = mkdtempSync(join(tmpdir(), 'keyhole-clock-'));
  readonly #file = join(this.#dir, 'clock');
  #offsetMs = 0;

  constructor() {
    this.#write();
    this.env = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** What the program takes the time to be. */
  get now(): number {
    return Date.now() + this.#offsetMs;
  }

  jump(ms: number): void {
    this.#offsetMs += ms;
    this.#write();
  }

  close(): void {
    rmSync(this.#dir, { recursive: true });
  }

  #write(): void {
    // Read at any moment: replaced whole.
    const seconds = this.#offsetMs / 1000;
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? '' : '+'}${seconds}`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}
