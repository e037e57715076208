import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CipherContext, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from 'werift';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SimulatedClock } from '../electron/base/clock.ts';
import { silentLog } from '../electron/base/log.ts';
import { hostOfCertificate, TlsFiles, type TlsIdentity } from './tls-files.ts';

let folder: string;
let files: { cert: string; key: string };
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyhole-tls-'));
  files = { cert: join(folder, 'cert'), key: join(folder, 'key') };
});
afterEach(() => rm(folder, { recursive: true }));

async function write(): Promise<TlsIdentity> {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  await writeFile(files.cert, certPem);
  await writeFile(files.key, keyPem);
  return { cert: certPem, key: keyPem };
}

it('reads a certificate again when it was renewed, and not while it is of no use', async () => {
  const clock = new SimulatedClock();
  const warned = new Set<() => void>();
  const warning = () => new Promise<void>((resolve) => warned.add(resolve));
  const warn = () => warned.forEach((resolve) => resolve());
  const tls = new TlsFiles({ files, clock, log: { ...silentLog, warn } });
  const first = await write();
  expect(await tls.load()).toEqual(first);
  const seen: TlsIdentity[] = [];
  const changed = () => new Promise<TlsIdentity>((resolve) => (resolvers[0] = resolve));
  const resolvers: ((identity: TlsIdentity) => void)[] = [];
  tls.watch((identity) => {
    seen.push(identity);
    resolvers[0]?.(identity);
  });
  // Half renewed: the key does not belong to the certificate.
  const { key } = first;
  await write();
  await writeFile(files.key, key);
  await lookingUntil(clock, warning());
  await rm(files.key);
  await lookingUntil(clock, warning());
  const renewed = await write();
  expect(await lookingUntil(clock, changed())).toEqual(renewed);
  expect(seen).toEqual([renewed]);
  tls.close();
});

/** Lets time go on until something comes of it: a look takes the disk's time, and the next is set after it. */
async function lookingUntil<T>(clock: SimulatedClock, signal: Promise<T>): Promise<T> {
  let done = false;
  void signal.then(() => (done = true));
  while (!done) {
    await clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return signal;
}

it('refuses what is no certificate with its key', async () => {
  await write();
  await writeFile(files.cert, 'x');
  await expect(new TlsFiles({ files, clock: new SimulatedClock(), log: silentLog }).load()).rejects.toMatchObject({ code: 'usage' });
});

it('finds no host name where there is none', async () => {
  expect(hostOfCertificate((await write()).cert)).toBeNull();
});
