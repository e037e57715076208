import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The documents number what they promise and name the test that holds it: files and titles must be there. */

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const glob = (pattern: string): string[] =>
  globSync(pattern, { cwd: root, exclude: (path) => /(^|\/)(node_modules|dist|release|\.git)$/.test(path) });

const tests = glob('**/*.{test,spec}.ts');
const documents = [...glob('README.md'), ...glob('docs/*.md'), ...glob('*/**/README.md')];
const FILE = /[\w./-]+\.(?:test|spec)\.ts/g;
const TITLE = /"([^"\n]+)"/g;
const HELD_BY_A_TOOL = /\((?:lint|the type checker)\)/;

/** The test files that a name can mean: from the document's folder, from the root, or by the file's name alone. */
function meant(name: string, document: string): string[] {
  const here = join(dirname(document), name);
  const exact = tests.filter((path) => path === here || path === name);
  return exact.length > 0 ? exact : tests.filter((path) => path.endsWith(`/${name}`));
}

/** Paragraphs that begin with `**2.1**` where a document has such, else the items of its numbered lists, with the lines below. */
function promises(document: string): { number: string; body: string }[] {
  if (document === 'README.md') return [];
  const whole = read(document);
  const numbered = /^\*\*\d+\.\d+\*\*/m.test(whole);
  // Other pages may number steps; a README numbers nothing but promises, unless it has a section for them.
  const section = whole.split(/^## Invariants$/m)[1]?.split(/^## /m)[0];
  const markdown = section ?? (numbered || document.endsWith('README.md') ? whole : '');
  const begin = numbered ? String.raw`\*\*(\d+\.\d+)\*\*` : String.raw`(\d+)\.`;
  const item = new RegExp(String.raw`^${begin} (.*(?:\n(?!\s*$|#|\d+\. |\*\*\d).*)*)`, 'gm');
  return [...markdown.matchAll(item)].map(([, number = '', body = '']) => ({ number, body }));
}

it('every folder of the house says what it promises', () => {
  const folders = [...glob('electron/*/'), 'peer', 'camera', 'rendezvous', 'cli', 'renderer'].map((path) => path.replace(/\/$/, ''));
  expect(folders.filter((folder) => !documents.includes(join(folder, 'README.md')))).toEqual([]);
});

describe.each(documents)('%s', (document) => {
  it('names files that exist', () => {
    const named = read(document).match(FILE) ?? [];
    const links = [...read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);
    const lost = named.filter((name) => meant(name, document).length === 0);
    expect([...lost, ...links.filter((link) => glob(join(dirname(document), link)).length === 0)]).toEqual([]);
  });

  it('names, for every promise, a test that is there', () => {
    const wrong: string[] = [];
    // A section may say once for all its promises which file holds them.
    const forAll =
      read(document)
        .match(/held by `[^`]+`/i)?.[0]
        .match(FILE) ?? [];
    const known = new Set(forAll.flatMap((name) => meant(name, document)));
    for (const { number, body } of promises(document)) {
      const named = body.match(FILE) ?? [];
      const titles = [...body.matchAll(TITLE)].map(([, title = '']) => title);
      for (const path of named.flatMap((name) => meant(name, document))) known.add(path);
      if (named.length + titles.length + forAll.length === 0 && !HELD_BY_A_TOOL.test(body)) wrong.push(`${number} names no test`);
      const sources = [...known].map(read).join('\n');
      const isThere = (title: string) => title.split('…').every((part) => sources.includes(part.trim()));
      for (const title of titles) if (!isThere(title)) wrong.push(`${number}: no test named here says "${title}"`);
    }
    expect(wrong).toEqual([]);
  });
});
