import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Identity } from '../../../peer/identity.ts';
import { parseInvite } from '../../../peer/pairing/invite.ts';
import type { PairedCamera } from '../../../peer/pairing/paired-camera.ts';
import type { IceOptions } from '../../../peer/path/ice-gather.ts';
import { ViewerSession } from '../../../peer/session/viewer-session.ts';
import { HandLink } from '../../../peer/signaling/hand-link.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { CodedError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';

export interface HandOffersOptions {
  readonly identity: Identity;
  /** Servers and routers to be asked for addresses; there may be none. */
  readonly ice: () => IceOptions;
  readonly clock: Clock;
  readonly log: Log;
}

interface Pending {
  readonly link: HandLink;
  readonly session: ViewerSession;
  readonly agreed: Promise<void>;
}

/** Offers that wait for an answer; the oldest goes: each holds sockets open. */
const MAX_PENDING = 4;
/** A session that was agreed on is taken over by the camera's source within this time, ms. */
const TAKE_MS = 60_000;

/** Pairs by two texts that people carry, and keeps the sessions that were agreed on so until the cameras' sources take them over. */
export class HandOffers {
  readonly #options: HandOffersOptions;
  /** By ticket, in the order of the offers. */
  readonly #pending = new Map<string, Pending>();
  /** By the camera's identity, base64url. */
  readonly #agreed = new Map<string, { readonly session: ViewerSession; readonly limit: Timer }>();

  constructor(options: HandOffersOptions) {
    this.#options = options;
  }

  /** Something to name the offer by, and the text for the camera; good for ten minutes. @throws CodedError `invite-malformed` */
  async offer(uri: string): Promise<{ readonly ticket: string; readonly offer: string }> {
    const { identity, ice, clock, log } = this.#options;
    const invite = parseInvite(uri);
    const link = new HandLink({ identity, camera: invite, invite, appName: hostname(), clock });
    const session = await ViewerSession.create({ identity, link, ice, clock, log, askAgain: null });
    const ticket = randomBytes(16).toString('base64url');
    const agreed = session.agree();
    // Why is told to whoever gives the answer; an offer that nobody answered is forgotten.
    agreed.catch(() => {
      link.close();
      this.#pending.delete(ticket);
    });
    const offer = await Promise.race([link.text(), agreed.then(() => link.text())]);
    this.#pending.set(ticket, { link, session, agreed });
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= MAX_PENDING) break;
      this.#drop(oldest);
    }
    return { ticket, offer };
  }

  /**
   * What the camera said to it. Resolves when the camera is proven and there is a way to it.
   * @throws CodedError `not-found`, `answer-wrong` (another answer may be given), what the camera refused with, `ice-failed`, `dtls-failed`
   */
  async answer(ticket: string, text: string): Promise<{ readonly stored: { readonly kind: 'p2p' } & PairedCamera; readonly name: string }> {
    const pending = this.#pending.get(ticket);
    if (!pending) throw new CodedError('not-found', 'This offer is over: make a new one, it is good for ten minutes.');
    const { link, session, agreed } = pending;
    link.answer(text);
    const { paired } = link;
    try {
      await agreed;
    } finally {
      this.#pending.delete(ticket);
    }
    if (!paired) throw new CodedError('protocol-error', 'The camera did not say whether it is paired: update both programs.');
    this.#keep(paired.publicKey, session);
    return { stored: { kind: 'p2p', ...paired }, name: paired.name };
  }

  /** The session that was agreed on with this camera, if it lives: whoever takes it begins and closes it. */
  take(publicKey: string): ViewerSession | null {
    const kept = this.#agreed.get(publicKey);
    this.#agreed.delete(publicKey);
    kept?.limit.cancel();
    return kept && !kept.session.over ? kept.session : null;
  }

  async close(): Promise<void> {
    for (const ticket of [...this.#pending.keys()]) this.#drop(ticket);
    const sessions = [...this.#agreed.keys()].map((publicKey) => this.take(publicKey)?.close());
    await Promise.all(sessions);
  }

  #keep(publicKey: string, session: ViewerSession): void {
    void this.take(publicKey)?.close();
    const limit = this.#options.clock.setTimeout(() => void this.take(publicKey)?.close(), TAKE_MS);
    this.#agreed.set(publicKey, { session, limit });
  }

  #drop(ticket: string): void {
    const pending = this.#pending.get(ticket);
    this.#pending.delete(ticket);
    pending?.link.close();
    void pending?.session.close();
  }
}
