/** A place that keeps objects by name. Names are those of objects below one archive's own folder: nothing beside it is seen or touched. */
export interface ObjectStore {
  /** For people: where that is, without secrets. */
  readonly where: string;
  /** All of it, or nothing: the name shows the whole object or what it showed before. `parts` sum up to `totalBytes`. */
  put(name: string, totalBytes: number, parts: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<void>;
  /** Bytes from `offset` on, fewer where the object ends. Throws `not-found` where there is no such object. */
  read(name: string, offset: number, bytes: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** Bytes of the object; null where there is none. */
  size(name: string, signal?: AbortSignal): Promise<number | null>;
  /** Those that are not there are not missed. */
  remove(names: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Every object whose name begins with `prefix`, in the order of names. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<StoredObject>;
  /** What an upload that was cut off left behind. */
  tidy(signal?: AbortSignal): Promise<void>;
  close(): void;
}

export interface PutOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes go to the store as it lets them, and are told to it. */
  readonly pace?: PutPace | undefined;
}

export interface PutPace {
  /** False: everything may go at once. */
  readonly limited: boolean;
  /** Resolves at once when `signal` says stop. */
  wait(bytes: number, signal?: AbortSignal): Promise<void>;
  sent(bytes: number): void;
}

export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
}

/*
 * Every method fails with a CodedError: `archive-unreachable` when it may go well later, `archive-refused` when somebody must do
 * something first, `closed` when `signal` said so.
 */

/** The folder of one key's objects: installations, and keys of one installation, keep to their own. */
export const ownFolder = (keyId: string): string => `keyhole-${keyId}`;
/** In it: says which archive this is. */
export const ARCHIVE_MARKER = 'keyhole-archive.json';
