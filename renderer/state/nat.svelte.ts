import { asCoded } from '../../electron/contract/client.ts';
import type { NatReport, NatSettings } from '../../electron/contract/model.ts';
import type { EngineLink } from '../api/engine-link.ts';
import type { Cameras } from './cameras.svelte.ts';

/** What is known of the network this Keyhole is in, asked when somebody wants to see it. */
export class Nat {
  readonly #link: EngineLink;
  readonly #cameras: Cameras;
  #report = $state.raw<NatReport | null>(null);
  #settings = $state.raw<NatSettings | null>(null);
  #looking = $state(false);
  #error = $state<string | null>(null);

  constructor(link: EngineLink, cameras: Cameras) {
    this.#link = link;
    this.#cameras = cameras;
  }

  get report(): NatReport | null {
    return this.#report;
  }

  /** Null until the engine has told them. */
  get settings(): NatSettings | null {
    return this.#settings;
  }

  /** Somebody asked to look again, and the answer is not there yet. */
  get looking(): boolean {
    return this.#looking;
  }

  get error(): string | null {
    return this.#error;
  }

  /** Follows what the engine knows; returns what ends it. */
  watch(): () => void {
    const stopBroadcasts = this.#cameras.onNat((broadcast) => {
      if (broadcast.kind === 'nat.changed') this.#report = broadcast.report;
      else this.#settings = broadcast.settings;
    });
    const stopClients = this.#link.onClient((client) => {
      const failed = (error: unknown) => (this.#error = asCoded(error).message);
      client.call('nat.report', {}).then((report) => {
        this.#report = report;
        this.#error = null;
      }, failed);
      client.call('nat.settings', {}).then((settings) => (this.#settings = settings), failed);
    });
    return () => {
      stopBroadcasts();
      stopClients();
    };
  }

  async refresh(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#report = await this.#link.call('nat.refresh', {});
      this.#error = null;
    } catch (error) {
      this.#error = asCoded(error).message;
    } finally {
      this.#looking = false;
    }
  }

  /** Rejects with the engine's CodedError. */
  async configure(settings: NatSettings): Promise<void> {
    this.#settings = await this.#link.call('nat.configure', settings);
  }
}
