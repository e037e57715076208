import { createHash, hkdfSync } from 'node:crypto';
import { verifySignature, type Identity } from '../identity.ts';
import { NoiseCipher } from '../noise.ts';
import type { BulkCiphers } from './bulk-channel.ts';

/**
 * Ties a DTLS session to the two identities that agreed on it over the secure channel. The library does not check that the
 * other end owns the key of its certificate (CertificateVerify, ServerKeyExchange and Finished go unverified), so that a
 * fingerprint proves nothing: the exported keying material (RFC 5705) does, for it is the same at two ends only when nobody
 * sits between them. That holds because both ends insist on the extended master secret (RFC 7627): without it one in the
 * middle could, with points of low order, give both sides the same master secret.
 */
export type SessionRole = 'viewer' | 'camera';

/** What is known of a DTLS session once its handshake is over. */
export interface DtlsFacts {
  readonly extendedMasterSecret: boolean;
  /** SHA-256 of the certificates (DER) as they were used. */
  readonly localFingerprint: Buffer;
  readonly remoteFingerprint: Buffer;
  /** RFC 5705, without context. */
  exportKeyingMaterial(label: string, length: number): Buffer;
}

const LABEL = 'EXPORTER-keyhole-session-v1';
const CONTROL_LABEL = 'EXPORTER-keyhole-control-v1';

export class SessionBinding {
  readonly #transcript: (role: SessionRole) => Buffer;
  readonly #controlKeys: Record<SessionRole, NoiseCipher>;
  readonly #bulkKeys: Record<SessionRole, NoiseCipher>;
  readonly #role: SessionRole;

  /** @param handshakeHash of the secure channel over which offer and answer went */
  constructor(role: SessionRole, facts: DtlsFacts, handshakeHash: Uint8Array) {
    this.#role = role;
    const viewer = role === 'viewer' ? facts.localFingerprint : facts.remoteFingerprint;
    const camera = role === 'viewer' ? facts.remoteFingerprint : facts.localFingerprint;
    const exported = facts.exportKeyingMaterial(LABEL, 32);
    this.#transcript = (of) => Buffer.concat([Buffer.from(`keyhole session v1\0${of}\0`), exported, viewer, camera, handshakeHash]);
    const material = facts.exportKeyingMaterial(CONTROL_LABEL, 32);
    const key = (channel: 'control' | 'bulk', of: SessionRole) =>
      new NoiseCipher(Buffer.from(hkdfSync('sha256', material, handshakeHash, `keyhole ${channel} v1 from ${of}`, 32)));
    this.#controlKeys = { viewer: key('control', 'viewer'), camera: key('control', 'camera') };
    this.#bulkKeys = { viewer: key('bulk', 'viewer'), camera: key('bulk', 'camera') };
  }

  /** What this end sends: 64 bytes. */
  prove(identity: Pick<Identity, 'sign'>): Buffer {
    return identity.sign(this.#transcript(this.#role));
  }

  /** Whether `proof` is the other end's, made by the pinned key for this very session. */
  isProof(remotePublicKey: Uint8Array, proof: Uint8Array): boolean {
    return verifySignature(remotePublicKey, this.#transcript(this.#role === 'viewer' ? 'camera' : 'viewer'), proof);
  }

  /** Ciphers for control messages: they hold even should DTLS be renegotiated behind our back. */
  get send(): NoiseCipher {
    return this.#controlKeys[this.#role];
  }

  get receive(): NoiseCipher {
    return this.#controlKeys[this.#role === 'viewer' ? 'camera' : 'viewer'];
  }

  /** Ciphers for the bulk channel. */
  get bulk(): BulkCiphers {
    const { viewer, camera } = this.#bulkKeys;
    return this.#role === 'viewer' ? { send: viewer, receive: camera } : { send: camera, receive: viewer };
  }
}

export const certificateFingerprint = (der: Uint8Array): Buffer => createHash('sha256').update(der).digest();
