import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { CodedError } from '../base/errors.ts';
import { KEY_ID_BYTES, type ArchiveKey } from './archive-key.ts';

/*
 * A file as it lies in the archive (docs/archive.md):
 *
 *   header (64 bytes)  "KHAR" | version 1 | log2 of the chunk size | 0 0 | key id (8) | nonce (32) | bytes of the notes (4) |
 *                      bytes of the file (8) | 0 (4); integers big-endian
 *   notes              sealed: what the file's row says
 *   chunks             64 KiB of the file each (the last may be shorter), sealed one by one
 *
 * Sealed is AES-256-GCM, ciphertext then tag (16), under a key of this object alone. The nonce says what a piece is: notes, chunk or
 * last chunk, and the chunk's number. The additional data binds it to the header, to the object's name and, chunks, to the notes.
 */
export const HEADER_BYTES = 64;
export const CHUNK_BYTES = 65_536;
export const TAG_BYTES = 16;
export const MAX_NOTES_BYTES = 1024 * 1024;
/** Largest file, bytes: an hour at 100 Mbit/s fits. */
export const MAX_FILE_BYTES = 2 ** 36;
const SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES;
const MAGIC = Buffer.from('KHAR');
const VERSION = 1;
const CHUNK_LOG2 = 16;
const NONCE_BYTES = 32;
const ALGORITHM = 'aes-256-gcm';

const PIECE = { notes: 0, chunk: 1, lastChunk: 2 } as const;

/** Bytes of an object, whole. */
export function sealedBytes(fileBytes: number, sealedNotesBytes: number): number {
  return HEADER_BYTES + sealedNotesBytes + fileBytes + chunksOf(fileBytes) * TAG_BYTES;
}

/** Encrypts one file, chunk by chunk. */
export class ObjectSealer {
  /** Header and notes: what the object begins with. */
  readonly head: Uint8Array;
  readonly totalBytes: number;
  readonly chunks: number;
  readonly #key: Uint8Array;
  readonly #aad: Uint8Array;
  #next = 0;

  /** @param name of the object, below the archive's own folder: it opens under no other */
  constructor(key: ArchiveKey, name: string, fileBytes: number, notes: Uint8Array) {
    if (!Number.isSafeInteger(fileBytes) || fileBytes < 1 || fileBytes > MAX_FILE_BYTES) throw new Error(`a file of ${fileBytes} bytes`);
    if (notes.length + TAG_BYTES > MAX_NOTES_BYTES) throw new Error(`notes of ${notes.length} bytes`);
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header[4] = VERSION;
    header[5] = CHUNK_LOG2;
    header.set(key.id, 8);
    randomBytes(NONCE_BYTES).copy(header, 16);
    header.writeUInt32BE(notes.length + TAG_BYTES, 48);
    header.writeBigUInt64BE(BigInt(fileBytes), 52);
    this.#key = key.objectKey(header.subarray(16, 48));
    const sealed = sealPiece(this.#key, PIECE.notes, 0, binding(header, name, null), notes);
    this.head = Buffer.concat([header, sealed]);
    this.#aad = binding(header, name, sealed);
    this.totalBytes = sealedBytes(fileBytes, notes.length + TAG_BYTES);
    this.chunks = chunksOf(fileBytes);
  }

  /** The chunks in order, all but the last CHUNK_BYTES long. */
  chunk(plain: Uint8Array): Uint8Array {
    const index = this.#next++;
    const last = index === this.chunks - 1;
    if (index >= this.chunks || (!last && plain.length !== CHUNK_BYTES)) throw new Error(`chunk ${index} of ${plain.length} bytes`);
    return sealPiece(this.#key, last ? PIECE.lastChunk : PIECE.chunk, index, this.#aad, plain);
  }
}

/** Bytes [from, to) of an object, and the chunks they hold. */
export interface ChunkRange {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

/** An object whose beginning was read: says where chunks are, and opens them. */
export class OpenedObject {
  /** Of this very upload: another one of the same file differs. */
  readonly id: string;
  readonly fileBytes: number;
  readonly chunks: number;
  readonly notes: Uint8Array;
  readonly #key: Uint8Array;
  readonly #aad: Uint8Array;
  readonly #name: string;
  readonly #headBytes: number;

  private constructor(name: string, key: Uint8Array, { headBytes, fileBytes }: Header, notes: Uint8Array, aad: Uint8Array) {
    this.#name = name;
    this.#key = key;
    this.#headBytes = headBytes;
    this.#aad = aad;
    this.id = Buffer.from(aad).toString('base64url');
    this.notes = notes;
    this.fileBytes = fileBytes;
    this.chunks = chunksOf(fileBytes);
  }

  /** Bytes that hold header and notes, by the object's first HEADER_BYTES; null when that is no header of ours. */
  static headBytes(header: Uint8Array): number | null {
    return readHeader(header)?.headBytes ?? null;
  }

  /** @param head header and notes; more may follow. Throws `not-found` on what was altered, `key-unavailable` for another key's. */
  static open(key: ArchiveKey, name: string, head: Uint8Array): OpenedObject {
    const read = readHeader(head);
    if (!read) throw altered(name);
    if (Buffer.compare(read.keyId, key.id) !== 0)
      throw new CodedError('key-unavailable', `${name} in the archive was encrypted under another key than this archive's.`);
    if (head.length < read.headBytes) throw altered(name);
    const header = head.subarray(0, HEADER_BYTES);
    const objectKey = key.objectKey(header.subarray(16, 48));
    const sealed = head.subarray(HEADER_BYTES, read.headBytes);
    const notes = openPiece(objectKey, PIECE.notes, 0, binding(header, name, null), sealed);
    if (!notes) throw altered(name);
    return new OpenedObject(name, objectKey, read, notes, binding(header, name, sealed));
  }

  get totalBytes(): number {
    return sealedBytes(this.fileBytes, this.#headBytes - HEADER_BYTES);
  }

  /** Where the chunks are that hold these bytes of the file. Throws `not-found` on bytes that the file does not have. */
  range(offset: number, bytes: number): ChunkRange {
    if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(bytes) || bytes < 1 || offset + bytes > this.fileBytes)
      throw altered(this.#name);
    return this.chunkRange(Math.floor(offset / CHUNK_BYTES), Math.floor((offset + bytes - 1) / CHUNK_BYTES));
  }

  /** Both inclusive. */
  chunkRange(first: number, last: number): ChunkRange {
    const begin = this.#headBytes;
    return { from: begin + first * SEALED_CHUNK, to: Math.min(begin + (last + 1) * SEALED_CHUNK, this.totalBytes), first, last };
  }

  /** The file's bytes in these chunks, by their sealed bytes. Throws `not-found` on anything but exactly them. */
  openChunks({ from, to, first, last }: ChunkRange, sealed: Uint8Array): Uint8Array[] {
    if (sealed.length !== to - from) throw altered(this.#name);
    const plain: Uint8Array[] = [];
    for (let index = first; index <= last; index++) {
      const at = (index - first) * SEALED_CHUNK;
      const kind = index === this.chunks - 1 ? PIECE.lastChunk : PIECE.chunk;
      const chunk = openPiece(this.#key, kind, index, this.#aad, sealed.subarray(at, at + SEALED_CHUNK));
      if (!chunk) throw altered(this.#name);
      plain.push(chunk);
    }
    return plain;
  }
}

function chunksOf(fileBytes: number): number {
  return Math.ceil(fileBytes / CHUNK_BYTES);
}

interface Header {
  readonly keyId: Uint8Array;
  /** Header and notes. */
  readonly headBytes: number;
  readonly fileBytes: number;
}

function readHeader(bytes: Uint8Array): Header | null {
  if (bytes.length < HEADER_BYTES || Buffer.compare(bytes.subarray(0, 4), MAGIC) !== 0) return null;
  if (bytes[4] !== VERSION || bytes[5] !== CHUNK_LOG2) return null;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const sealedNotes = header.readUInt32BE(48);
  const fileBytes = Number(header.readBigUInt64BE(52));
  if (sealedNotes < TAG_BYTES || sealedNotes > MAX_NOTES_BYTES || fileBytes < 1 || fileBytes > MAX_FILE_BYTES) return null;
  return { keyId: bytes.subarray(8, 8 + KEY_ID_BYTES), headBytes: HEADER_BYTES + sealedNotes, fileBytes };
}

/** What a piece belongs to: the notes to header and name, the chunks to the notes as well. */
function binding(header: Uint8Array, name: string, sealedNotes: Uint8Array | null): Uint8Array {
  const digest = createHash('sha256').update(header).update(name).update('\0');
  return sealedNotes ? digest.update(sealedNotes).digest() : digest.digest();
}

function nonceOf(kind: number, index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce[0] = kind;
  nonce.writeUInt32BE(index, 8);
  return nonce;
}

function sealPiece(key: Uint8Array, kind: number, index: number, aad: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(kind, index), { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function openPiece(key: Uint8Array, kind: number, index: number, aad: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  const length = sealed.length - TAG_BYTES;
  if (length < 0) return null;
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(kind, index), { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(length));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]);
  } catch {
    return null;
  }
}

export function altered(name: string): CodedError {
  return new CodedError('not-found', `The archive's copy ${name} is incomplete, was altered, or is not the one that was put there.`);
}
