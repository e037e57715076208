import type { ArchiveChanges, ArchiveSettings, NewArchiveTarget } from '../../electron/contract/archive.ts';

const GB = 1_000_000_000;

/** What is typed, before anybody has judged it. */
export interface ArchiveForm {
  kind: 'none' | 'folder' | 's3';
  path: string;
  endpoint: string;
  region: string;
  bucket: string;
  prefix: string;
  accessKeyId: string;
  /** Empty: the one that is stored. */
  secretAccessKey: string;
  pathStyle: boolean;
  /** Megabits a second; empty: no limit. The others alike. */
  rate: string;
  keepDays: string;
  keepGb: string;
  /** Empty: a new archive, or the one that this installation knows. */
  recovery: string;
}

export type ArchiveFaults = { readonly [K in keyof ArchiveForm]?: string };

export function archiveForm({ target, rateKbps, keepDays, keepBytes }: ArchiveSettings): ArchiveForm {
  const s3 = target?.kind === 's3' ? target : null;
  return {
    kind: target?.kind ?? 'none',
    path: target?.kind === 'folder' ? target.path : '',
    endpoint: s3?.endpoint ?? '',
    region: s3?.region ?? 'us-east-1',
    bucket: s3?.bucket ?? '',
    prefix: s3?.prefix ?? '',
    accessKeyId: s3?.accessKeyId ?? '',
    secretAccessKey: '',
    pathStyle: s3?.pathStyle ?? true,
    rate: rateKbps === null ? '' : String(rateKbps / 1000),
    keepDays: keepDays === null ? '' : String(keepDays),
    keepGb: keepBytes === null ? '' : String(keepBytes / GB),
    recovery: '',
  };
}

/** @param stored whether a secret is kept already, so that none need be typed */
export function readArchiveForm(
  form: ArchiveForm,
  stored: boolean,
): { readonly changes: ArchiveChanges } | { readonly faults: ArchiveFaults } {
  const faults: { -readonly [K in keyof ArchiveFaults]: string } = {};
  const needed = (name: 'path' | 'region' | 'bucket' | 'accessKeyId', what: string): string => {
    const value = form[name].trim();
    if (value === '') faults[name] = what;
    return value;
  };
  const number = (name: 'rate' | 'keepDays' | 'keepGb', min: number, max: number, whole: boolean): number | null => {
    const text = form[name].trim().replace(',', '.');
    if (text === '') return null;
    const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max) || (whole && !Number.isInteger(value)))
      faults[name] = `${whole ? 'A whole number' : 'A number'} from ${min} to ${max.toLocaleString('en')}, or nothing.`;
    return value;
  };
  const target = ((): NewArchiveTarget | null => {
    if (form.kind === 'none') return null;
    if (form.kind === 'folder') return { kind: 'folder', path: needed('path', 'The whole path of a folder that is there.') };
    const endpoint = form.endpoint.trim();
    if (endpoint !== '' && !/^https?:\/\/[^\s]+$/.test(endpoint)) faults.endpoint = 'An address such as https://s3.example.net.';
    if (form.secretAccessKey.trim() === '' && !stored) faults.secretAccessKey = 'The secret that belongs to the access key.';
    return {
      kind: 's3',
      endpoint: endpoint === '' ? null : endpoint,
      region: needed('region', 'Servers that have no regions take us-east-1.'),
      bucket: needed('bucket', 'The name of a bucket that is there.'),
      prefix: form.prefix.trim(),
      accessKeyId: needed('accessKeyId', 'The access key.'),
      pathStyle: form.pathStyle,
      ...(form.secretAccessKey.trim() === '' ? {} : { secretAccessKey: form.secretAccessKey.trim() }),
    };
  })();
  const rate = number('rate', 0.1, 10_000, false);
  const keepDays = number('keepDays', 1, 36_500, true);
  const keepGb = number('keepGb', 0.1, 1_000_000, false);
  if (Object.keys(faults).length > 0) return { faults };
  const recovery = form.recovery.trim();
  return {
    changes: {
      target,
      rateKbps: rate === null ? null : Math.round(rate * 1000),
      keepDays,
      keepBytes: keepGb === null ? null : Math.round(keepGb * GB),
      ...(target !== null && recovery !== '' ? { recovery } : {}),
    },
  };
}
