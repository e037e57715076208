import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const STYLE = `
  :root { color-scheme: dark light; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif;
    background: light-dark(#f3f4f6, #0c0d0f); color: light-dark(#1a1c1f, #eceef1); }
  main { max-width: 26rem; padding: 2rem; }
  h1 { margin: 0 0 .5rem; font-size: 1.25rem; }
  p { margin: 0; color: light-dark(#4a4f57, #a9afb8); }
`;
/** Nothing but this one style runs or loads. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/**
 * What a browser without the cookie sees. A browser that follows a link from another site withholds the cookie once
 * (SameSite=Strict); then the page comes back to itself, which sends it.
 */
export function sendDoor(request: IncomingMessage, response: ServerResponse, used = false): void {
  const again = !used && /^(cross|same)-site$/.test(String(request.headers['sec-fetch-site']));
  const text = used
    ? 'This link was used already. Keyhole printed a new one where it was started: open that.'
    : 'This browser is not let in yet. Open the link that Keyhole printed where it was started.';
  const refresh = again ? '<meta http-equiv="refresh" content="0;url=/">' : '';
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh}<title>Keyhole</title><style>${STYLE}</style>`;
  const body = `<!doctype html><html lang="en"><head>${head}</head><body><main><h1>Keyhole</h1><p>${again ? 'One moment…' : text}</p></main></body></html>\n`;
  response.writeHead(401, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Content-Security-Policy': POLICY,
    'Cache-Control': 'no-store',
    'WWW-Authenticate': 'Bearer realm="Keyhole"',
  });
  response.end(body);
}
