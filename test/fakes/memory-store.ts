import { CodedError } from '../../electron/base/errors.ts';
import type { ObjectStore, StoredObject } from '../../electron/archive/object-store.ts';

/** An archive's place in memory. */
export class MemoryStore implements ObjectStore {
  readonly where = 'memory';
  readonly objects = new Map<string, Buffer>();
  /** What everything that is asked fails with; null: nothing does. */
  failure: CodedError | null = null;

  async put(name: string, totalBytes: number, parts: AsyncIterable<Uint8Array>): Promise<void> {
    this.#mayFail();
    const all: Uint8Array[] = [];
    for await (const part of parts) all.push(Uint8Array.from(part));
    const bytes = Buffer.concat(all);
    if (bytes.length !== totalBytes) throw new Error(`${bytes.length} bytes of an object of ${totalBytes}`);
    this.objects.set(name, bytes);
  }

  async read(name: string, offset: number, bytes: number): Promise<Uint8Array> {
    this.#mayFail();
    const found = this.objects.get(name);
    if (!found) throw new CodedError('not-found', `${name} is not there.`);
    return found.subarray(offset, offset + bytes);
  }

  async size(name: string): Promise<number | null> {
    this.#mayFail();
    return this.objects.get(name)?.length ?? null;
  }

  async remove(names: readonly string[]): Promise<void> {
    this.#mayFail();
    for (const name of names) this.objects.delete(name);
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    this.#mayFail();
    for (const [name, { length }] of [...this.objects].sort()) if (name.startsWith(prefix)) yield { name, bytes: length };
  }

  async tidy(): Promise<void> {
    this.#mayFail();
  }

  close(): void {}

  #mayFail(): void {
    if (this.failure) throw this.failure;
  }
}
