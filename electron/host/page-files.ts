import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf } from '../base/errors.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Value of Cache-Control: files whose name carries a hash never change. */
  readonly cache: string;
}

/** The folder of the built page, beside a built host (dist/node) or from a checkout's electron/host. */
export function pageFolder(from: string = import.meta.url): string {
  return fileURLToPath(new URL(from.endsWith('.ts') ? '../../dist/page/' : '../page/', from));
}

/**
 * The page's file for a URL path, or undefined: no such file, or a path that would leave the folder.
 * @param path the URL's path, still percent-encoded; `/` is index.html
 */
export async function readPageFile(folder: string, path: string): Promise<PageFile | undefined> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  if (!decoded.startsWith('/') || /[\0\\:]/.test(decoded)) return undefined;
  const root = normalize(folder + sep);
  const file = join(root, decoded === '/' ? 'index.html' : decoded);
  const type = TYPES[extname(file).toLowerCase()];
  if (!file.startsWith(root) || !type) return undefined;
  try {
    const body = new Uint8Array(await readFile(file));
    return { body, type, cache: decoded.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache' };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'EISDIR' || errno === 'ENOTDIR' || errno === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}
