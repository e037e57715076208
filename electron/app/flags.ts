import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultDataFolder, defaultDemoFolder } from '../host/data-folder.ts';

export interface AppFlags {
  readonly demo: boolean;
  readonly dataDir: string;
}

/** The app's own flags among those of Chromium, which are left alone. */
export function parseAppFlags(argv: readonly string[]): AppFlags {
  const { values } = parseArgs({
    args: [...argv],
    options: { demo: { type: 'boolean' }, data: { type: 'string' } },
    strict: false,
    allowPositionals: true,
  });
  const demo = values.demo === true;
  const data = typeof values.data === 'string' && values.data !== '' ? values.data : undefined;
  return { demo, dataDir: resolve(data ?? (demo ? defaultDemoFolder() : defaultDataFolder())) };
}
