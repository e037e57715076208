import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { CodedError, errnoOf } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where recordings, index and keys live when nobody says otherwise, by each system's convention. */
export function defaultDataFolder(platform: string = process.platform, env: Environment = process.env, home: string = homedir()): string {
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Keyhole');
  if (platform === 'win32') return join(env.APPDATA || join(home, 'AppData', 'Roaming'), 'Keyhole');
  return join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'keyhole');
}

/** Where the demo keeps its cameras and recordings: a cache, since all of it can be made again. */
export function defaultDemoFolder(platform: string = process.platform, env: Environment = process.env, home: string = homedir()): string {
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'keyhole-demo');
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'keyhole-demo');
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'keyhole-demo');
}

/** Makes the folder, readable by its owner only. Fails with `data-unwritable`. */
export function makeDataFolder(folder: string): string {
  const absolute = resolve(folder);
  try {
    makeFolder(absolute);
  } catch (error) {
    throw unwritable(absolute, error);
  }
  return absolute;
}

export function unwritable(folder: string, error: unknown): CodedError {
  const why = errnoOf(error) ?? (error instanceof Error ? error.message : String(error));
  return new CodedError(
    'data-unwritable',
    `The data folder ${folder} cannot be written (${why}). Choose another with --data or change its permissions.`,
    {
      cause: error,
    },
  );
}
