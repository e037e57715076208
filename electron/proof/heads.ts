import { z } from 'zod';
import type { CameraId } from '../contract/model.ts';

/** Where the ends of all chains are kept at each start and end of the app: with the settings it gets into the backup of the cameras. */
export const HEADS_SETTING = 'proof.heads';

export interface CameraHead {
  readonly camera: CameraId;
  readonly seq: number;
  readonly hash: Uint8Array;
}

const schema = z.record(
  z.string().max(64),
  z.strictObject({ seq: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), hash: z.string().regex(/^[0-9a-f]{64}$/) }),
);

export function formatHeads(heads: readonly CameraHead[]): string {
  const entries = heads.map(({ camera, seq, hash }) => [camera, { seq, hash: Buffer.from(hash).toString('hex') }]);
  return JSON.stringify(Object.fromEntries(entries));
}

/** None for what is not understood. */
export function readHeads(text: string | null): readonly CameraHead[] {
  if (text === null) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return [];
  return Object.entries(parsed.data).map(([camera, { seq, hash }]) => ({ camera, seq, hash: new Uint8Array(Buffer.from(hash, 'hex')) }));
}
