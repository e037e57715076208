import type { Camera, PathKind, PathReport } from '../../electron/contract/model.ts';
import type { Program } from '../fakes/program.ts';
import { Coturn } from './coturn.ts';
import type { Host } from './host.ts';
import { Lab } from './lab.ts';
import { type Cell, showCell } from './matrix.ts';
import { type CameraProgram, Programs, type ServeProgram } from './programs.ts';
import { makeSite, type SiteKind } from './sites.ts';

/** One way through each wire, ms: two sites are 40 ms away from each other and back. */
const WIRE_MS = 10;
/** Of video, while it is counted which way it goes. */
const COUNTED_MS = 600;
/** For the first picture: while other programs start, all takes long. How long it took is recorded, not judged. */
const DEADLINE_MS = 45_000;

/** What became of one camera and one app. JSON-able. */
export interface MeetingResult {
  /** Of the first picture. */
  readonly firstPath: PathKind;
  /** In the end. */
  readonly path: PathKind;
  /** `address:port` of its ends, as the app has it. */
  readonly local: string;
  readonly remote: string;
  /** From the end of pairing to the first picture, ms. */
  readonly setupMs: number;
  /** From the first picture to the direct path, ms; 0 when it came by that already, null when there never was one. */
  readonly directMs: number | null;
  /** Packets that came from the camera's network straight to the app's over the internet, while pictures went by the last path. */
  readonly straight: number;
  /** What was tried for a better path, newest first. */
  readonly attempts: PathReport['attempts'];
}

export interface CellResult extends MeetingResult {
  readonly cell: Cell;
}

export interface Patience {
  /** For the first picture, ms. */
  readonly deadlineMs?: number;
  /** For a direct path after a relayed one, ms; it is not waited for unless said. */
  readonly forDirectMs?: number;
}

export interface End<T> {
  readonly host: Host;
  readonly program: T;
}

export const isDirect = (kind: PathKind): boolean => kind === 'host' || kind === 'srflx' || kind === 'prflx';

/**
 * A laboratory where a camera and an app at each kind of site meet through one rendezvous; what is asked for is started when
 * it is first asked for, and stays. The relay is coturn, whose credentials the rendezvous gives out.
 */
export class Meetings {
  readonly lab: Lab;
  readonly programs: Programs;
  readonly coturn: Coturn;
  /** Its URL. */
  readonly rendezvous: string;
  readonly #introducing: Program;
  readonly #cameras = new Map<SiteKind, Promise<End<CameraProgram>>>();
  readonly #apps = new Map<SiteKind, Promise<End<ServeProgram>>>();

  private constructor(lab: Lab, programs: Programs, coturn: Coturn, rendezvous: { program: Program; url: string }) {
    this.lab = lab;
    this.programs = programs;
    this.coturn = coturn;
    this.rendezvous = rendezvous.url;
    this.#introducing = rendezvous.program;
  }

  static async start(): Promise<Meetings> {
    const lab = await Lab.start({ wired: true });
    try {
      const programs = new Programs(lab);
      const coturn = await Coturn.start(lab);
      return new Meetings(lab, programs, coturn, await programs.rendezvous({ coturn }));
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** The camera at a site of that kind. */
  camera(kind: SiteKind): Promise<End<CameraProgram>> {
    return remembered(this.#cameras, kind, async () => this.startCamera((await makeSite(this.lab, kind, `camera-${kind}`)).host));
  }

  /** The app at a site of that kind. */
  app(kind: SiteKind): Promise<End<ServeProgram>> {
    return remembered(this.#apps, kind, async () => this.startApp((await makeSite(this.lab, kind, `app-${kind}`)).host));
  }

  async startCamera(host: Host, rendezvous = this.rendezvous): Promise<End<CameraProgram>> {
    await this.lab.impair(host, { delayMs: WIRE_MS });
    return { host, program: await this.programs.camera(host, [rendezvous]) };
  }

  async startApp(host: Host): Promise<End<ServeProgram>> {
    await this.lab.impair(host, { delayMs: WIRE_MS });
    return { host, program: await this.programs.serve(host) };
  }

  /** Lets the two of a cell meet. @throws Error with the logs when there are no pictures in time */
  async run(cell: Cell, patience: Patience = {}): Promise<CellResult> {
    const [camera, app] = await Promise.all([this.camera(cell.camera), this.app(cell.app)]);
    return { cell, ...(await this.meet(camera, app, showCell(cell), patience)) };
  }

  /** Adds the camera to the app, waits for pictures, and for a direct path; then removes it again. @throws as {@link run} */
  async meet(camera: End<CameraProgram>, app: End<ServeProgram>, name: string, patience: Patience = {}): Promise<MeetingResult> {
    const { deadlineMs = DEADLINE_MS, forDirectMs = 0 } = patience;
    const serve = app.program;
    const { id } = await serve.add(name, await camera.program.invite());
    const paired = performance.now();
    try {
      const first = await serve.until(id, ({ state }) => state === 'live', deadlineMs);
      const live = performance.now();
      let directMs = isDirect(kindOf(first)) ? 0 : null;
      if (directMs === null && forDirectMs > 0) {
        const isThere = await serve.until(id, (now) => isDirect(kindOf(now)), forDirectMs).catch(() => null);
        if (isThere) directMs = Math.round(performance.now() - live);
      }
      const { lastFrameAt } = await serve.untilLive(id, deadlineMs);
      const counter = await this.lab.countBetween(camera.host, app.host);
      // Pictures before that may have been on their way, or in a buffer, when the counting began.
      const last = await serve.until(
        id,
        (now) => now.state === 'live' && (now.lastFrameAt ?? 0) > (lastFrameAt ?? 0) + COUNTED_MS,
        deadlineMs,
      );
      const { there } = await counter.read();
      const { attempts } = await serve.path(id);
      const { local = '', remote = '' } = last.path ?? {};
      const paths = { firstPath: kindOf(first), path: kindOf(last), local, remote };
      return { ...paths, setupMs: Math.round(live - paired), directMs, straight: there.packets, attempts };
    } catch (error) {
      throw new Error(`${name}: ${String(error)}\n--- the camera\n${camera.program.program.log}`, { cause: error });
    } finally {
      await serve.remove(id);
    }
  }

  /** From now on nobody is introduced, and STUN of the rendezvous is silent. */
  async stopRendezvous(): Promise<void> {
    await this.#introducing.kill();
  }

  async close(): Promise<void> {
    await this.lab.close();
  }
}

/** Between two paths it has none: that is none that is direct. */
const kindOf = ({ path }: Camera): PathKind => path?.kind ?? 'relay';

function remembered<K, V>(map: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
