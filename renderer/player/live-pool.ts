import type { CameraId, UtcMs } from '../../electron/contract/model.ts';
import { isLiveReport, type LiveCommand, type LiveReport, type LiveStats } from './live-messages.ts';
import { createLiveSurface, type LiveSurface } from './live-surface.ts';

export interface LiveListener {
  /** A picture with this UTC time reached the screen. */
  painted(at: UtcMs): void;
  started(): void;
  stats(stats: LiveStats): void;
  unsupported(text: string): void;
  ended(text: string | null): void;
}

export interface LiveHandle {
  readonly element: HTMLElement;
  pause(): void;
  resume(): void;
  close(): void;
}

/** What the tiles need of a pool. */
export type LiveScreens = Pick<LivePool, 'open'>;

interface Tile {
  readonly surface: LiveSurface;
  readonly listener: LiveListener;
}

interface Decoding {
  readonly worker: Worker;
  readonly tiles: Map<number, Tile>;
}

export const MAX_WORKERS = 4;

/** Live tiles spread over a few decode workers, each with a connection of its own. Workers start when first needed. */
export class LivePool {
  readonly #size: number;
  readonly #createWorker: () => Worker;
  readonly #workers: Decoding[] = [];
  #nextTile = 1;

  constructor(createWorker: () => Worker, size = Math.min(MAX_WORKERS, navigator.hardwareConcurrency || 2)) {
    this.#createWorker = createWorker;
    this.#size = size;
  }

  open(camera: CameraId, listener: LiveListener): LiveHandle {
    const surface = createLiveSurface((at) => listener.painted(at));
    const tile = this.#nextTile++;
    const decoding = this.#leastBusy();
    decoding.tiles.set(tile, { surface, listener });
    const { handle } = surface;
    const send = (command: LiveCommand, transfer: Transferable[] = []) => decoding.worker.postMessage(command, transfer);
    send({ live: 'open', tile, camera, surface: handle }, [handle.kind === 'track' ? handle.writable : handle.canvas]);
    return {
      element: surface.element,
      pause: () => send({ live: 'pause', tile }),
      resume: () => send({ live: 'resume', tile }),
      close: () => {
        if (!decoding.tiles.delete(tile)) return;
        send({ live: 'close', tile });
        surface.close();
      },
    };
  }

  #leastBusy(): Decoding {
    const idle = this.#workers.toSorted((a, b) => a.tiles.size - b.tiles.size)[0];
    if (idle && (idle.tiles.size === 0 || this.#workers.length >= this.#size)) return idle;
    const decoding: Decoding = { worker: this.#createWorker(), tiles: new Map() };
    decoding.worker.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (isLiveReport(event.data)) deliver(decoding, event.data);
    });
    this.#workers.push(decoding);
    return decoding;
  }
}

function deliver(decoding: Decoding, report: LiveReport): void {
  const tile = decoding.tiles.get(report.tile);
  if (!tile) return;
  const { listener, surface } = tile;
  if (report.live === 'base') surface.setBase(report.base);
  else if (report.live === 'started') listener.started();
  else if (report.live === 'painted') listener.painted(report.at);
  else if (report.live === 'stats') listener.stats(report.stats);
  else if (report.live === 'unsupported') listener.unsupported(report.text);
  else listener.ended(report.text);
}
