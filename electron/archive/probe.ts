import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/errors.ts';
import type { ArchiveTest } from '../contract/archive.ts';
import type { ObjectStore } from './object-store.ts';

const PROBE_BYTES = 4_096;
const FROM = 1_000;
const BYTES = 100;

/** Tries what the archive will need: writes a small object, reads a piece of it, lists it, deletes it. Throws what the store says. */
export async function probe(store: ObjectStore, clock: Pick<Clock, 'monotonic'>): Promise<ArchiveTest> {
  const name = `test-${randomUUID()}`;
  const bytes = randomBytes(PROBE_BYTES);
  const time = async (step: () => Promise<void>): Promise<number> => {
    const began = clock.monotonic();
    await step();
    return Math.round(clock.monotonic() - began);
  };
  const refuse = (what: string) => new CodedError('archive-refused', `The archive ${store.where} ${what}: it cannot be used.`);
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  const writeMs = await time(() => store.put(name, PROBE_BYTES, parts()));
  try {
    const readMs = await time(async () => {
      const read = await store.read(name, FROM, BYTES);
      if (Buffer.compare(read, bytes.subarray(FROM, FROM + BYTES)) !== 0) throw refuse('does not give back what was put there');
      if ((await store.size(name)) !== PROBE_BYTES) throw refuse('does not say how large an object is');
    });
    const deleteMs = await time(async () => {
      await store.remove([name]);
      if ((await store.size(name)) !== null) throw refuse('does not delete');
    });
    return { writeMs, readMs, deleteMs };
  } catch (error) {
    await store.remove([name]).catch(() => {});
    throw error;
  }
}
