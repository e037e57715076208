import type { Log } from '../base/log.ts';
import type { NatSettings, PunchSettings } from '../contract/model.ts';
import { natSettingsSchema } from '../contract/schema.ts';
import type { Storage } from '../storage/client.ts';

const SETTING = 'nat';

/** Birthday probing between a symmetric and a port-restricted side succeeds within these in 98 of 100 tries. */
export const DEFAULT_NAT_SETTINGS: NatSettings = {
  punch: { enabled: true, probes: 1024, perSecond: 500, seconds: 10 },
  portMapping: true,
};

/** What a person chose for getting through NATs, kept among the settings. */
export class NatChoices {
  readonly #storage: Pick<Storage, 'call'>;
  readonly #changed: (settings: NatSettings) => void;
  #settings: NatSettings;
  #saving: Promise<unknown> = Promise.resolve();

  private constructor(storage: Pick<Storage, 'call'>, settings: NatSettings, changed: (settings: NatSettings) => void) {
    this.#storage = storage;
    this.#settings = settings;
    this.#changed = changed;
  }

  /** What was kept and is not understood is as if it was never chosen. */
  static async open(options: { storage: Pick<Storage, 'call'>; log: Log; changed: (settings: NatSettings) => void }): Promise<NatChoices> {
    const { storage, log, changed } = options;
    const text = await storage.call('setting', { key: SETTING });
    const kept = text === null ? null : natSettingsSchema.safeParse(jsonOf(text));
    if (kept && !kept.success) log.warn('the settings for NATs are not understood: the usual ones are used');
    return new NatChoices(storage, kept?.success ? kept.data : DEFAULT_NAT_SETTINGS, changed);
  }

  get current(): NatSettings {
    return this.#settings;
  }

  /** One after another, so that none loses what another one changed. */
  configure(changes: { punch?: PunchSettings | undefined; portMapping?: boolean | undefined }): Promise<NatSettings> {
    const saved = this.#saving.then(async () => {
      const { punch = this.#settings.punch, portMapping = this.#settings.portMapping } = changes;
      const settings = { punch, portMapping };
      await this.#storage.call('setSetting', { key: SETTING, value: JSON.stringify(settings) });
      this.#settings = settings;
      this.#changed(settings);
      return settings;
    });
    this.#saving = saved.catch(() => {});
    return saved;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
