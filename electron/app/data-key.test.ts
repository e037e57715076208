import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SafeStorage } from 'electron';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadKeyFile } from '../host/key-file.ts';
import { loadDataKey } from './data-key.ts';

type Storage = Pick<SafeStorage, 'isAsyncEncryptionAvailable' | 'getSelectedStorageBackend' | 'encryptStringAsync' | 'decryptStringAsync'>;

/** A keychain: text reversed under a name, so that another keychain does not open it. */
class Keychain implements Storage {
  available = true;
  rotated = false;
  backend: ReturnType<SafeStorage['getSelectedStorageBackend']> = 'gnome_libsecret';
  readonly #name: string;

  constructor(name = 'ann') {
    this.#name = name;
  }

  isAsyncEncryptionAvailable = () => Promise.resolve(this.available);
  getSelectedStorageBackend = () => this.backend;
  encryptStringAsync = (text: string) =>
    Promise.resolve(Buffer.from(`${this.#name}${this.rotated ? 2 : 1}:${[...text].reverse().join('')}`));
  decryptStringAsync = (sealed: Buffer) => {
    const [name = '', text = ''] = sealed.toString('utf8').split(':');
    if (!name.startsWith(this.#name) || !this.available) return Promise.reject(new Error('locked'));
    return Promise.resolve({ result: [...text].reverse().join(''), shouldReEncrypt: this.rotated && name.endsWith('1') });
  };
}

let folder = '';
let keychain: Keychain;
const load = (platform = 'linux') => loadDataKey(folder, keychain as Storage as SafeStorage, platform);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-key-'));
  keychain = new Keychain();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the data key', () => {
  it('is wrapped by the keychain, and the same at every start', async () => {
    const first = await load();
    expect(first.key).toHaveLength(32);
    expect(first.notices).toEqual([]);
    expect(await load()).toEqual(first);
    expect(await readdir(folder)).toEqual(['key.safe']);
    expect((await stat(join(folder, 'key.safe'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder, 'key.safe'), 'utf8')).not.toContain(Buffer.from(first.key).toString('base64'));
  });

  it.each(['basic_text', 'unknown'] as const)(
    'is not given to the back end %s, which protects nothing: a file, and a notice',
    async (backend) => {
      keychain.backend = backend;
      const { key, notices } = await load();
      expect(notices).toEqual([expect.stringMatching(/file permissions only/)]);
      expect(await readdir(folder)).toEqual(['key']);
      expect(await loadKeyFile(folder)).toEqual(key);
    },
  );

  it('goes to a file where there is no keychain, and stays there when one appears', async () => {
    keychain.available = false;
    const before = await load('win32');
    keychain.available = true;
    const after = await load('win32');
    expect(after.key).toEqual(before.key);
    expect(after.notices).toHaveLength(1);
  });

  it('is never replaced when the keychain does not open it', async () => {
    await load();
    const sealed = await readFile(join(folder, 'key.safe'));
    keychain.available = false;
    await expect(load()).rejects.toMatchObject({ code: 'key-unavailable' });
    keychain = new Keychain('bob');
    await expect(load()).rejects.toMatchObject({ code: 'key-unavailable' });
    expect(await readFile(join(folder, 'key.safe'))).toEqual(sealed);
    expect(await readdir(folder)).toEqual(['key.safe']);
    // Nor by the browser host, which has no keychain.
    await expect(loadKeyFile(folder)).rejects.toMatchObject({ code: 'key-unavailable' });
  });

  it('is wrapped anew when the keychain asks for it', async () => {
    const { key } = await load();
    keychain.rotated = true;
    expect((await load()).key).toEqual(key);
    expect(await readFile(join(folder, 'key.safe'), 'utf8')).toMatch(/^ann2:/);
    expect((await load()).key).toEqual(key);
  });

  it('is not taken from a damaged file', async () => {
    await writeFile(join(folder, 'key.safe'), await keychain.encryptStringAsync('c2hvcnQ='));
    await expect(load()).rejects.toMatchObject({ code: 'key-unavailable' });
  });
});
