import type { NatSettings } from '../../electron/contract/model.ts';

/** What is typed, before anybody has judged it. */
export interface NatForm {
  enabled: boolean;
  portMapping: boolean;
  probes: string;
  perSecond: string;
  seconds: string;
}

export type NatFaults = { readonly [K in 'probes' | 'perSecond' | 'seconds']?: string };

/** What the engine takes. */
const LIMITS = { probes: [1, 1024], perSecond: [100, 1000], seconds: [1, 60] } as const;

export function natForm({ punch, portMapping }: NatSettings): NatForm {
  return {
    enabled: punch.enabled,
    portMapping,
    probes: String(punch.probes),
    perSecond: String(punch.perSecond),
    seconds: String(punch.seconds),
  };
}

export function readNatForm(form: NatForm): { readonly settings: NatSettings } | { readonly faults: NatFaults } {
  const faults: { -readonly [K in keyof NatFaults]: string } = {};
  const number = (name: keyof typeof LIMITS): number => {
    const [min, max] = LIMITS[name];
    const value = /^\d{1,6}$/.test(form[name].trim()) ? Number(form[name]) : NaN;
    if (!(value >= min && value <= max)) faults[name] = `A whole number from ${min} to ${max}.`;
    return value;
  };
  const punch = { enabled: form.enabled, probes: number('probes'), perSecond: number('perSecond'), seconds: number('seconds') };
  return Object.keys(faults).length > 0 ? { faults } : { settings: { punch, portMapping: form.portMapping } };
}
