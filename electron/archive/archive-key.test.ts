import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ArchiveKey } from './archive-key.ts';
import { decodeNotes, encodeNotes, objectName, readObjectName, type SegmentNotes } from './notes.ts';
import { utcMs } from '../base/units.ts';

describe('a recovery text', () => {
  it('gives the key back, however it was written down', () => {
    for (let i = 0; i < 200; i++) {
      const key = ArchiveKey.create();
      const text = key.recoveryText;
      expect(text).toMatch(/^KHA1(-[A-Z2-7]{1,4})+$/);
      for (const written of [text, text.toLowerCase(), text.replaceAll('-', ' '), ` ${text}\n`])
        expect(Buffer.compare(ArchiveKey.fromRecoveryText(written).bytes, key.bytes)).toBe(0);
    }
  });

  it('refuses every slip of one letter, and anything else', () => {
    const text = ArchiveKey.create().recoveryText;
    for (let i = 5; i < text.length; i++) {
      if (text[i] === '-') continue;
      const slip = text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1);
      expect(() => ArchiveKey.fromRecoveryText(slip), slip).toThrow('recovery text');
    }
    for (const nonsense of ['', 'KHA1', text.slice(0, -1), text + 'A', text.slice(5), randomBytes(60).toString('latin1')])
      expect(() => ArchiveKey.fromRecoveryText(nonsense)).toThrow('recovery text');
  });

  it('has an id that tells keys apart', () => {
    const key = ArchiveKey.create();
    expect(new ArchiveKey(key.bytes).idText).toBe(key.idText);
    expect(ArchiveKey.create().idText).not.toBe(key.idText);
    expect(Buffer.from(key.bytes).includes(Buffer.from(key.id))).toBe(false);
  });
});

describe('the name of an object', () => {
  it('says camera, start and origin, and is read back', () => {
    const name = objectName('cam-abcdefgh', 1_795_428_007_300, 'healed');
    expect(name).toBe('cam-abcdefgh/2026-11-23/1795428007300.healed.mp4.sealed');
    expect(readObjectName(name)).toEqual({ camera: 'cam-abcdefgh', start: 1_795_428_007_300, origin: 'healed' });
  });

  it('is nothing else’s', () => {
    for (const name of [
      '',
      'keyhole-archive.json',
      'cam-abcdefgh/2026-11-24/1795428007300.mp4.sealed',
      'cam-abcdefgh/2026-11-23/1795428007300.mp4',
      '../cam-abcdefgh/2026-11-23/1795428007300.mp4.sealed',
      'cam-abcdefgh/2026-11-23/01795428007300.mp4.sealed',
      'cam-abcdefgh/2026-11-23/999999999999999.mp4.sealed',
    ])
      expect(readObjectName(name), name).toBeNull();
  });
});

describe('notes', () => {
  const notes: SegmentNotes = {
    camera: { id: 'cam-abcdefgh', name: 'Front door — süd', createdAt: utcMs(1_700_000_000_000) },
    segment: {
      start: utcMs(1_795_428_007_300),
      end: utcMs(1_795_428_067_300),
      bytes: 9_000,
      codec: 'avc1.640028,mp4a.40.2',
      origin: 'live',
      hash: new Uint8Array(randomBytes(32)),
      keyframes: [
        { at: utcMs(1_795_428_007_300), offset: 1_000, bytes: 5_000 },
        { at: utcMs(1_795_428_037_300), offset: 6_000, bytes: 3_000 },
      ],
    },
  };

  it('hold the row, keyframes included', () => {
    expect(decodeNotes(encodeNotes(notes))).toEqual(notes);
  });

  it('are null when they make no sense, whatever they are', () => {
    const text = new TextDecoder().decode(encodeNotes(notes));
    const encode = (changed: string) => new TextEncoder().encode(changed);
    expect(decodeNotes(encode(text.replace('"end":1795428067300', '"end":1795428007300')))).toBeNull();
    expect(decodeNotes(encode(text.replace('cam-abcdefgh', '../etc')))).toBeNull();
    expect(decodeNotes(encode(text.replace(/"keyframes":"[^"]*"/, '"keyframes":"////"')))).toBeNull();
    for (let i = 0; i < 2_000; i++) decodeNotes(randomBytes(i % 400));
  });
});
