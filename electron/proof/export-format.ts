import { createHash } from 'node:crypto';
import { z } from 'zod';
import { verifySignature } from '../../peer/identity.ts';
import { CodedError } from '../base/errors.ts';
import { readHeader, u32 } from '../media/fmp4/boxes.ts';

/** Says of a `uuid` box that it is ours; players pass it over. */
const USER_TYPE = Buffer.from('6b657968-6f6c-4570-726f-6f66626f7831'.replaceAll('-', ''), 'hex');
const DOMAIN = Buffer.from('keyhole export proof v1\0');
const HEAD_BYTES = 8 + 16;
const SIGNATURE_BYTES = 64;
/** A week of minutes, its chain with it, takes 25 MB. */
const MAX_PROOF_BYTES = 64 * 1024 * 1024;

const time = z.number().int().min(0).max(8.64e15);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const sha256 = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const text = z.string().max(1_000);

/** A group that is in the file: wall clock of its keyframe, hash of all of it, decode time of its first fragment in the file, how many fragments it had, and the hashes of those left out. */
const groupIn = z.strictObject({
  at: time,
  hash: sha256,
  time: count,
  fragments: z.number().int().min(1).max(1_000_000),
  out: z
    .array(z.tuple([z.number().int().min(0).max(1_000_000), sha256]))
    .max(1_000_000)
    .optional(),
});

export const exportSchema = z.strictObject({
  format: z.literal('keyhole-export-proof/1'),
  /** The app that recorded and exported: its public key, Ed25519, base64url. */
  key: sha256,
  version: text,
  camera: z.strictObject({ id: z.string().max(64), name: text, fingerprint: text.nullable() }),
  madeAt: time,
  from: time,
  to: time,
  part: z.strictObject({ number: z.number().int().min(1), of: z.number().int().min(1) }),
  /** Everything before the proof's box. */
  media: z.strictObject({ bytes: count, sha256 }),
  segments: z
    .array(
      z.strictObject({
        start: time,
        end: time,
        origin: z.enum(['live', 'healed', 'sub']),
        /** Number of its link in the chain; null: it had none yet, and only the export's own signature speaks for it. */
        link: count.nullable(),
        /** Of its header, of which the clip has that of the first segment. */
        header: sha256,
        /** Track, and what was added to its times. */
        shifts: z.array(z.tuple([count, z.number().int()])).max(16),
        /** In order; a hash for a group that is not in the file. */
        groups: z.array(z.union([sha256, groupIn])).max(100_000),
      }),
    )
    .max(20_000),
  /** Links of the chain that follow each other, 208 bytes each, base64. */
  chain: z.array(z.strictObject({ first: count, links: z.string().max(MAX_PROOF_BYTES) })).max(20_000),
  gaps: z.array(z.strictObject({ from: time, to: time, reason: text, text })).max(20_000),
});

export type ExportProof = z.infer<typeof exportSchema>;
export type ExportedSegment = ExportProof['segments'][number];
export type ExportedGroup = z.infer<typeof groupIn>;

export const toText = (hash: Uint8Array): string => Buffer.from(hash).toString('base64url');
export const fromText = (hash: string): Uint8Array => new Uint8Array(Buffer.from(hash, 'base64url'));

/** The box that carries the proof at the end of an exported file. @throws CodedError `bad-request` for one that nobody could read again */
export function proofBox(proof: ExportProof, sign: (message: Uint8Array) => Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(proof));
  const size = HEAD_BYTES + SIGNATURE_BYTES + json.length;
  if (!proofFits(size))
    throw new CodedError('bad-request', 'This export is too long for one proof, for so many keyframes: export it in shorter parts.');
  return Buffer.concat([u32(size), Buffer.from('uuid'), USER_TYPE, sign(signedBytes(json)), json]);
}

/** Whether a box that begins so carries a proof; wants its first 24 bytes. */
export function isProofBox(head: Uint8Array): boolean {
  const box = readHeader(head, 0);
  return box?.type === 'uuid' && box.bodyStart === 8 && Buffer.compare(head.subarray(8, HEAD_BYTES), USER_TYPE) === 0;
}

export const proofFits = (bytes: number): boolean => bytes <= MAX_PROOF_BYTES;

export type ReadProof =
  { readonly proof: ExportProof; readonly signed: boolean } | { readonly proof: null; readonly why: 'not-a-proof' | 'not-understood' };

/** @param box the whole box */
export function readProofBox(box: Uint8Array): ReadProof {
  if (!isProofBox(box.subarray(0, HEAD_BYTES)) || box.length < HEAD_BYTES + SIGNATURE_BYTES) return { proof: null, why: 'not-a-proof' };
  const signature = box.subarray(HEAD_BYTES, HEAD_BYTES + SIGNATURE_BYTES);
  const json = box.subarray(HEAD_BYTES + SIGNATURE_BYTES);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    return { proof: null, why: 'not-understood' };
  }
  const parsed = exportSchema.safeParse(value);
  if (!parsed.success) return { proof: null, why: 'not-understood' };
  return { proof: parsed.data, signed: verifySignature(fromText(parsed.data.key), signedBytes(json), signature) };
}

function signedBytes(json: Uint8Array): Uint8Array {
  return Buffer.concat([DOMAIN, createHash('sha256').update(json).digest()]);
}
