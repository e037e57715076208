import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import boundaries from 'eslint-plugin-boundaries';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

/** Rooms of the house, and whom each may know: the one list behind docs/architecture. */
const ROOMS = {
  base: [],
  contract: ['base'],
  media: ['base'],
  peer: ['base'],
  ffmpeg: ['base', 'contract', 'media'],
  storage: ['base', 'contract'],
  stream: ['base', 'contract', 'media'],
  sources: ['base', 'contract', 'peer', 'media', 'ffmpeg'],
  recording: ['base', 'contract', 'stream', 'storage', 'media', 'ffmpeg', 'sources'],
  playback: ['base', 'contract', 'storage', 'media', 'ffmpeg'],
  engine: ['base', 'contract', 'peer', 'media', 'ffmpeg', 'sources', 'stream', 'recording', 'storage', 'playback'],
  host: ['base', 'contract', 'engine'],
  app: ['base', 'contract', 'engine', 'host'],
};
const ALWAYS = ['base', 'contract'];
const everything = [...Object.keys(ROOMS), 'camera', 'rendezvous', 'cli'];

const elements = [
  ...Object.keys(ROOMS)
    .filter((room) => room !== 'peer')
    .map((type) => ({ type, pattern: `electron/${type}` })),
  ...['peer', 'camera', 'rendezvous', 'cli', 'scripts', 'test', 'renderer'].map((type) => ({ type, pattern: type })),
];
const may = (type, allow) => ({ from: { element: { type } }, allow: { to: { element: { type: [type, ...ALWAYS, ...allow] } } } });

const only = (name, message) => ({ name, message });
const ELECTRON = only('electron', 'Only main.ts, preload.ts and app/ know Electron.');
const WERIFT = only('werift', 'Only peer/session knows werift.');
const SQLITE = only('better-sqlite3', 'Only storage/worker.ts (and its migrations) touches SQLite.');
const FFMPEG = only('fluent-ffmpeg', 'Only electron/ffmpeg starts ffmpeg.');
const restrict = (...paths) => ({ 'no-restricted-imports': ['error', { paths }] });

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
      'import/resolver': { node: { extensions: ['.ts', '.js', '.svelte'] } },
    },
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          policies: [
            ...Object.entries(ROOMS).map(([type, allow]) => may(type, allow)),
            may('camera', ['peer', 'media', 'ffmpeg', 'sources']),
            may('rendezvous', ['peer']),
            may('cli', everything),
            may('scripts', everything),
            may('test', [...everything, 'renderer', 'scripts']),
            may('renderer', []),
          ],
        },
      ],
      ...restrict(ELECTRON, WERIFT, SQLITE, FFMPEG),
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      'eqeqeq': 'error',
    },
  },
  { files: ['electron/main.ts', 'electron/preload.ts', 'electron/app/**'], rules: restrict(WERIFT, SQLITE, FFMPEG) },
  { files: ['peer/session/**'], rules: restrict(ELECTRON, SQLITE, FFMPEG) },
  { files: ['electron/storage/**'], rules: restrict(ELECTRON, WERIFT, FFMPEG) },
  { files: ['electron/ffmpeg/**'], rules: restrict(ELECTRON, WERIFT, SQLITE) },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  // Playwright tells a fixture's needs from the object pattern of its first parameter, an empty one too.
  { files: ['test/e2e/**'], rules: { 'no-empty-pattern': ['error', { allowObjectPatternsAsParameters: true }] } },
  // Tests may reach for the far end's real parts.
  { files: ['test/**', '**/*.test.ts'], rules: { 'no-restricted-imports': 'off', 'boundaries/dependencies': 'off' } },
  { files: ['scripts/**', 'test/bench/**'], rules: { 'no-console': 'off' } },
);
