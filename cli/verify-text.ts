import type { VerifyReport } from '../electron/proof/verify-chain.ts';
import type { ExportReport } from '../electron/proof/verify-export.ts';

/** The end of a sentence. */
const FOUND = 'found by the app at a start, after a crash as a rule, and sealed then: nothing proves what they were before.';

/** Findings that are told one by one; --json has them all. */
const MAX_LINES = 50;

/** What a person is told of an exported file. */
export function exportText(file: string, report: ExportReport, compared: boolean): string {
  const { proof, findings } = report;
  const lines = [file];
  if (findings.length === 0) lines.push('  Whole and unchanged.');
  else lines.push('  NOT as it was exported or recorded:', ...findingLines(findings));
  if (proof) {
    const { camera, part } = proof;
    lines.push(`  Recorded by the app  ${report.fingerprint}${compared ? '' : '  (compare it with the one in the app’s settings)'}`);
    lines.push(`  Camera               ${camera.name} (${camera.id}${camera.fingerprint ? `, key ${camera.fingerprint}` : ''})`);
    lines.push(`  Asked for            ${span(proof.from, proof.to)}${part.of > 1 ? `, file ${part.number} of ${part.of}` : ''}`);
    for (const { from, to } of report.spans) lines.push(`  Shows                ${span(from, to)}`);
    for (const { from, to } of report.unsealed)
      lines.push(`  Not in the chain yet ${span(from, to)} (the newest footage; the export’s own signature speaks for it)`);
    for (const { from, to } of report.sealedLater) lines.push(`  Sealed later         ${span(from, to)}  ${FOUND}`);
    for (const gap of proof.gaps) lines.push(`  Not recorded         ${span(gap.from, gap.to)}  ${gap.text}`);
    lines.push(`  Exported             ${iso(proof.madeAt)} by Keyhole ${proof.version}`);
  }
  return lines.join('\n') + '\n';
}

/** What a person is told of a camera's recordings. */
export function chainText(name: string, report: VerifyReport): string {
  const { segments, good, found, unchecked, archived, unproven, findings, total, lost, links, fingerprint, earlier, since } = report;
  const lines = [`${name} (${report.camera})`];
  if (links === 0 && total === 0) return [...lines, '  No chain of proofs yet.', ''].join('\n');
  lines.push(`  ${good} of ${segments} recordings are as they were recorded; ${links} links, signed by ${fingerprint ?? 'nobody'}.`);
  if (found > 0) lines.push(`  ${found} of them were ${FOUND}`);
  for (const before of earlier)
    lines.push(
      `  Signed before by ${before}: the app lost its key then, or these links are not its own. Compare it with what you wrote down.`,
    );
  if (archived.good > 0) lines.push(`  ${archived.good} of them were read in the archive, which alone has them.`);
  if (archived.unread > 0)
    lines.push(`  ${archived.unread} are in the archive, not read${archived.why === null ? '.' : `: ${archived.why}`}`);
  if (unchecked > 0) lines.push(`  ${unchecked} were not looked at: their disk is not there.`);
  if (unproven > 0 && since !== null)
    lines.push(`  ${unproven} are from before the chain began (${iso(since)}): nothing is proven of them.`);
  for (const { first, last, count, at } of lost.slice(0, MAX_LINES))
    lines.push(`  ${count} recording(s) of ${span(first, last)} were gone when the app looked at ${iso(at)}.`);
  if (total > 0) lines.push('  FOUND:', ...findingLines(findings));
  if (total > MAX_LINES) lines.push(`    … ${total} in all.`);
  return lines.join('\n') + '\n';
}

function findingLines(findings: readonly { readonly from: number | null; readonly to: number | null; readonly text: string }[]): string[] {
  return findings
    .slice(0, MAX_LINES)
    .map(({ from, to, text }) => `    ${from === null ? '' : `${to === null ? iso(from) : span(from, to)}  `}${text}`);
}

const iso = (at: number): string => new Date(at).toISOString();
const span = (from: number, to: number): string => `${iso(from)} – ${iso(to)}`;
