import type { ProofCalls } from '../proof-calls.ts';
import type { SqlDatabase } from '../sql.ts';

export function proofQueries(db: SqlDatabase): ProofCalls {
  const get = db.prepare('SELECT seq, hash FROM proof_head WHERE camera = ?');
  const set = db.prepare(
    'INSERT INTO proof_head (camera, seq, hash) VALUES (?, ?, ?) ON CONFLICT (camera) DO UPDATE SET seq = excluded.seq, hash = excluded.hash',
  );
  return {
    proofHead({ camera }) {
      const row = get.get(camera) as { seq: number; hash: Uint8Array } | undefined;
      return row ? { seq: row.seq, hash: new Uint8Array(row.hash) } : null;
    },
    setProofHead: ({ camera, seq, hash }) => void set.run(camera, seq, hash),
  };
}
