import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { systemClock } from '../../electron/base/clock.ts';
import { ImpairedLink, type Impairment } from './impaired-link.ts';

const HOST = '127.0.0.1';

/**
 * A bad network between two programs of this machine: UDP is relayed between them, on 127.0.0.1, through a link of its own for
 * each direction. Each session has a lane: a port that one end takes for the other. Timers give it a grain of about 1 ms.
 */
export class ImpairmentProxy {
  /** What the camera sends: its uplink. */
  readonly toApp: ImpairedLink;
  /** What the app sends: requests for packets, feedback, control. */
  readonly toCamera: ImpairedLink;
  readonly #lanes: Lane[] = [];
  #closed = false;

  constructor(options: { seed: number; toApp?: Partial<Impairment>; toCamera?: Partial<Impairment> }) {
    const { seed, toApp = {}, toCamera = {} } = options;
    this.toApp = new ImpairedLink({ clock: systemClock, seed, impairment: toApp });
    this.toCamera = new ImpairedLink({ clock: systemClock, seed: seed + 1, impairment: toCamera });
  }

  async open(): Promise<Lane> {
    const lane = new Lane(this.toApp, this.toCamera);
    await lane.open();
    if (this.#closed) await lane.close();
    this.#lanes.push(lane);
    return lane;
  }

  /** The lane at whose port for cameras the candidates of `sdp` point. */
  laneOf(sdp: string): Lane | null {
    return this.#lanes.find(({ cameraPort }) => sdp.includes(` ${HOST} ${cameraPort} typ host`)) ?? null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.toApp.close();
    this.toCamera.close();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}

/** The way of one session: its two ends are whoever sends to its two ports last. */
export class Lane {
  readonly #app: End;
  readonly #camera: End;

  constructor(toApp: ImpairedLink, toCamera: ImpairedLink) {
    this.#app = new End((data) => toCamera.send(data.length, () => this.#camera.send(data)));
    this.#camera = new End((data) => toApp.send(data.length, () => this.#app.send(data)));
  }

  async open(): Promise<void> {
    await Promise.all([this.#app.open(), this.#camera.open()]);
  }

  /** Where the app finds the camera. */
  get appPort(): number {
    return this.#app.port;
  }

  /** Where the camera finds the app. */
  get cameraPort(): number {
    return this.#camera.port;
  }

  async close(): Promise<void> {
    await Promise.all([this.#app.close(), this.#camera.close()]);
  }
}

class End {
  readonly #socket: Socket = createSocket('udp4');
  readonly #onPacket: (data: Buffer) => void;
  #peer: RemoteInfo | null = null;
  #closed = false;

  constructor(onPacket: (data: Buffer) => void) {
    this.#onPacket = onPacket;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.bind(0, HOST, resolve));
    this.#socket.setRecvBufferSize(4_000_000);
    this.#socket.setSendBufferSize(4_000_000);
    this.#socket.on('error', () => {}); // an end that is gone refuses: as on any network nobody hears of it
    this.#socket.on('message', (data, from) => {
      this.#peer = from;
      this.#onPacket(data);
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(data: Buffer): void {
    if (this.#peer && !this.#closed) this.#socket.send(data, this.#peer.port, this.#peer.address, () => {});
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

/** The description with one candidate only: a port of this machine. */
export function throughPort(sdp: string, port: number): string {
  const lines = sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate:'));
  const at = lines.findIndex((line) => line.startsWith('m='));
  lines.splice(at + 1, 0, `a=candidate:1 1 udp 2130706431 ${HOST} ${port} typ host`);
  return lines.join('\r\n');
}
