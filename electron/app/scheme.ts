import type { Protocol } from 'electron';
import { SECURITY_HEADERS, contentSecurityPolicy } from '../host/csp.ts';
import { readPageFile } from '../host/page-files.ts';
import { UI_PREFIX } from './channels.ts';

/** Makes `app:` a scheme like https for Chromium. Only possible before the app is ready. */
export function registerScheme(protocol: Protocol): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true } },
  ]);
}

/** Serves the built page at `app://ui/`, with the policy as a header of every answer. */
export function servePage(protocol: Protocol, folder: string): void {
  protocol.handle('app', async (request) => {
    const headers = { ...SECURITY_HEADERS, 'Content-Security-Policy': contentSecurityPolicy() };
    const path = request.method === 'GET' && request.url.startsWith(UI_PREFIX) ? new URL(request.url).pathname : undefined;
    const file = path === undefined ? undefined : await readPageFile(folder, path);
    if (!file) return new Response('Not found\n', { status: 404, headers });
    return new Response(file.body, { headers: { ...headers, 'Content-Type': file.type, 'Cache-Control': file.cache } });
  });
}
