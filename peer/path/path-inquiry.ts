import type { Clock } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import { CodedError } from '../../electron/base/errors.ts';
import { firstOf } from '../../electron/base/first-of.ts';
import type { PathAnswer, PathOffer } from './path-messages.ts';

const ANSWER_MS = 5_000;

/** Offers a path on the session's own control channel, and tells answers apart by their number. */
export class PathInquiry {
  readonly #clock: Clock;
  readonly #send: (offer: PathOffer) => void;
  readonly #answers = new Emitter<PathAnswer>();
  readonly #refusals = new Emitter<{ readonly id: number; readonly error: CodedError }>();

  constructor(clock: Clock, send: (offer: PathOffer) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** @throws CodedError what the camera refused with, or `peer-absent` */
  ask(offer: PathOffer): Promise<PathAnswer> {
    return firstOf<PathAnswer>({
      clock: this.#clock,
      timeoutMs: ANSWER_MS,
      late: () => new CodedError('peer-absent', 'The camera did not answer the offer of another path.'),
      listen: (resolve, reject) => {
        const offs = [
          this.#answers.on((answer) => answer.id === offer.id && resolve(answer)),
          this.#refusals.on(({ id, error }) => id === offer.id && reject(error)),
        ];
        this.#send(offer);
        return offs;
      },
    });
  }

  answered(answer: PathAnswer): void {
    this.#answers.emit(answer);
  }

  refused(id: number, error: CodedError): void {
    this.#refusals.emit({ id, error });
  }

  close(): void {
    this.#answers.clear();
    this.#refusals.clear();
  }
}
