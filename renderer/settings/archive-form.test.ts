import { describe, expect, it } from 'vitest';
import type { ArchiveSettings, ArchiveStatus } from '../../electron/contract/archive.ts';
import { archiveForm, readArchiveForm } from './archive-form.ts';
import { archiveHolds, archiveSentence, restoreSentence } from './archive-words.ts';

const S3: ArchiveSettings = {
  target: {
    kind: 's3',
    endpoint: 'https://s3.example.net',
    region: 'eu-1',
    bucket: 'footage',
    prefix: 'home/',
    accessKeyId: 'AK',
    pathStyle: true,
  },
  rateKbps: 2_500,
  keepDays: 90,
  keepBytes: 500_000_000_000,
};

describe('the form of the archive', () => {
  it('says again what it was filled with', () => {
    expect(readArchiveForm(archiveForm(S3), true)).toEqual({ changes: S3 });
    const none = { target: null, rateKbps: null, keepDays: null, keepBytes: null };
    expect(readArchiveForm(archiveForm(none), false)).toEqual({ changes: none });
    const folder = { ...none, target: { kind: 'folder', path: '/mnt/nas' } } as const;
    expect(readArchiveForm(archiveForm(folder), false)).toEqual({ changes: folder });
  });

  it('wants a secret where none is stored, and what a place needs', () => {
    const form = { ...archiveForm(S3), bucket: ' ', endpoint: 'example.net', rate: 'fast', keepDays: '1.5' };
    const read = readArchiveForm(form, false);
    expect('faults' in read && Object.keys(read.faults).sort()).toEqual(['bucket', 'endpoint', 'keepDays', 'rate', 'secretAccessKey']);
    expect(readArchiveForm({ ...archiveForm(S3), kind: 'folder' }, false)).toEqual({ faults: { path: expect.any(String) as unknown } });
  });

  it('hands on a secret and a recovery text that were typed', () => {
    const form = { ...archiveForm(S3), secretAccessKey: ' s ', recovery: ' KHA1-AAAA ', rate: '2,5' };
    expect(readArchiveForm(form, false)).toMatchObject({
      changes: { target: { secretAccessKey: 's' }, recovery: 'KHA1-AAAA', rateKbps: 2_500 },
    });
  });
});

describe('the words of the archive', () => {
  const status: ArchiveStatus = {
    state: 'copying',
    error: null,
    waitingSegments: 12,
    waitingBytes: 120_000_000,
    rate: 2_000_000,
    segments: 0,
    bytes: 0,
    oldest: null,
    lastCopiedAt: null,
    restore: null,
  };

  it('say what it does', () => {
    expect(archiveSentence(status)).toMatch(/^Copying at .*12 recordings .* to go/);
    expect(archiveSentence({ ...status, waitingSegments: 1, rate: 0 })).toMatch(/^1 recording .* waits to be copied\.$/);
    expect(archiveSentence({ ...status, waitingSegments: 0 })).toBe('Everything is copied.');
    expect(archiveSentence({ ...status, state: 'failed' })).toContain('tried again');
    expect(archiveSentence({ ...status, state: 'off' })).toBe('Nothing is copied.');
    expect(archiveHolds(status)).toBeNull();
    expect(archiveHolds({ ...status, segments: 1, bytes: 5_000_000 })).toMatch(/in 1 recording$/);
    expect(restoreSentence(null)).toBeNull();
    expect(restoreSentence({ running: false, seen: 10, restored: 9, unreadable: 1 })).toContain('1 object cannot be opened');
  });
});
