import { asCoded, type CodedError } from '../base/errors.ts';
import type { SpoolReader } from '../../peer/session/bulk-client.ts';
import { CHUNK_BYTES } from '../../peer/session/bulk-messages.ts';
import type { SpoolFile } from '../../peer/session/bulk-server.ts';
import type { PartFile } from './part-file.ts';

/** Chunks that are asked for and have not come: what is fetched twice when something is killed, at most. */
export const WINDOW_CHUNKS = 16;

/** The camera did not give bytes of a file that it has, or had. */
export class NotGiven extends Error {
  readonly why: CodedError;

  constructor(why: CodedError) {
    super(why.message, { cause: why });
    this.why = why;
  }
}

/**
 * Fetches what is missing of the part, chunk after chunk. Rejects with what ended it, on the camera's side with NotGiven; what has come by
 * then stays.
 * @param came told after each chunk; false ends it, without an error
 */
export async function fetchRest(reader: SpoolReader, file: SpoolFile, part: PartFile, came: (bytes: number) => boolean): Promise<void> {
  const asked: Promise<Buffer>[] = [];
  let offset = part.bytes;
  try {
    while (!part.isWhole) {
      for (; asked.length < WINDOW_CHUNKS && offset < file.bytes; offset += CHUNK_BYTES) {
        const chunk = reader.read(file.key, offset, Math.min(CHUNK_BYTES, file.bytes - offset));
        chunk.catch(() => {}); // its turn to be waited for comes
        asked.push(chunk);
      }
      const bytes = await asked.shift()?.catch((error: unknown) => {
        throw new NotGiven(asCoded(error));
      });
      if (!bytes) return;
      await part.append(bytes);
      if (!came(bytes.length)) return;
    }
  } finally {
    // Their answers are of no use any more, and bounded.
    asked.length = 0;
  }
}
