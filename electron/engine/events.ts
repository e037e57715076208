import { Emitter } from '../base/emitter.ts';
import type { Broadcast } from '../contract/events.ts';
import type { Sink } from './contract-server.ts';

const MAX_WAITING = 256;

/** Tells every page what changed. A slow page gets the newest state of each thing, not every step on the way. */
export class Events {
  readonly #emitter = new Emitter<Broadcast>();
  /** Broadcasts that no page will see because a newer one of the same thing replaced them, or the page was too slow. */
  dropped = 0;

  emit(broadcast: Broadcast): void {
    this.#emitter.emit(broadcast);
  }

  serve(sink: Sink<Broadcast>): () => void {
    const waiting = new Map<string, Broadcast>();
    let serial = 0;
    const pump = () => {
      for (const [key, broadcast] of waiting) {
        if (sink.credit <= 0) return;
        waiting.delete(key);
        sink.send(broadcast);
      }
    };
    const stop = this.#emitter.on((broadcast) => {
      const key = subject(broadcast) ?? `#${(serial += 1)}`;
      const older = waiting.get(key);
      if (older) this.dropped += 1;
      waiting.set(key, older ? merge(older, broadcast) : broadcast);
      if (waiting.size > MAX_WAITING) {
        const [oldest] = waiting.keys();
        if (oldest !== undefined) waiting.delete(oldest);
        this.dropped += 1;
      }
      pump();
    });
    sink.onCredit = pump;
    return stop;
  }
}

/** What a broadcast is about: a later one about the same thing replaces it. */
function subject(broadcast: Broadcast): string | undefined {
  if (broadcast.kind === 'camera.changed') return `camera ${broadcast.camera.id}`;
  if (broadcast.kind === 'camera.removed') return `camera ${broadcast.id}`;
  if (broadcast.kind === 'nat.changed' || broadcast.kind === 'nat.configured') return broadcast.kind;
  if (broadcast.kind === 'event.started' || broadcast.kind === 'event.ended') return `event ${broadcast.event.id}`;
  if (broadcast.kind === 'recording.added') return `recording ${broadcast.camera}`;
  if (broadcast.kind === 'recording.removed') return `removed ${broadcast.camera}`;
  if (broadcast.kind === 'storage.changed') return broadcast.kind;
  return undefined;
}

function merge(older: Broadcast, newer: Broadcast): Broadcast {
  if (older.kind === 'recording.added' && newer.kind === 'recording.added')
    return { ...newer, from: older.from < newer.from ? older.from : newer.from };
  if (older.kind === 'recording.removed' && newer.kind === 'recording.removed')
    return { ...newer, from: older.from < newer.from ? older.from : newer.from, to: older.to > newer.to ? older.to : newer.to };
  return newer;
}
