import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('./rtsp-server.py', import.meta.url));
/** Debian's: the one that has GStreamer's bindings. */
const PYTHON = '/usr/bin/python3';

/** Why there can be no real RTSP server here, or null. */
export function rtspServerUnavailable(): string | null {
  try {
    const check = 'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import GstRtspServer';
    execFileSync(PYTHON, ['-c', check], { stdio: 'ignore' });
    return null;
  } catch {
    return 'GStreamer’s RTSP server with its Python bindings is not installed';
  }
}

export interface RtspServerOptions {
  /** MP4 with H.264, and AAC when audio is asked for. */
  readonly file: string;
  /** The file is repeated to last at least so long. Default 300. */
  readonly seconds?: number;
  /** Digest authentication, when given. */
  readonly user?: string;
  readonly password?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly media?: 'video' | 'audio' | 'both';
  /** Of the file's video. Default h264. */
  readonly codec?: 'h264' | 'h265';
  /** The file's AAC, the default, or a generated tone. */
  readonly audio?: 'file' | 'aac' | 'pcmu' | 'pcma' | 'opus';
  /** The network namespace it runs in. */
  readonly namespace?: string | undefined;
}

export interface RtspServer {
  /** Without user and password. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const dir = mkdtempSync(join(tmpdir(), 'keyhole-rtsp-'));
  const file = join(dir, 'long.mp4');
  const seconds = String(options.seconds ?? 300);
  const repeat = ['-nostdin', '-loglevel', 'error', '-stream_loop', '-1', '-i', options.file, '-t', seconds, '-c', 'copy', file];
  await promisify(execFile)('ffmpeg', repeat);

  const args = [SCRIPT, file, '--port', String(options.port ?? 0), '--media', options.media ?? 'video'];
  args.push('--codec', options.codec ?? 'h264', '--audio', options.audio ?? 'file');
  if (options.user) args.push('--user', options.user, '--password', options.password ?? '');
  const command = options.namespace ? ['ip', 'netns', 'exec', options.namespace, PYTHON, ...args] : [PYTHON, ...args];
  const [program = PYTHON, ...rest] = command;
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void exited.then(() => reject(new Error('the RTSP server ended before it was ready')));
  });
  return {
    url,
    port: Number(new URL(url).port),
    async close() {
      child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
