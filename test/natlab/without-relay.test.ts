import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from './lab.ts';
import { isDirect } from './meetings.ts';
import { laboratoryUnavailable } from './namespaces.ts';
import { Programs } from './programs.ts';
import { makeSite, type SiteKind } from './sites.ts';

const unavailable = laboratoryUnavailable();
/** Pairs that ICE alone does not connect. */
const PAIRS: readonly { readonly camera: SiteKind; readonly app: SiteKind }[] = [
  { camera: 'symmetric', app: 'port-restricted-cone' },
  { camera: 'firewall', app: 'symmetric' },
];

describe.skipIf(unavailable !== null)(`without any relay${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let lab: Lab;
  let programs: Programs;
  let rendezvous: string;
  beforeAll(async () => {
    lab = await Lab.start();
    programs = new Programs(lab);
    rendezvous = (await programs.rendezvous()).url;
  });
  afterAll(() => lab?.close());

  it.each(PAIRS)(
    'a camera behind $camera and an app behind $app meet, by punching',
    async (pair) => {
      const [camera, app] = await Promise.all([
        makeSite(lab, pair.camera, `camera-${pair.camera}`),
        makeSite(lab, pair.app, `app-${pair.app}`),
      ]);
      const [offered, serve] = await Promise.all([programs.camera(camera.host, [rendezvous]), programs.serve(app.host)]);
      const { id } = await serve.add(pair.camera, await offered.invite());
      const { path } = await serve.untilLive(id, 60_000);
      expect(isDirect(path?.kind ?? 'relay')).toBe(true);
    },
    150_000,
  );
});
