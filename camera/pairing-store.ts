import { z } from 'zod';
import type { Clock } from '../electron/base/clock.ts';
import { CodedError } from '../electron/base/errors.ts';
import { utcMs, type UtcMs } from '../electron/base/units.ts';
import { expired } from '../peer/pairing/pair.ts';
import { x25519FromEd25519 } from '../peer/keys.ts';
import { inviteId, isSecretProof, newSecret } from '../peer/pairing/invite.ts';
import type { StateFolder } from './state-folder.ts';

type Disk = Pick<StateFolder, 'read' | 'write'>;
const FILE = 'pairing.json';
const MAX_APPS = 64;
const MAX_INVITES = 64;
/** How long an invite can be used. */
export const INVITE_MS = 24 * 3600 * 1000;
/** How long it is remembered after that, so that it is called expired or used, not wrong. */
const REMEMBER_MS = 30 * 24 * 3600 * 1000;

const state = z.object({
  version: z.literal(1),
  apps: z.array(z.object({ publicKey: z.string(), name: z.string(), pairedAt: z.number() })),
  invites: z.array(z.object({ id: z.string(), secret: z.string(), expires: z.number(), usedBy: z.string().nullable() })),
});
type State = z.infer<typeof state>;

export interface PairRequest {
  readonly appPublicKey: Uint8Array;
  readonly appName: string;
  readonly invite: string;
  readonly proof: Uint8Array;
  readonly handshakeHash: Uint8Array;
}

/** Who may watch this camera, and the invites that let one more in. Every change is on the disk before it is told. */
export class PairingStore {
  readonly #folder: Disk;
  readonly #clock: Clock;
  #state: State;
  /** X25519 keys of the paired apps, base64url. */
  #noiseKeys: ReadonlySet<string>;

  /** @throws CodedError `database-newer`, `database-corrupt`, `data-unwritable` */
  constructor(folder: Disk, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
    this.#state = load(folder);
    this.#noiseKeys = noiseKeysOf(this.#state);
  }

  get apps(): readonly { readonly publicKey: string; readonly name: string; readonly pairedAt: number }[] {
    return this.#state.apps;
  }

  isPaired(appPublicKey: Uint8Array): boolean {
    const key = Buffer.from(appPublicKey).toString('base64url');
    return this.#state.apps.some(({ publicKey }) => publicKey === key);
  }

  /** The same by the key that the app shows in a handshake, before it has proven anything. */
  isPairedNoiseKey(noisePublicKey: Uint8Array): boolean {
    return this.#noiseKeys.has(Buffer.from(noisePublicKey).toString('base64url'));
  }

  /** A new invite. Older ones stay good until they are used or expire. */
  issue(): { secret: Buffer; expires: UtcMs } {
    const secret = newSecret();
    const expires = utcMs(Math.floor((this.#clock.now() + INVITE_MS) / 1000) * 1000);
    const invite = { id: inviteId(secret), secret: secret.toString('base64url'), expires, usedBy: null };
    const kept = this.#state.invites.filter((other) => other.expires + REMEMBER_MS > this.#clock.now());
    this.#save({ ...this.#state, invites: [...kept, invite].slice(-MAX_INVITES) });
    return { secret, expires };
  }

  /**
   * Lets the app in if it knows the secret of an invite that is still good, and uses the invite up. On the disk when it returns.
   * @returns false when this app had used this invite before: it asks again because the answer got lost
   * @throws CodedError `invite-wrong`, `invite-used`, `invite-expired`, `too-busy`
   */
  pair(request: PairRequest): boolean {
    const app = Buffer.from(request.appPublicKey).toString('base64url');
    const invite = this.#state.invites.find(({ id }) => id === request.invite);
    if (!invite) throw wrong();
    if (invite.usedBy !== null) {
      if (invite.usedBy === app && this.isPaired(request.appPublicKey)) return false;
      throw new CodedError('invite-used', 'This invite has been used already: take the newest one that the camera shows.');
    }
    if (!isSecretProof(Buffer.from(invite.secret, 'base64url'), request.handshakeHash, request.proof)) throw wrong();
    if (invite.expires <= this.#clock.now()) throw expired();
    const others = this.#state.apps.filter(({ publicKey }) => publicKey !== app);
    if (others.length >= MAX_APPS) throw new CodedError('too-busy', `The camera is paired with ${MAX_APPS} apps, and can be with no more.`);
    this.#save({
      ...this.#state,
      apps: [...others, { publicKey: app, name: request.appName, pairedAt: this.#clock.now() }],
      invites: this.#state.invites.map((other) => (other === invite ? { ...invite, secret: '', usedBy: app } : other)),
    });
    return true;
  }

  #save(next: State): void {
    this.#folder.write(FILE, JSON.stringify(next, null, 1) + '\n');
    if (next.apps !== this.#state.apps) this.#noiseKeys = noiseKeysOf(next);
    this.#state = next;
  }
}

function noiseKeysOf({ apps }: State): ReadonlySet<string> {
  return new Set(apps.map(({ publicKey }) => x25519FromEd25519(Buffer.from(publicKey, 'base64url'))?.toString('base64url') ?? ''));
}

function wrong(): CodedError {
  return new CodedError('invite-wrong', 'The camera does not know this invite: take the newest one that it shows.');
}

function load(folder: Disk): State {
  const text = folder.read(FILE);
  if (text === null) return { version: 1, apps: [], invites: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt(error);
  }
  const result = state.safeParse(value);
  if (result.success) return result.data;
  const version = z.object({ version: z.number().min(2) }).safeParse(value);
  if (version.success) throw new CodedError('database-newer', `The camera's ${FILE} was written by a newer Keyhole: update this one.`);
  throw corrupt(result.error);
}

function corrupt(cause: unknown): CodedError {
  return new CodedError('database-corrupt', `The camera's ${FILE} is damaged: restore it, or remove it and pair every app anew.`, {
    cause,
  });
}
