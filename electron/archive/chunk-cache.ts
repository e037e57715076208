/** Decrypted chunks of objects that were read last, within a number of bytes. */
export class ChunkCache {
  readonly #maxBytes: number;
  readonly #chunks = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(object: string, index: number): Uint8Array | undefined {
    const key = `${object}#${index}`;
    const chunk = this.#chunks.get(key);
    if (!chunk) return undefined;
    this.#chunks.delete(key);
    this.#chunks.set(key, chunk);
    return chunk;
  }

  put(object: string, index: number, chunk: Uint8Array): void {
    const key = `${object}#${index}`;
    this.#drop(key);
    this.#chunks.set(key, chunk);
    this.#bytes += chunk.length;
    for (const oldest of this.#chunks.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#chunks.get(key)?.length ?? 0;
    this.#chunks.delete(key);
  }
}
