/**
 * As much of XML as routers' answers need: the text of elements by their local names, in time that grows with the length. No
 * entities but the five of XML, so nothing to expand; what is malformed yields less, never an error.
 */

/** The contents of the elements of that local name, each up to the first closing tag of that name, in order; 64 at most. */
export function elements(xml: string, name: string): string[] {
  const found: string[] = [];
  let at = 0;
  while (found.length < MAX_ELEMENTS) {
    const open = nextTag(xml, at, name, false);
    if (!open) break;
    const close = open.isEmpty ? open : nextTag(xml, open.end, name, true);
    if (!close) break;
    if (!open.isEmpty) found.push(xml.slice(open.end, close.start));
    at = close.end;
  }
  return found;
}

/** The text of the first element of that local name; null when there is none, or other elements are in it. */
export function textOf(xml: string, name: string): string | null {
  const [content] = elements(xml, name);
  return content === undefined || content.includes('<') ? null : unescaped(content.trim());
}

export function escaped(text: string): string {
  return text.replace(/[<>&'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Leaves comments out: they may hold what looks like elements. */
export function withoutComments(xml: string): string {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const begin = xml.indexOf('<!--', at);
    if (begin < 0) break;
    parts.push(xml.slice(at, begin));
    const end = xml.indexOf('-->', begin + 4);
    if (end < 0) return parts.join('');
    at = end + 3;
  }
  return parts.join('') + xml.slice(at);
}

const MAX_ELEMENTS = 64;
const MAX_TAG = 1_024;

interface Tag {
  readonly start: number;
  readonly end: number;
  readonly isEmpty: boolean;
}

/** The next tag of that local name, from `at`, an opening or a closing one. */
function nextTag(xml: string, at: number, name: string, closing: boolean): Tag | null {
  for (let start = xml.indexOf('<', at); start >= 0; start = xml.indexOf('<', start + 1)) {
    if ((xml[start + 1] === '/') !== closing) continue;
    // Only so far: a search to the end for each of thousands of open brackets would take the square of the length.
    const length = xml.slice(start, start + MAX_TAG).indexOf('>');
    if (length < 0) continue;
    const end = start + length;
    const inner = xml.slice(start + (closing ? 2 : 1), end);
    const [qualified = ''] = inner.split(/[\s/]/, 1);
    if (qualified.slice(qualified.indexOf(':') + 1) === name) return { start, end: end + 1, isEmpty: !closing && inner.endsWith('/') };
  }
  return null;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' };

function unescaped(text: string): string {
  return text.replace(/&(?:(lt|gt|amp|apos|quot)|#(\d{1,7}));/g, (whole, name: string | undefined, code: string | undefined) => {
    if (name) return ENTITIES[name] ?? whole;
    const point = Number(code);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
