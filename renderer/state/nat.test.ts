import { describe, expect, it } from 'vitest';
import { utcMs, type NatReport } from '../../electron/contract/model.ts';
import { Cameras } from './cameras.svelte.ts';
import { fakeNatReport } from './fake-path.ts';
import { FakeEngine, settle } from './fake-engine.ts';
import { Nat } from './nat.svelte.ts';

const settings = { punch: { enabled: true, probes: 1024, perSecond: 500, seconds: 10 }, portMapping: true };

async function setUp(answers: Record<string, (args: never) => unknown> = {}) {
  const engine = new FakeEngine({ 'cameras.list': () => [], 'nat.report': () => null, 'nat.settings': () => settings, ...answers });
  const nat = new Nat(engine.link, new Cameras(engine.link));
  const stop = nat.watch();
  engine.link.start();
  await settle();
  return { engine, nat, stop };
}

describe('Nat', () => {
  it('knows what the engine knows, and follows its broadcasts until it is told to stop', async () => {
    const { engine, nat, stop } = await setUp();
    expect([nat.report, nat.settings]).toEqual([null, settings]);
    const report: NatReport = fakeNatReport({ at: utcMs(5) });
    engine.tell('events', { kind: 'nat.changed', report });
    expect(nat.report).toEqual(report);
    engine.tell('events', { kind: 'nat.configured', settings: { ...settings, portMapping: false } });
    expect(nat.settings?.portMapping).toBe(false);
    stop();
    engine.tell('events', { kind: 'nat.changed', report: null });
    expect(nat.report).toEqual(report);
  });

  it('looks again once at a time, and says what went wrong', async () => {
    let asked = 0;
    const { nat, engine } = await setUp({ 'nat.refresh': () => ((asked += 1), fakeNatReport()) });
    const both = [nat.refresh(), nat.refresh()];
    expect(nat.looking).toBe(true);
    await Promise.all(both);
    expect([asked, nat.looking, nat.report?.classical]).toEqual([1, false, fakeNatReport().classical]);
    engine.answers['nat.refresh'] = () => {
      throw new Error('No server answers.');
    };
    await nat.refresh();
    expect(nat.error).toContain('No server answers.');
    expect(nat.report).not.toBeNull();
  });

  it('configures, and fails with the engine’s words', async () => {
    const { nat, engine } = await setUp({ 'nat.configure': (args) => args });
    await nat.configure({ ...settings, portMapping: false });
    expect(nat.settings?.portMapping).toBe(false);
    engine.answers['nat.configure'] = () => {
      throw new Error('no');
    };
    await expect(nat.configure(settings)).rejects.toMatchObject({ code: 'bad-request' });
    expect(nat.settings?.portMapping).toBe(false);
  });
});
