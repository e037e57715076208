import type { ServerResponse } from 'node:http';
import { CodedError } from '../base/errors.ts';
import type { EngineClient } from '../contract/client.ts';
import type { CameraId, UtcMs } from '../contract/model.ts';

/** Pieces of the clip on their way at once. */
const CLIP_CREDIT = 4;

/**
 * Streams one MP4 of the range as the engine makes it. A client that reads slowly slows the engine; one that goes away
 * stops it. Rejects when there is nothing to send; once bytes have been sent a failure breaks the connection.
 */
export async function sendClip(
  response: ServerResponse,
  client: EngineClient,
  range: { camera: CameraId; from: UtcMs; to: UtcMs; proof: boolean },
): Promise<void> {
  const failure = await new Promise<CodedError | undefined>((resolve) => {
    const stream = client.open(
      'clip',
      range,
      {
        item: async (_chunk, bytes) => {
          if (!bytes || response.destroyed || response.writableEnded) return;
          if (!response.headersSent) response.writeHead(200, clipHeaders(range));
          // Its end closes the stream below: nobody reads what would be made.
          if (response.req.method === 'HEAD') return void response.end();
          if (!response.write(bytes)) await drained(response);
        },
        end: resolve,
      },
      CLIP_CREDIT,
    );
    response.once('close', () => {
      stream.close();
      resolve(undefined);
    });
  });
  if (failure) throw failure;
  if (!response.headersSent && !response.destroyed) throw new CodedError('not-found', 'Nothing is recorded in this range.');
  response.end();
}

/** Resolves when the client has read what was written, or has gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

function clipHeaders(range: { camera: CameraId; from: UtcMs }): Record<string, string> {
  const at = new Date(range.from).toISOString().replace(/[:.]/g, '-');
  return {
    'Content-Type': 'video/mp4',
    'Content-Disposition': `attachment; filename="${range.camera}_${at}.mp4"`,
    'Accept-Ranges': 'none',
    'Cache-Control': 'no-store',
  };
}
