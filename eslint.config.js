import { readdirSync } from 'node:fs';
import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import boundaries from 'eslint-plugin-boundaries';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

/** Rooms of the house, and whom each may know besides itself: the one list behind docs/architecture. */
const ROOMS = {
  base: [],
  contract: ['base'],
  media: ['base'],
  peer: ['base'],
  ffmpeg: ['base', 'contract', 'media'],
  segment: ['base', 'contract', 'media'],
  storage: ['base', 'contract', 'segment'],
  stream: ['base', 'contract', 'media'],
  sources: ['base', 'contract', 'peer', 'media', 'ffmpeg'],
  // Signed proofs of what was recorded, and their verification.
  proof: ['base', 'contract', 'peer', 'media', 'segment', 'storage', 'playback'],
  recording: ['base', 'contract', 'stream', 'segment', 'storage', 'media', 'ffmpeg', 'sources'],
  retention: ['base', 'contract', 'segment', 'storage', 'recording'],
  archive: ['base', 'contract', 'segment', 'storage'],
  healing: ['base', 'contract', 'peer', 'media', 'segment', 'storage', 'recording'],
  detection: ['base', 'contract', 'media', 'ffmpeg', 'storage'],
  doctor: ['base', 'contract', 'segment', 'storage', 'recording', 'playback', 'proof', 'archive', 'ffmpeg', 'peer'],
  playback: ['base', 'contract', 'segment', 'storage', 'media', 'ffmpeg'],
  engine: [
    'base',
    'contract',
    'peer',
    'media',
    'ffmpeg',
    'sources',
    'stream',
    'segment',
    'recording',
    'retention',
    'archive',
    'healing',
    'detection',
    'proof',
    'storage',
    'playback',
  ],
  host: ['base', 'contract', 'engine'],
  app: ['base', 'contract', 'engine', 'host', 'cli'],
  // A camera is its own rendezvous on its network.
  camera: ['base', 'contract', 'peer', 'media', 'ffmpeg', 'segment', 'rendezvous'],
  rendezvous: ['base', 'peer'],
  cli: [
    'base',
    'contract',
    'host',
    'camera',
    'rendezvous',
    'peer',
    'doctor',
    'proof',
    'playback',
    'recording',
    'storage',
    'segment',
    'archive',
  ],
  scripts: ['base', 'cli'],
  renderer: ['contract'],
};
const OUTSIDE = ['peer', 'camera', 'rendezvous', 'cli', 'scripts', 'renderer'];
const elements = [
  ...Object.keys(ROOMS).map((type) => ({ type, pattern: OUTSIDE.includes(type) ? type : `electron/${type}` })),
  { type: 'test', pattern: 'test' },
];
const mayKnow = ([type, others]) => ({ from: { element: { type } }, allow: { to: { element: { type: [type, ...others] } } } });

/** Folders side by side that do not know each other: kinds of cameras, features of the page. */
const SIBLINGS = {
  'electron/sources': readdirSync('electron/sources', { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : [])),
  'renderer': [
    'wall',
    'viewer',
    'cameras',
    'settings',
    'timeline',
    'connection',
    'coverage',
    'export',
    'healing',
    'recording-settings',
    'storage',
  ],
};

/** What only one place may import. */
const ONLY = [
  {
    name: 'electron',
    where: ['electron/main.ts', 'electron/preload.ts', 'electron/app/**'],
    message: 'Only main.ts, preload.ts and app/ know Electron.',
  },
  { name: 'werift', where: ['peer/path/**', 'peer/session/**'], message: 'Only peer/path and peer/session know werift.' },
  { name: 'dns-packet', where: ['peer/lan/**'], message: 'Only peer/lan knows DNS.' },
  { name: 'better-sqlite3', where: ['electron/storage/worker.ts'], message: 'Only storage/worker.ts touches SQLite.' },
  { name: 'fluent-ffmpeg', where: ['electron/ffmpeg/**'], message: 'Only electron/ffmpeg starts ffmpeg.' },
  {
    name: 'node:child_process',
    where: ['electron/ffmpeg/**', 'cli/**', 'scripts/**'],
    message: 'Only electron/ffmpeg, cli and scripts start programs.',
  },
];
/** The rules about imports for files of one place: a later block's options replace an earlier one's, so each states them whole. */
const imports = (place, siblings = []) => {
  const paths = ONLY.filter(({ where }) => !where.includes(place)).map(({ name, message }) => ({ name, message }));
  const patterns = siblings.map((name) => ({
    group: [`../${name}/**`, `../../${name}/**`],
    message: 'Folders side by side do not know each other.',
  }));
  return {
    'no-restricted-imports': ['error', { paths, patterns }],
    'no-restricted-syntax': [
      'error',
      ...paths.map(({ name, message }) => ({ selector: `ImportExpression > Literal[value=${JSON.stringify(name)}]`, message })),
    ],
  };
};

export default ts.config(
  { ignores: ['dist/', 'release/', 'node_modules/', 'test-results/', 'playwright-report/'] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  prettier,
  ...svelte.configs.prettier,
  {
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    plugins: { boundaries },
    settings: {
      'boundaries/elements': elements,
      'boundaries/dependency-nodes': ['import', 'dynamic-import', 'export'],
      'import/resolver': { node: { extensions: ['.ts', '.js', '.svelte'] } },
    },
    rules: {
      'boundaries/dependencies': ['error', { default: 'disallow', policies: Object.entries(ROOMS).map(mayKnow) }],
      ...imports(''),
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      'eqeqeq': 'error',
    },
  },
  ...[...new Set(ONLY.flatMap(({ where }) => where))].map((place) => ({ files: [place], rules: imports(place) })),
  ...Object.entries(SIBLINGS).flatMap(([parent, names]) =>
    names.map((name) => ({
      files: [`${parent}/${name}/**`],
      rules: imports(
        '',
        names.filter((other) => other !== name),
      ),
    })),
  ),
  // A file in no room is held by no rule. main.ts and preload.ts see everything, and nobody sees them.
  {
    files: ['{electron,peer,camera,rendezvous,cli,scripts,renderer}/**'],
    ignores: ['electron/main.ts', 'electron/preload.ts'],
    rules: { 'boundaries/no-unknown-files': 'error', 'boundaries/no-unknown-dependencies': 'error' },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  // Playwright tells a fixture's needs from the object pattern of its first parameter, an empty one too.
  { files: ['test/e2e/**'], rules: { 'no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }] } },
  // Tests may reach for the far end's real parts.
  {
    files: ['test/**', '**/*.test.ts'],
    rules: { 'no-restricted-imports': 'off', 'no-restricted-syntax': 'off', 'boundaries/dependencies': 'off' },
  },
  { files: ['scripts/**', 'test/bench/**'], rules: { 'no-console': 'off' } },
);
