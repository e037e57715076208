import type { Camera, PathKind } from '../../electron/contract/model.ts';
import type { Meetings } from './meetings.ts';
import type { Cell } from './matrix.ts';
import type { ServeProgram } from './programs.ts';
import type { Host } from './host.ts';
import { Router } from './router.ts';

/** What happens to a camera that is live. */
export interface Trouble {
  readonly name: string;
  readonly cell: Cell;
  /** Resolves when the network is whole again. */
  readonly happen: (hosts: { readonly camera: Host; readonly app: Host; readonly meetings: Meetings }) => Promise<void>;
}

/** What became of it. JSON-able. */
export interface Recovery {
  readonly name: string;
  readonly before: PathKind | null;
  readonly after: PathKind | null;
  /** From the network being whole again to a picture that was taken after that, ms. */
  readonly ms: number;
  /** Sessions that the camera saw begin meanwhile: 0 when the one that was there went on. */
  readonly newSessions: number;
}

/** What the host is behind: one router at the internet. */
function routerOf({ at, name }: Host): Router {
  if (!(at instanceof Router)) throw new Error(`${name} has no router`);
  return at;
}
const OUTAGE_MS = 8_000;
const REGISTERED_MS = 40_000;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const TROUBLES: readonly Trouble[] = [
  {
    name: 'the NAT of the camera forgets its mappings',
    cell: { camera: 'port-restricted-cone', app: 'port-restricted-cone' },
    happen: ({ camera }) => routerOf(camera).forget(),
  },
  {
    name: 'a symmetric NAT forgets its mappings',
    cell: { camera: 'symmetric', app: 'full-cone' },
    happen: ({ camera }) => routerOf(camera).forget(),
  },
  {
    name: 'the public address of the camera changes',
    cell: { camera: 'port-restricted-cone', app: 'port-restricted-cone' },
    happen: async ({ camera }) => void (await routerOf(camera).renumber()),
  },
  {
    name: 'the public address of the app changes',
    cell: { camera: 'restricted-cone', app: 'port-restricted-cone' },
    happen: async ({ app }) => void (await routerOf(app).renumber()),
  },
  {
    name: 'the link of the camera is cut for some seconds',
    cell: { camera: 'full-cone', app: 'port-restricted-cone' },
    happen: async ({ camera }) => {
      await camera.uplink.cut();
      await pause(OUTAGE_MS);
      await camera.uplink.mend();
    },
  },
  {
    name: 'the camera is moved to another NAT',
    cell: { camera: 'port-restricted-cone', app: 'restricted-cone' },
    happen: async ({ camera, meetings }) => {
      await camera.move(await meetings.lab.router(`other-${Date.now() % 10_000}`, { kind: 'full-cone' }));
    },
  },
];

/** Adds the camera, has the trouble happen, and waits for a new picture. @throws Error with the logs when none comes in time */
export async function recover(meetings: Meetings, { name, cell, happen }: Trouble, deadlineMs = 30_000): Promise<Recovery> {
  const [camera, app] = await Promise.all([meetings.camera(cell.camera), meetings.app(cell.app)]);
  const id = await added(app.program, name, await camera.program.invite());
  try {
    const before = await app.program.untilLive(id);
    const sessions = () => camera.program.program.events.filter(({ event }) => event === 'session').length;
    const begun = sessions();
    await happen({ camera: camera.host, app: app.host, meetings });
    const whole = Date.now();
    const isNew = ({ state, lastFrameAt }: Camera) => state === 'live' && (lastFrameAt ?? 0) > whole;
    await app.program.until(id, isNew, deadlineMs);
    const ms = Date.now() - whole;
    // It is the new path that is told, and it stays.
    const after = await app.program.untilLive(id);
    return { name, before: before.path?.kind ?? null, after: after.path?.kind ?? null, ms, newSessions: sessions() - begun };
  } catch (error) {
    throw new Error(`${name}: ${String(error)}\n--- camera\n${camera.program.program.log}`, { cause: error });
  } finally {
    await app.program.remove(id);
  }
}

/** After the trouble before, the camera may be known to its rendezvous by a connection that is dead, until its next heartbeat. */
async function added(app: ServeProgram, name: string, invite: string): Promise<string> {
  const deadline = Date.now() + REGISTERED_MS;
  for (;;) {
    try {
      return (await app.add(name, invite)).id;
    } catch (error) {
      if (!String(error).includes('peer-absent') || Date.now() > deadline) throw error;
    }
  }
}
