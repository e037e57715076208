import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import { inviteId, proveSecret } from '../peer/pairing/invite.ts';
import { INVITE_MS, PairingStore } from './pairing-store.ts';
import { defaultStateFolder, StateFolder } from './state-folder.ts';

let dir: string;
let clock: SimulatedClock;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keyhole-pairing-'));
  clock = new SimulatedClock();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const handshakeHash = randomBytes(32);
const request = (secret: Uint8Array, appPublicKey = randomBytes(32)) => ({
  appPublicKey,
  appName: 'app',
  invite: inviteId(secret),
  proof: proveSecret(secret, handshakeHash),
  handshakeHash,
});
const open = () => new PairingStore(new StateFolder(dir), clock);
const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'no error';
};

describe('PairingStore', () => {
  it('lets one app in with an invite, and remembers both', () => {
    const { secret } = open().issue();
    const asked = request(secret);
    expect(open().pair(asked)).toBe(true);
    expect(open().isPaired(asked.appPublicKey)).toBe(true);
    expect(open().pair(asked)).toBe(false);
    expect(codeOf(() => open().pair(request(secret)))).toBe('invite-used');
  });

  it('does not call an app paired when the disk did not take it', () => {
    const folder = new StateFolder(dir);
    let full = false;
    const store = new PairingStore(
      {
        read: (name) => folder.read(name),
        write: (name, text) => {
          if (full) throw new Error('the disk is full');
          folder.write(name, text);
        },
      },
      clock,
    );
    const { secret } = store.issue();
    const asked = request(secret);
    full = true;
    expect(() => store.pair(asked)).toThrow('the disk is full');
    expect(store.isPaired(asked.appPublicKey)).toBe(false);
    full = false;
    expect(store.pair(asked)).toBe(true);
  });

  it('refuses a proof made for another channel', () => {
    const store = open();
    const { secret } = store.issue();
    expect(codeOf(() => store.pair({ ...request(secret), handshakeHash: randomBytes(32) }))).toBe('invite-wrong');
    expect(store.apps).toEqual([]);
  });

  it('calls an expired invite expired to who knows it, wrong to who does not', () => {
    const { secret } = open().issue();
    clock.jump(INVITE_MS + 1);
    expect(codeOf(() => open().pair(request(secret)))).toBe('invite-expired');
    expect(codeOf(() => open().pair({ ...request(secret), proof: randomBytes(32) }))).toBe('invite-wrong');
    expect(codeOf(() => open().pair(request(randomBytes(16))))).toBe('invite-wrong');
  });

  it('keeps a bounded number of apps and invites', () => {
    const store = open();
    for (let app = 0; app < 64; app += 1) store.pair(request(store.issue().secret));
    expect(codeOf(() => store.pair(request(store.issue().secret)))).toBe('too-busy');
    expect(store.apps).toHaveLength(64);
  });

  it('says what is wrong with its file, and loses nothing', () => {
    const folder = new StateFolder(dir);
    folder.write('pairing.json', '{"version":1,"apps":[');
    expect(codeOf(open)).toBe('database-corrupt');
    folder.write('pairing.json', '{"version":2,"apps":{}}');
    expect(codeOf(open)).toBe('database-newer');
    expect(folder.read('pairing.json')).toBe('{"version":2,"apps":{}}');
  });
});

describe('StateFolder', () => {
  it('makes one identity, for the user alone, and keeps it', () => {
    const seed = new StateFolder(dir).seed();
    expect(new StateFolder(dir).seed().equals(seed)).toBe(true);
    const mode = () => statSync(join(dir, 'identity.key')).mode & 0o777;
    expect(mode()).toBe(0o600);
    chmodSync(join(dir, 'identity.key'), 0o644);
    expect(new StateFolder(dir).seed().equals(seed)).toBe(true);
    expect(mode()).toBe(0o600);
  });

  it('refuses a damaged identity rather than becoming another camera', () => {
    new StateFolder(dir).write('identity.key', 'abc\n');
    expect(codeOf(() => new StateFolder(dir).seed())).toBe('key-unavailable');
  });

  it('says so when the folder cannot be made', () => {
    new StateFolder(dir).write('file', '');
    expect(codeOf(() => new StateFolder(join(dir, 'file', 'below')))).toBe('data-unwritable');
  });

  it('has another place for another source', () => {
    expect(defaultStateFolder('rtsp://a', {})).not.toBe(defaultStateFolder('rtsp://b', {}));
  });
});
