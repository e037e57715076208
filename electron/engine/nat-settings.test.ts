import { expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import type { NatSettings } from '../contract/model.ts';
import type { Storage } from '../storage/client.ts';
import { DEFAULT_NAT_SETTINGS, NatChoices } from './nat-settings.ts';

/** Settings in memory, by the names of storage. */
function setUp(value: string | null = null) {
  const kept = { value };
  const told: NatSettings[] = [];
  const call = (name: string, args: { value?: string }) => {
    if (name === 'setSetting') kept.value = args.value ?? null;
    return Promise.resolve(name === 'setting' ? kept.value : undefined);
  };
  const storage = { call } as unknown as Pick<Storage, 'call'>;
  return { told, open: () => NatChoices.open({ storage, log: silentLog, changed: (settings) => told.push(settings) }) };
}

const punch = { enabled: false, probes: 10, perSecond: 100, seconds: 1 };

it('keeps what was chosen, leaves the rest as it is, and tells it', async () => {
  const { open, told } = setUp();
  const choices = await open();
  expect(choices.current).toEqual(DEFAULT_NAT_SETTINGS);
  await Promise.all([choices.configure({ punch }), choices.configure({ portMapping: false })]);
  expect(choices.current).toEqual({ punch, portMapping: false });
  expect(told).toEqual([
    { punch, portMapping: true },
    { punch, portMapping: false },
  ]);
  expect((await open()).current).toEqual({ punch, portMapping: false });
});

it.each(['{', '[]', '{"punch":{"enabled":true,"probes":99999,"perSecond":500,"seconds":10},"portMapping":true}'])(
  'takes the usual ones where %s was kept',
  async (text) => expect((await setUp(text).open()).current).toEqual(DEFAULT_NAT_SETTINGS),
);
