import { readFileSync } from 'node:fs';

declare const __KEYHOLE_VERSION__: string | undefined;

/** The project's version: built in, or from package.json of a checkout. */
export function keyholeVersion(): string {
  if (typeof __KEYHOLE_VERSION__ === 'string') return __KEYHOLE_VERSION__;
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
