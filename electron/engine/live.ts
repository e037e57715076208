import { CodedError } from '../base/errors.ts';
import type { LiveItem } from '../contract/api.ts';
import type { DecoderConfig } from '../contract/model.ts';
import type { VideoConfig } from '../media/access-unit.ts';
import type { CameraStream } from '../stream/camera-stream.ts';
import type { Sink } from './contract-server.ts';

/** Sends one camera's encoded video to one page, as fast as the page grants credit. Returns what stops it. */
export function serveLive(stream: CameraStream, sink: Sink<LiveItem>): () => void {
  const reader = stream.subscribe();
  if (!reader) throw new CodedError('too-busy', 'Too many viewers of this camera at once. Close one of the others.');
  let told: VideoConfig | null = null;
  let dropped = 0;
  const pump = () => {
    // A frame may need two credits: its configuration goes first.
    while (sink.credit >= 2) {
      const next = reader.read();
      if (!next) return;
      dropped += next.dropped;
      const { config, utc, key, data } = next.unit;
      if (config.kind !== 'video') continue;
      if (config !== told) {
        told = config;
        sink.send({ kind: 'config', config: decoderConfig(config) });
      }
      sink.send({ kind: 'frame', at: utc, key, dropped }, data);
      dropped = 0;
    }
  };
  reader.onReadable = pump;
  // The camera was removed or is connected anew: who watches asks again, and is told.
  reader.onClosed = () => sink.end();
  sink.onCredit = pump;
  pump();
  return () => reader.close();
}

export function decoderConfig(config: VideoConfig): DecoderConfig {
  const { codecString, width, height } = config;
  return { codecString, width, height, description: Buffer.from(config.description).toString('base64') };
}
