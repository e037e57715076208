import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../electron/base/clock.ts';
import type { Endpoint } from '../../peer/stun/address.ts';

const TIME_BYTES = 4;
const TAG_BYTES = 8;

/**
 * Nonces that need no memory: when it was made, and a tag that only this process can make, over that and the address it was
 * made for. So one that was seen on the way is worth nothing from elsewhere, later, or after a restart.
 */
export class Nonces {
  readonly #key = randomBytes(32);
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #lifetimeMs: number;

  constructor(clock: Pick<Clock, 'monotonic'>, lifetimeMs: number) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeMs;
  }

  /** 16 characters: short, as it goes to who has not shown who he is. */
  make(client: Endpoint): string {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUInt32BE(Math.floor(this.#clock.monotonic()) >>> 0, 0);
    return Buffer.concat([time, this.#tag(time, client)]).toString('base64url');
  }

  /** Whether it was made for this client, and not too long ago. */
  isFresh(nonce: string, client: Endpoint): boolean {
    const bytes = Buffer.from(nonce, 'base64url');
    if (nonce.length !== 16 || bytes.length !== TIME_BYTES + TAG_BYTES) return false;
    const time = bytes.subarray(0, TIME_BYTES);
    if (!timingSafeEqual(bytes.subarray(TIME_BYTES), this.#tag(time, client))) return false;
    const ageMs = (Math.floor(this.#clock.monotonic()) - time.readUInt32BE(0)) >>> 0;
    return ageMs <= this.#lifetimeMs;
  }

  #tag(time: Buffer, { address, port }: Endpoint): Buffer {
    return createHmac('sha256', this.#key).update(time).update(`${address} ${port}`).digest().subarray(0, TAG_BYTES);
  }
}
