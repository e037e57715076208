import { renderUnicodeCompact } from 'uqr';
import type { Clock, Timer } from '../electron/base/clock.ts';
import { formatInvite } from '../peer/pairing/invite.ts';
import type { Identity } from '../peer/identity.ts';
import type { ProgramIo } from '../electron/base/program.ts';
import type { PairingStore } from './pairing-store.ts';

/** Shows an invite for the next app: at the start, when one was used, when one has expired. */
export class Invites {
  readonly #options: InvitesOptions;
  #timer: Timer | null = null;

  constructor(options: InvitesOptions) {
    this.#options = options;
  }

  show(): void {
    const { identity, name, rendezvous, pairing, clock, io, people } = this.#options;
    const { secret, expires } = pairing.issue();
    const invite = formatInvite({ publicKey: identity.publicKey, address: identity.addressKey.address, rendezvous, secret, expires, name });
    io.event({ event: 'pairing', invite, expires: new Date(expires).toISOString() });
    if (people) {
      io.text(
        `\nTo add the camera "${name}" to Keyhole, scan this with it, or paste the line below. Good for one app, until ${new Date(expires).toLocaleString()}.\n`,
      );
      io.text(`${renderUnicodeCompact(invite, { ecc: 'L', border: 2 })}\n\n${invite}\n`);
    }
    this.#timer?.cancel();
    this.#timer = clock.setTimeout(() => this.show(), expires - clock.now());
  }

  close(): void {
    this.#timer?.cancel();
  }
}

interface InvitesOptions {
  readonly identity: Identity;
  readonly name: string;
  readonly rendezvous: readonly string[];
  readonly pairing: PairingStore;
  readonly clock: Clock;
  readonly io: ProgramIo;
  /** Somebody reads stderr: show the QR code too. */
  readonly people: boolean;
}
