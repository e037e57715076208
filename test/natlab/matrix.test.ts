import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVERS } from './internet.ts';
import { type CellResult, isDirect, Meetings, type MeetingResult } from './meetings.ts';
import { asked, CELLS, expected, type Outcome, showCell } from './matrix.ts';
import { laboratoryUnavailable } from './namespaces.ts';
import type { Router } from './router.ts';
import { SITE_KINDS, type SiteKind } from './sites.ts';
import { Turns } from './turns.ts';

const unavailable = laboratoryUnavailable();
const RESULTS = 'test-results/natlab.json';
/** Programs are started by the first cell that wants them. */
const CELL_MS = 240_000;
const FOR_DIRECT_MS = 60_000;

function judge(outcome: Outcome, { path, straight, attempts }: MeetingResult): void {
  if (outcome === 'relay') return; // that there is video has been seen
  expect(isDirect(path), `${path}; tried: ${JSON.stringify(attempts)}`).toBe(true);
  expect(straight, 'packets from network to network').toBeGreaterThan(0);
  // Whether the very first picture came directly is a matter of some hundred milliseconds, which a busy machine does not have:
  // it is told, and the bench has the share.
}

const show = ({ firstPath, path, setupMs, directMs }: MeetingResult) =>
  `${firstPath} after ${setupMs} ms${path === firstPath ? '' : `, ${path} ${directMs} ms later`}`;

describe.skipIf(unavailable !== null)(`keyhole camera and keyhole serve meet${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let meetings: Meetings;
  const results: CellResult[] = [];

  beforeAll(async () => {
    meetings = await Meetings.start();
  });
  afterAll(async () => {
    await meetings?.close();
    mkdirSync('test-results', { recursive: true });
    writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
  });

  describe('each kind of site with each', () => {
    for (const cell of CELLS) {
      const { outcome, why } = asked(cell);
      it.concurrent(
        `${showCell(cell)}: ${expected(cell)}${why ? ` (pending: ${why})` : ''}`,
        async ({ annotate }) => {
          const result = await meetings.run(cell, { forDirectMs: outcome === 'relay' ? 0 : FOR_DIRECT_MS });
          results.push(result);
          await annotate(show(result));
          judge(outcome, result);
          if (cell.camera === 'symmetric-ipv6' && cell.app === 'symmetric-ipv6') expect(result.remote).toMatch(/^\[2001:db8:/);
        },
        CELL_MS,
      );
    }
  });

  describe('with the relay that is built into the rendezvous', () => {
    let url: string;
    beforeAll(async () => {
      ({ url } = await meetings.programs.rendezvous({ address: SERVERS.relayingRendezvous, args: ['--turn'] }));
    });

    it.concurrent.for<SiteKind>(['symmetric', 'udp-blocked'])(
      'camera %s, every app that is not direct: relayed',
      { timeout: CELL_MS },
      async (kind) => {
        const { host } = await meetings.camera(kind);
        const camera = await meetings.startCamera(host, url);
        const apps = SITE_KINDS.filter((app) => expected({ camera: kind, app }) === 'relay');
        // One camera, and all of them at once, is another test.
        const turns = new Turns(2);
        const meet = async (app: SiteKind) => meetings.meet(camera, await meetings.app(app), showCell({ camera: kind, app }));
        const met = apps.map((app) => turns.take(async () => (await meet(app)).path));
        expect(await Promise.all(met)).toEqual(apps.map(() => 'relay'));
      },
    );
  });

  describe('both behind one router', () => {
    let router: Router;
    let meet: () => Promise<MeetingResult>;
    beforeAll(async () => {
      router = await meetings.lab.router('shared', { kind: 'full-cone' });
      const camera = await meetings.startCamera(await meetings.lab.host('shared-camera', router));
      const app = await meetings.startApp(await meetings.lab.host('shared-app', router));
      meet = () => meetings.meet(camera, app, 'neighbours');
    });

    it('that lets them talk to each other: on the LAN', async () => {
      const { path, straight } = await meet();
      expect([path, straight]).toEqual(['host', 0]);
    });

    it('that does not, with hairpin: by their public endpoints', async () => {
      await router.become({ kind: 'full-cone', hairpin: true, isolated: true });
      const { path, straight } = await meet();
      expect(path).toMatch(/^(srflx|prflx)$/);
      expect(straight).toBe(0);
    });

    it('that does not, with a strict hairpin: by their public endpoints', async () => {
      await router.become({ kind: 'port-restricted-cone', hairpin: true, isolated: true });
      expect((await meet()).path).toMatch(/^(srflx|prflx)$/);
    });

    it('that does not, without hairpin: relayed', async () => {
      await router.become({ kind: 'port-restricted-cone', isolated: true });
      expect((await meet()).path).toBe('relay');
    });
  });

  describe('in two homes behind one provider’s NAT', () => {
    let provider: Router;
    let meet: () => Promise<MeetingResult>;
    beforeAll(async () => {
      const { lab } = meetings;
      provider = await lab.router('provider', { kind: 'full-cone', lan: '100.64.0', hairpin: true });
      const home = (name: string) => lab.router(name, { kind: 'port-restricted-cone' }, { behind: provider });
      const camera = await meetings.startCamera(await lab.host('home-camera', await home('home-one')));
      const app = await meetings.startApp(await lab.host('home-app', await home('home-two')));
      meet = () => meetings.meet(camera, app, 'one provider');
    });

    it('that has a hairpin, as it must (RFC 6888): direct', async () => {
      const { path, straight } = await meet();
      expect(path).toMatch(/^(srflx|prflx)$/);
      expect(straight).toBe(0);
    });

    it('that has none: relayed', async () => {
      await provider.become({ kind: 'full-cone' });
      expect((await meet()).path).toBe('relay');
    });
  });
});
