import { fingerprintOf } from '../../peer/identity.ts';
import { fromText, readProofBox, toText, type ExportProof } from './export-format.ts';
import { findProof, MediaReader } from './export-file.ts';
import { checkLinks } from './export-links.ts';
import { GroupMatcher } from './group-matcher.ts';

export type ExportFindingKind =
  /** The file carries no proof, or one that cannot be read. */
  | 'no-proof'
  /** The proof is not signed by the key that it names. */
  | 'bad-signature'
  /** Another app than the expected one signed it. */
  | 'other-app'
  /** Bytes were changed. */
  | 'changed'
  /** A part of the footage was taken out. */
  | 'missing'
  /** Something was put in, or behind. */
  | 'added'
  /** Parts change places. */
  | 'reordered'
  /** It was not what had been recorded when it was exported, or its link is wrong. */
  | 'not-as-recorded'
  /** A recording of that time is not in the file, and the proof does not say why. */
  | 'left-out';

export interface ExportFinding {
  readonly kind: ExportFindingKind;
  /** UTC milliseconds of the footage that is concerned; null where it is the file as a whole. */
  readonly from: number | null;
  readonly to: number | null;
  /** One sentence. */
  readonly text: string;
}

export interface ExportReport {
  /** Null where there is no readable proof. */
  readonly proof: Omit<ExportProof, 'segments' | 'chain'> | null;
  readonly fingerprint: string | null;
  /** What the file shows: spans of the footage in it. */
  readonly spans: readonly { readonly from: number; readonly to: number }[];
  /** Of those, what had no link in the chain when it was exported: the newest footage. */
  readonly unsealed: readonly { readonly from: number; readonly to: number }[];
  /** Of those, what the app found at a start, after a crash as a rule, and sealed only then: nothing proves what it was before. */
  readonly sealedLater: readonly { readonly from: number; readonly to: number }[];
  readonly findings: readonly ExportFinding[];
}

/** More are not listed. */
const MAX_FINDINGS = 1_000;

/**
 * Whether the file is what the app exported, and that what the app had recorded. Needs nothing but the file.
 * @param expected the app's fingerprint, as the app shows it
 */
export async function verifyExport(path: string, options: { readonly expected?: string | null } = {}): Promise<ExportReport> {
  const findings: ExportFinding[] = [];
  const add = (kind: ExportFindingKind, text: string, about?: { readonly from: number; readonly to: number } | null) => {
    if (findings.length < MAX_FINDINGS) findings.push({ kind, from: about?.from ?? null, to: about?.to ?? null, text });
  };
  const file = await findProof(path);
  const read = file.proof ? readProofBox(file.proof.box) : null;
  if (!file.proof || !read?.proof) {
    const text = file.proof
      ? 'The proof in this file cannot be read: it was changed, or is of a newer Keyhole.'
      : 'This file carries no proof: it was exported without one, or another program wrote it anew.';
    add('no-proof', text);
    return { proof: null, fingerprint: null, spans: [], unsealed: [], sealedLater: [], findings };
  }
  const { proof, signed } = read;
  const fingerprint = fingerprintOf(fromText(proof.key));
  if (!signed) add('bad-signature', 'The proof was changed: its signature is not of the key that it names.');
  if (typeof options.expected === 'string' && plain(options.expected) !== plain(fingerprint))
    add('other-app', `This was signed by the app ${fingerprint}, not by ${options.expected}.`);
  const behind = file.bytes - file.proof.offset - file.proof.box.length;
  if (behind > 0) add('added', `${behind} bytes were put behind the proof.`);

  const matcher = new GroupMatcher(proof.segments, add);
  const media = new MediaReader(path, file.proof.offset);
  for await (const part of media.parts()) matcher.take(part);
  matcher.end();
  const sealedLater = checkLinks(proof, add);
  const same = file.proof.offset === proof.media.bytes && toText(media.digest()) === proof.media.sha256;
  if (!same && !findings.some(({ kind }) => kind !== 'other-app' && kind !== 'bad-signature'))
    add('changed', 'The file was changed in a place that shows no picture.');
  const { segments: _, chain: __, ...said } = proof;
  return { proof: said, fingerprint, spans: matcher.spans(), unsealed: matcher.unsealed(), sealedLater, findings };
}

const plain = (fingerprint: string): string => fingerprint.toLowerCase().replace(/[^a-z2-7]/g, '');
