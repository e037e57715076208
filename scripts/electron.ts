import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build.ts';

const packageFolder = join(root, 'node_modules', 'electron');
const DOWNLOAD_WITHIN_MS = 180_000;

/** Why Electron cannot show a window here, apart from its binary; null when it can. */
export function noWindowReason(
  platform: string = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  uid = process.getuid?.(),
): string | null {
  if (platform !== 'linux') return null;
  if (!env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return 'there is no display';
  if (uid === 0) return 'Electron does not run as root';
  return null;
}

/**
 * Electron's binary, if it is there. Looked up by hand: the package's own main module starts a download when it is not.
 * A folder named by ELECTRON_OVERRIDE_DIST_PATH is taken at its word, so that a wrong one fails rather than being passed over.
 */
export function electronBinary(): string | undefined {
  const pathFile = join(packageFolder, 'path.txt');
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8').trim() : undefined;
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (override) return join(override, name ?? (process.platform === 'win32' ? 'electron.exe' : 'electron'));
  if (!name) return undefined;
  const binary = join(packageFolder, 'dist', name);
  return existsSync(binary) ? binary : undefined;
}

/** The binary, downloaded by the package's own installer when it is not there; or why there is none. */
export async function findElectron(): Promise<{ binary: string } | { reason: string }> {
  const there = electronBinary();
  if (there) return { binary: there };
  if (!existsSync(join(packageFolder, 'install.js'))) return { reason: 'the electron package is not installed' };
  process.stderr.write('Getting Electron (once, about 110 MB)…\n');
  const child = spawn(process.execPath, [join(packageFolder, 'install.js')], { stdio: 'ignore', timeout: DOWNLOAD_WITHIN_MS });
  await new Promise<void>((resolve) => child.once('error', () => resolve()).once('close', () => resolve()));
  const binary = electronBinary();
  return binary ? { binary } : { reason: 'its program could not be downloaded' };
}
