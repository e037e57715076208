import type { CameraKey } from '../segment/segment.ts';

/** What the database knows of the chains of proofs: their ends, so that a chain that was cut shows. */
export interface ProofCalls {
  /** The newest link of this camera whose segment has its row. */
  proofHead(args: { readonly camera: CameraKey }): ProofHead | null;
  setProofHead(args: ProofHead & { readonly camera: CameraKey }): void;
}

export interface ProofHead {
  /** Number of the link, counted from 0. */
  readonly seq: number;
  /** SHA-256, 32 bytes. */
  readonly hash: Uint8Array;
}
