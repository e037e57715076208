import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Clock, Timer } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import type { Log } from '../electron/base/log.ts';

/** How often the files are looked at: certificates are renewed every few weeks, by somebody else, ms. */
const LOOK_MS = 60_000;

export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** A certificate with its key in two files of PEM, read again when they change. */
export class TlsFiles {
  readonly #files: { readonly cert: string; readonly key: string };
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: Timer | null = null;
  #stamp = '';
  #closed = false;

  constructor(options: { files: { readonly cert: string; readonly key: string }; clock: Clock; log: Log }) {
    this.#files = options.files;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** @throws CodedError `usage` when they cannot be read, or do not belong together. */
  async load(): Promise<TlsIdentity> {
    const { cert, key } = this.#files;
    try {
      this.#stamp = await this.#newStamp();
      const identity = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
      createSecureContext(identity);
      return identity;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CodedError(
        'usage',
        `The certificate ${cert} with the key ${key} cannot be used (${reason}): give two PEM files that belong together.`,
      );
    }
  }

  /** Calls back with each new pair until it is closed; one that cannot be used is told in the log, and looked at again. */
  watch(onChange: (identity: TlsIdentity) => void): void {
    const look = async () => {
      try {
        if ((await this.#newStamp()) !== this.#stamp) {
          onChange(await this.load());
          this.#log.info('a new certificate is used', { file: this.#files.cert });
        }
      } catch (error) {
        this.#log.warn('the certificate cannot be read anew', { error: error instanceof Error ? error.message : String(error) });
      }
      this.#timer = this.#closed ? null : this.#clock.setTimeout(() => void look(), LOOK_MS);
    };
    this.#timer = this.#clock.setTimeout(() => void look(), LOOK_MS);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #newStamp(): Promise<string> {
    const stats = await Promise.all([this.#files.cert, this.#files.key].map((file) => stat(file)));
    return stats.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join(' ');
  }
}

/** The first host name that a certificate is for; null when it has none but patterns. */
export function hostOfCertificate(cert: string): string | null {
  const names = new X509Certificate(cert).subjectAltName?.split(', ') ?? [];
  const hosts = names.flatMap((name) => /^DNS:([a-z0-9.-]+)$/i.exec(name)?.[1] ?? /^IP Address:([0-9.]+)$/.exec(name)?.[1] ?? []);
  return hosts[0] ?? null;
}
