import { z } from 'zod';

/** Candidates of one description at most: each is probed with several packets, wherever it points. */
export const MAX_CANDIDATES = 64;
const MAX_LINE = 220;

/** What one end tells the other of its side of a path: credentials (RFC 8839 §5.4) and candidates (§5.1), without `a=`. */
export const iceDescription = z.object({
  ufrag: z.string().regex(/^[A-Za-z0-9+/]{4,256}$/),
  pwd: z.string().regex(/^[A-Za-z0-9+/]{22,256}$/),
  candidates: z.array(z.string().max(MAX_LINE)).max(MAX_CANDIDATES),
});
export type IceDescription = z.infer<typeof iceDescription>;
