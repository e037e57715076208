import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from './lab.ts';
import { isDirect } from './meetings.ts';
import { Miniupnpd, ordinaryAddress, type MiniupnpdOptions } from './miniupnpd.ts';
import { laboratoryUnavailable } from './namespaces.ts';
import { Programs } from './programs.ts';

const unavailable = laboratoryUnavailable();
const PROTOCOLS: readonly { readonly name: string; readonly options: MiniupnpdOptions }[] = [
  { name: 'UPnP-IGD', options: { natPmp: false } },
  { name: 'PCP', options: {} },
];

describe.skipIf(unavailable !== null)(
  `behind two symmetric NATs, without a relay${unavailable ? ` (skipped: ${unavailable})` : ''}`,
  () => {
    let lab: Lab;
    let programs: Programs;
    let rendezvous: string;
    beforeAll(async () => {
      lab = await Lab.start();
      programs = new Programs(lab);
      rendezvous = (await programs.rendezvous()).url;
    });
    afterAll(() => lab?.close());

    it.each(PROTOCOLS)(
      'a camera whose router maps ports by $name is reached directly',
      async ({ name, options }) => {
        const word = name.slice(0, 4).trim().toLowerCase();
        const router = await lab.router(`${word}-router`, { kind: 'symmetric' }, { address: ordinaryAddress() });
        await Miniupnpd.start(lab, router, options);
        const camera = await programs.camera(await lab.host(`${word}-camera`, router), [rendezvous]);
        const other = await lab.router(`${word}-other`, { kind: 'symmetric' });
        const app = await programs.serve(await lab.host(`${word}-app`, other));
        const { id } = await app.add(name, await camera.invite());
        const { path } = await app.untilLive(id, 60_000);
        expect(isDirect(path?.kind ?? 'relay')).toBe(true);
        expect(path?.remote.startsWith('11.0.0.')).toBe(true);
      },
      150_000,
    );
  },
);
