import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../electron/base/errors.ts';
import type { Camera, Recordings } from '../../electron/contract/model.ts';
import { TwoHosts } from '../fakes/network.ts';
import { Program } from '../fakes/program.ts';
import { startRtspServer, type RtspServer } from '../fakes/rtsp-server.ts';
import { Site } from '../fakes/site.ts';
import { accountOf, total, type Account } from './account.ts';
import { FakedClock } from './faked-clock.ts';

/** Of the disk that the recordings are on. */
const DISK_BYTES = 384 * 1024 * 1024;
const MIB = 1024 * 1024;
const AROUND_MS = 20_000;

export interface WorldOptions {
  readonly p2pCameras: number;
  /** A file for a real RTSP server to give out; null: no such camera. */
  readonly rtspFile: string | null;
  /** Query of `test:`. */
  readonly picture?: string;
  /** Cameras keep what they send. */
  readonly spool?: boolean;
}

interface P2pCamera {
  readonly name: string;
  readonly flags: readonly string[];
  program: Program;
}

/**
 * A whole installation that things happen to: the real app with a clock of its own and a small disk, in one network; real cameras in
 * another; one wire between them.
 */
export class World {
  readonly site: Site;
  readonly clock = new FakedClock();
  readonly beganAt = this.clock.now;
  readonly hosts = new TwoHosts();
  readonly cameras: P2pCamera[] = [];
  readonly #options: WorldOptions;
  readonly #ids: string[] = [];
  #rtsp: RtspServer | null = null;
  #mounted = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.site = new Site(this.hosts, { appEnv: this.clock.env });
  }

  get recordingsDir(): string {
    return join(this.site.dataDir, 'recordings');
  }

  get appPid(): number {
    return this.site.serve?.child.pid ?? 0;
  }

  async start(): Promise<void> {
    await this.hosts.start();
    mkdirSync(this.recordingsDir, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', this.recordingsDir]);
    this.#mounted = true;
    await this.site.startRendezvous();
    await this.site.startServe();
    const { p2pCameras, rtspFile, picture = 'size=320x180&fps=10', spool = false } = this.#options;
    for (let index = 0; index < p2pCameras; index += 1) {
      const name = `Camera ${index + 1}`;
      const flags = [
        '--source',
        `test:?${picture}&seed=${index}&audio=1`,
        ...(spool ? ['--spool', join(this.site.dir, `spool-${index}`)] : []),
      ];
      const camera = { name, flags, program: this.#startCamera(name, flags) };
      this.cameras.push(camera);
      const { invite } = await camera.program.event('pairing');
      this.#ids.push((await this.site.addP2p(name, String(invite))).id);
    }
    if (rtspFile !== null) {
      await this.startRtsp(rtspFile);
      const source = { kind: 'rtsp', url: this.#rtsp?.url ?? '' };
      this.#ids.push((await this.site.json<Camera>('POST', '/api/v1/cameras', { name: 'RTSP', source })).id);
    }
    await this.recording();
  }

  async startRtsp(file: string | null = this.#options.rtspFile): Promise<void> {
    if (file === null) return;
    const port = this.#rtsp?.port ?? 0;
    this.#rtsp = await startRtspServer({ file, port, namespace: this.hosts.app, seconds: 60 });
  }

  async stopRtsp(): Promise<void> {
    await this.#rtsp?.close();
  }

  async restartCamera(camera: P2pCamera): Promise<void> {
    camera.program = this.#startCamera(camera.name, camera.flags);
    await camera.program.event('pairing');
  }

  /** Resolves when every camera records again. */
  async recording(deadlineMs = 90_000): Promise<void> {
    await this.site.until(
      // While the app is being started anew nobody answers.
      () => this.site.json<Camera[]>('GET', '/api/v1/cameras').catch(() => [] as Camera[]),
      (cameras) => cameras.length === this.#ids.length && cameras.every((camera) => camera.recording),
      deadlineMs,
    );
  }

  /** Leaves the disk this much, or gives all of it back (null). */
  fillDisk(leaveBytes: number | null): void {
    const ballast = join(this.recordingsDir, 'ballast');
    rmSync(ballast, { force: true });
    if (leaveBytes === null) return;
    try {
      while (freeBytes(this.recordingsDir) > leaveBytes)
        writeFileSync(ballast, Buffer.alloc(Math.min(MIB, freeBytes(this.recordingsDir) - leaveBytes), 1), { flag: 'a' });
    } catch (error) {
      // The recorders were quicker: then it is full.
      if (errnoOf(error) !== 'ENOSPC') throw error;
    }
  }

  /** Where every second since each camera was added went, but for the last few that are on their way to the disk. */
  async account(): Promise<Account> {
    const cameras = await this.site.json<Camera[]>('GET', '/api/v1/cameras');
    const accounts: Account[] = [];
    for (const { id, createdAt } of cameras) {
      // The clock may have been set back since.
      const to = Math.max(createdAt, Math.round(this.clock.now) - 5_000);
      const answer = await this.site.json<Recordings>('GET', `/api/v1/recordings?camera=${id}&from=${createdAt}&to=${to}`);
      accounts.push(accountOf(answer, createdAt, to));
    }
    return total(accounts);
  }

  /** What the ledger has of all cameras around a stretch without a reason, for whoever looks for it. */
  async around({ from, to }: { readonly from: number; readonly to: number }): Promise<string> {
    const cameras = await this.site.json<Camera[]>('GET', '/api/v1/cameras');
    const range = `from=${from - AROUND_MS}&to=${to + AROUND_MS}`;
    const lines = cameras.map(async ({ id, name }) => {
      const answer = await this.site.json<Recordings>('GET', `/api/v1/recordings?camera=${id}&${range}`);
      return `${name}: ${JSON.stringify(answer)}`;
    });
    return (await Promise.all(lines)).join('\n');
  }

  /**
   * Closes the app; what `keyhole doctor` finds wrong with what is stored, empty when all is well. Beside the app it would take files that are being
   * written for left behind: their times are of the machine's clock, not of the app's.
   */
  async doctor(): Promise<string> {
    await this.site.serve?.stop();
    const program = new Program(['doctor', '--data', this.site.dataDir, '--json'], {
      namespace: this.hosts.app,
      env: this.clock.env,
    });
    const code = await program.exited;
    return code === 0 ? '' : `exit ${code}\n${program.output}\n${program.log}`;
  }

  /** Files of which ffmpeg cannot decode every frame. */
  undecodable(): string[] {
    const list = spawnSync('find', [this.recordingsDir, '-name', '*.mp4'], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
    return list.filter((file) => {
      const decoded = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
      return decoded.status !== 0 || decoded.stderr !== '';
    });
  }

  async close(): Promise<void> {
    await this.site.serve?.stop();
    await this.#rtsp?.close();
    if (this.#mounted) spawnSync('umount', ['-l', this.recordingsDir]);
    await this.site.close();
    await this.hosts.close();
    this.clock.close();
  }

  #startCamera(name: string, flags: readonly string[]): Program {
    const state = join(this.site.dir, `camera-${name.replace(/\W/g, '-')}`);
    return this.site.run('camera', ...flags, '--name', name, '--rendezvous', this.site.rendezvousUrl, '--state', state);
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
