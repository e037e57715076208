import { statfs } from 'node:fs/promises';
import { fingerprintOf } from '../../peer/identity.ts';
import { keyholeVersion } from '../base/version.ts';
import type { AppInfo } from '../contract/model.ts';
import { ffmpegBinary } from '../ffmpeg/binary.ts';

interface Parts {
  readonly host: AppInfo['host'];
  readonly dataDir: string;
  readonly publicKey: Uint8Array;
  readonly notices: () => readonly string[];
}

export async function appInfo({ host, dataDir, publicKey, notices }: Parts): Promise<AppInfo> {
  const ffmpeg = await ffmpegBinary().catch(() => null);
  return {
    version: keyholeVersion(),
    host,
    dataDir,
    ffmpeg: ffmpeg && { path: ffmpeg.path, version: ffmpeg.version },
    disk: await diskSpace(dataDir),
    notices: notices(),
    fingerprint: fingerprintOf(publicKey),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

/** Null where the disk cannot be asked. */
export async function diskSpace(folder: string): Promise<AppInfo['disk']> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}
