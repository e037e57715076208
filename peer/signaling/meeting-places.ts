import { CodedError } from '../../electron/base/errors.ts';
import { ANOTHER_MAY_DO, meet, weightiest, type LanFinder, type Meeting, type MeetOptions } from './meeting.ts';

/**
 * Where one camera can be met. Remembers what worked: the place of the last success is the first to be asked, one that came to
 * nothing is the last.
 */
export class MeetingPlaces {
  readonly #options: Omit<MeetOptions, 'signal'>;
  /** The favourite first. */
  #rendezvous: readonly string[];
  /** The last meeting on this network came to nothing: the next one is at a rendezvous, where there is one. */
  #lanFailed = false;

  constructor(options: Omit<MeetOptions, 'signal'>) {
    this.#options = options;
    this.#rendezvous = options.rendezvous;
  }

  /** In the order in which they are asked. */
  get rendezvous(): readonly string[] {
    return this.#rendezvous;
  }

  /**
   * Meets the camera and does `work` there; where the place is lost meanwhile, or turns out to lie, it is done anew at another.
   * The meeting is closed when `work` has ended.
   * @throws CodedError what `work` throws, or why the camera cannot be met: {@link meet}
   */
  async use<T>(work: (meeting: Meeting) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const tried = new Set<string>();
    const failures: CodedError[] = [];
    for (;;) {
      const meeting = await this.#meet(tried, signal).catch((error: unknown) => {
        const mismatch = error instanceof CodedError && ['identity-mismatch', 'closed'].includes(error.code);
        throw mismatch ? error : (weightiest(failures) ?? error);
      });
      try {
        const result = await work(meeting);
        this.#worked(meeting);
        return result;
      } catch (error) {
        this.#failed(meeting);
        if (!(error instanceof CodedError) || !ANOTHER_MAY_DO.has(error.code) || signal?.aborted) throw error;
        tried.add(meeting.via);
        failures.push(error);
      } finally {
        meeting.close();
      }
    }
  }

  #meet(tried: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<Meeting> {
    const rendezvous = this.#rendezvous.filter((url) => !tried.has(url));
    const { lan } = this.#options;
    const useLan = lan && !(this.#lanFailed && rendezvous.length > 0);
    return meet({ ...this.#options, rendezvous, lan: useLan ? without(lan, tried) : null, ...(signal ? { signal } : {}) });
  }

  #worked({ via, kind }: Meeting): void {
    this.#lanFailed = false;
    if (kind === 'rendezvous') this.#rendezvous = [via, ...this.#rendezvous.filter((url) => url !== via)];
  }

  #failed({ via, kind }: Meeting): void {
    if (kind === 'lan') this.#lanFailed = true;
    else this.#rendezvous = [...this.#rendezvous.filter((url) => url !== via), via];
  }
}

function without(lan: LanFinder, tried: ReadonlySet<string>): LanFinder {
  return { find: (address, found) => lan.find(address, (url) => void (tried.has(url) || found(url))) };
}
