import { CodedError } from '../base/errors.ts';
import type { Segment } from '../contract/model.ts';
import { ArchiveReader } from './archive-reader.ts';
import { ArchiveBook, type BookOptions } from './book.ts';

/** The archive of a data folder as commands see it that only look, also beside the app that copies there: nothing is written to it. */
export interface ArchiveLook {
  /** Exactly these bytes of a file that only the archive has. Errors: those of `ArchiveReader.read`. */
  read(segment: Segment, offset: number, bytes: number): Promise<Uint8Array>;
  close(): void;
}

/** @param options.dataKey null: it is kept elsewhere, by the desktop's keychain; then each read fails with `key-unavailable` */
export async function lookIntoArchive(
  options: Omit<BookOptions, 'dataKey'> & { readonly dataKey: Uint8Array | null },
): Promise<ArchiveLook> {
  const { dataKey } = options;
  if (!dataKey)
    return {
      read: () =>
        Promise.reject(
          new CodedError('key-unavailable', 'The key of the archive is kept by the desktop’s keychain: only the app reads it.'),
        ),
      close: () => {},
    };
  const book = await ArchiveBook.open({ ...options, dataKey });
  const reader = new ArchiveReader({ ...options, book });
  return { read: (segment, offset, bytes) => reader.read(segment, offset, bytes), close: () => book.close() };
}
