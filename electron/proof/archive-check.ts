import { asCoded } from '../base/errors.ts';
import type { CameraId } from '../contract/model.ts';
import type { RemoteSegments } from '../playback/segment-reader.ts';
import { toSegment, type SegmentRow } from '../segment/segment.ts';
import { hashFile, type FileHash } from './file-hash.ts';

/** Read at once, bytes: what an archive gives by one request. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** After so many failures in a row the archive is not asked again: each may take as long as a person's patience. */
const MAX_FAILURES = 3;

export type ArchiveCopy =
  | { readonly kind: 'read'; readonly file: FileHash }
  /** It is gone, incomplete or altered; in one sentence. */
  | { readonly kind: 'broken'; readonly text: string }
  /** Nobody asked, or the archive did not answer. */
  | { readonly kind: 'unread' };

/** Reads copies in the archive whole, a piece at a time, and counts those that it could not. */
export class ArchiveCheck {
  readonly counts: { good: number; unread: number; why: string | null } = { good: 0, unread: 0, why: null };
  readonly #camera: CameraId;
  readonly #remote: RemoteSegments | null;
  readonly #signal: AbortSignal | undefined;
  #failures = 0;

  /** @param remote null: nothing is read */
  constructor(camera: CameraId, remote: RemoteSegments | null, signal?: AbortSignal) {
    this.#camera = camera;
    this.#remote = remote;
    this.#signal = signal;
  }

  async read(row: SegmentRow): Promise<ArchiveCopy> {
    if (this.#remote && this.#failures < MAX_FAILURES)
      try {
        const file = await hashFile(this.#pieces(row, this.#remote));
        this.#failures = 0;
        return { kind: 'read', file };
      } catch (error) {
        this.#signal?.throwIfAborted();
        const { code, message } = asCoded(error);
        if (code === 'not-found') return { kind: 'broken', text: message };
        this.#failures += 1;
        this.counts.why ??= message;
      }
    this.counts.unread += 1;
    return { kind: 'unread' };
  }

  async *#pieces(row: SegmentRow, remote: RemoteSegments): AsyncGenerator<Uint8Array> {
    const segment = toSegment(this.#camera, { ...row, keyframes: [] });
    for (let offset = 0; offset < row.bytes; offset += PIECE_BYTES) {
      this.#signal?.throwIfAborted();
      yield await remote.read(segment, offset, Math.min(PIECE_BYTES, row.bytes - offset));
    }
  }
}
