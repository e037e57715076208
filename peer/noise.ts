import { createCipheriv, createDecipheriv, createHash, createHmac, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { publicKeyOf, rawPublicKey } from './keys.ts';

/** Noise_IK_25519_AESGCM_SHA256 (The Noise Protocol Framework, revision 34). Every failure to decrypt throws NoiseError. */
const NAME = Buffer.from('Noise_IK_25519_AESGCM_SHA256');
const KEY = 32;
const TAG = 16;
/** Noise §3: no message is longer. */
const MAX_MESSAGE = 65_535;

export class NoiseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NoiseError';
  }
}

export interface NoiseKeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Buffer;
}

export interface NoiseOptions {
  readonly prologue: Uint8Array;
  readonly staticKey: NoiseKeyPair;
  /** For test vectors only. */
  readonly ephemeral?: NoiseKeyPair;
}

/** Body of a handshake message, made when the handshake hash that stands before it is known. */
export type PayloadMaker = (handshakeHash: Buffer) => Uint8Array;
export interface OpenedPayload {
  readonly payload: Buffer;
  /** The handshake hash before this payload: what its signature covers. */
  readonly handshakeHash: Buffer;
}

/** Both directions' ciphers and the final handshake hash (Noise §5.2 Split). */
export interface NoiseSession {
  readonly send: NoiseCipher;
  readonly receive: NoiseCipher;
  readonly handshakeHash: Buffer;
}

/** AES-256-GCM with a 64-bit counter as nonce (Noise §12.4). */
export class NoiseCipher {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  encrypt(counter: number, ad: Uint8Array, plaintext: Uint8Array): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce(counter));
    cipher.setAAD(ad);
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  decrypt(counter: number, ad: Uint8Array, ciphertext: Uint8Array): Buffer {
    if (ciphertext.length < TAG) throw new NoiseError('the message is too short');
    const end = ciphertext.length - TAG;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce(counter), { authTagLength: TAG });
    decipher.setAAD(ad);
    decipher.setAuthTag(ciphertext.subarray(end));
    try {
      return Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()]);
    } catch (error) {
      throw new NoiseError('the message does not open: wrong key, or altered on the way', { cause: error });
    }
  }
}

function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeBigUInt64BE(BigInt(counter), 4);
  return iv;
}

/** SymmetricState (Noise §5.2). */
class Symmetric {
  #h: Buffer;
  #ck: Buffer;
  #cipher: NoiseCipher | null = null;
  #counter = 0;

  constructor(prologue: Uint8Array) {
    this.#h = NAME.length <= 32 ? Buffer.concat([NAME, Buffer.alloc(32 - NAME.length)]) : sha256(NAME);
    this.#ck = this.#h;
    this.mixHash(prologue);
  }

  get hash(): Buffer {
    return this.#h;
  }

  copy(): Symmetric {
    const copy = new Symmetric(new Uint8Array());
    copy.#h = this.#h;
    copy.#ck = this.#ck;
    copy.#cipher = this.#cipher;
    copy.#counter = this.#counter;
    return copy;
  }

  mixHash(data: Uint8Array): void {
    this.#h = sha256(this.#h, data);
  }

  mixKey(material: Uint8Array): void {
    const [ck, key] = hkdf(this.#ck, material);
    this.#ck = ck;
    this.#cipher = new NoiseCipher(key);
    this.#counter = 0;
  }

  encryptAndHash(plaintext: Uint8Array): Buffer {
    const out = this.#cipher ? this.#cipher.encrypt(this.#counter++, this.#h, plaintext) : Buffer.from(plaintext);
    this.mixHash(out);
    return out;
  }

  decryptAndHash(ciphertext: Uint8Array): Buffer {
    const out = this.#cipher ? this.#cipher.decrypt(this.#counter++, this.#h, ciphertext) : Buffer.from(ciphertext);
    this.mixHash(ciphertext);
    return out;
  }

  split(): [NoiseCipher, NoiseCipher] {
    const [first, second] = hkdf(this.#ck, Buffer.alloc(0));
    return [new NoiseCipher(first), new NoiseCipher(second)];
  }
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** HKDF with two outputs (Noise §4.3). */
function hkdf(ck: Buffer, material: Uint8Array): [Buffer, Buffer] {
  const temp = createHmac('sha256', ck).update(material).digest();
  const first = createHmac('sha256', temp).update(Uint8Array.of(1)).digest();
  return [first, createHmac('sha256', temp).update(first).update(Uint8Array.of(2)).digest()];
}

function dh(privateKey: KeyObject, publicKey: Uint8Array): Buffer {
  try {
    // OpenSSL refuses an all-zero result (RFC 7748 §6.1), so that points of low order end here.
    return diffieHellman({ privateKey, publicKey: publicKeyOf('x25519', publicKey) });
  } catch (error) {
    throw new NoiseError('the public key makes no sense', { cause: error });
  }
}

export function noiseKeyPair(): NoiseKeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  return { privateKey, publicKey: rawPublicKey(privateKey) };
}

/** The end that knows the other's static key: `-> e, es, s, ss`, then `<- e, ee, se`. Used once, in this order. */
export class NoiseInitiator {
  readonly #state: Symmetric;
  readonly #static: NoiseKeyPair;
  readonly #ephemeral: NoiseKeyPair;
  readonly #remote: Uint8Array;

  constructor(options: NoiseOptions, remoteStatic: Uint8Array) {
    this.#state = new Symmetric(options.prologue);
    this.#static = options.staticKey;
    this.#ephemeral = options.ephemeral ?? noiseKeyPair();
    this.#remote = remoteStatic;
    this.#state.mixHash(remoteStatic);
  }

  writeFirst(payload: PayloadMaker): Buffer {
    const state = this.#state;
    state.mixHash(this.#ephemeral.publicKey);
    state.mixKey(dh(this.#ephemeral.privateKey, this.#remote));
    const s = state.encryptAndHash(this.#static.publicKey);
    state.mixKey(dh(this.#static.privateKey, this.#remote));
    return Buffer.concat([this.#ephemeral.publicKey, s, state.encryptAndHash(payload(state.hash))]);
  }

  /** May be called again after it has thrown: what is not the other's message changes nothing. @throws NoiseError */
  readSecond(message: Uint8Array): OpenedPayload & { session: NoiseSession } {
    const state = this.#state.copy();
    if (message.length < KEY + TAG || message.length > MAX_MESSAGE) throw new NoiseError('the handshake message has a wrong length');
    const remoteEphemeral = message.subarray(0, KEY);
    state.mixHash(remoteEphemeral);
    state.mixKey(dh(this.#ephemeral.privateKey, remoteEphemeral));
    state.mixKey(dh(this.#static.privateKey, remoteEphemeral));
    const handshakeHash = state.hash;
    const payload = state.decryptAndHash(message.subarray(KEY));
    const [send, receive] = state.split();
    return { payload, handshakeHash, session: { send, receive, handshakeHash: state.hash } };
  }
}

/** The end whose static key is known to the other. Used once, in this order. */
export class NoiseResponder {
  readonly #state: Symmetric;
  readonly #static: NoiseKeyPair;
  readonly #ephemeral: NoiseKeyPair;
  #remoteEphemeral: Uint8Array | null = null;
  #remoteStatic: Buffer | null = null;

  constructor(options: NoiseOptions) {
    this.#state = new Symmetric(options.prologue);
    this.#static = options.staticKey;
    this.#ephemeral = options.ephemeral ?? noiseKeyPair();
    this.#state.mixHash(options.staticKey.publicKey);
  }

  /**
   * @param admit told who claims to be there, after a third of the work and before it is proven; false ends it
   * @throws NoiseError
   */
  readFirst(message: Uint8Array, admit: (remoteStatic: Buffer) => boolean = () => true): OpenedPayload & { remoteStatic: Buffer } {
    const state = this.#state;
    const end = KEY + KEY + TAG;
    if (message.length < end + TAG || message.length > MAX_MESSAGE) throw new NoiseError('the handshake message has a wrong length');
    const remoteEphemeral = message.subarray(0, KEY);
    state.mixHash(remoteEphemeral);
    state.mixKey(dh(this.#static.privateKey, remoteEphemeral));
    const remoteStatic = state.decryptAndHash(message.subarray(KEY, end));
    if (!admit(remoteStatic)) throw new NoiseError('over the limit');
    state.mixKey(dh(this.#static.privateKey, remoteStatic));
    const handshakeHash = state.hash;
    const payload = state.decryptAndHash(message.subarray(end));
    this.#remoteEphemeral = remoteEphemeral;
    this.#remoteStatic = remoteStatic;
    return { payload, handshakeHash, remoteStatic };
  }

  writeSecond(payload: PayloadMaker): { message: Buffer; session: NoiseSession } {
    const second = this.beginSecond();
    return second.seal(payload(second.handshakeHash));
  }

  /** The same for a payload that needs what it is sealed under, and takes a while to make. */
  beginSecond(): { readonly handshakeHash: Buffer; seal(payload: Uint8Array): { message: Buffer; session: NoiseSession } } {
    const state = this.#state;
    if (!this.#remoteEphemeral || !this.#remoteStatic) throw new NoiseError('the first message has not been read');
    state.mixHash(this.#ephemeral.publicKey);
    state.mixKey(dh(this.#ephemeral.privateKey, this.#remoteEphemeral));
    state.mixKey(dh(this.#ephemeral.privateKey, this.#remoteStatic));
    const seal = (payload: Uint8Array) => {
      const message = Buffer.concat([this.#ephemeral.publicKey, state.encryptAndHash(payload)]);
      const [receive, send] = state.split();
      return { message, session: { send, receive, handshakeHash: state.hash } };
    };
    return { handshakeHash: state.hash, seal };
  }
}
