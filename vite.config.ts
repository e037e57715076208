import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const { dependencies, version } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  version: string;
};
/** Installed packages and Node's own modules stay imports; only our code is bundled for Node. */
const external = (id: string) =>
  id === 'electron' ||
  id.startsWith('node:') ||
  builtinModules.includes(id) ||
  Object.keys(dependencies).some((name) => id === name || id.startsWith(name + '/'));

const node = (outDir: string, format: 'es' | 'cjs', input: Record<string, string>, extension: string) => ({
  consumer: 'server' as const,
  resolve: { conditions: ['node'], external: true as const },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'node22',
    minify: false,
    sourcemap: true,
    copyPublicDir: false,
    rolldownOptions: {
      input,
      external,
      output: { format, entryFileNames: `[name].${extension}`, chunkFileNames: `chunk-[name]-[hash].${extension}` },
    },
  },
});

/** The page's folder begins with index.html, wherever its source lies. */
const pageAtRoot: Plugin = {
  name: 'page-at-root',
  enforce: 'post',
  applyToEnvironment: (environment) => environment.name === 'client',
  generateBundle(_options, bundle) {
    const page = bundle['renderer/index.html'];
    if (page) page.fileName = 'index.html';
  },
};

/** One build: the page, everything that runs in Node (`dist/node`, flat), and the preload as the one CommonJS file. */
export default defineConfig({
  root: '.',
  define: { __KEYHOLE_VERSION__: JSON.stringify(version) },
  environments: {
    client: {
      build: {
        outDir: 'dist/page',
        emptyOutDir: true,
        target: 'chrome130',
        sourcemap: false,
        rolldownOptions: { input: 'renderer/index.html' },
      },
    },
    node: node(
      'dist/node',
      'es',
      {
        'main': 'electron/main.ts',
        'keyhole': 'cli/main.ts',
        'engine': 'electron/engine/entry.ts',
        'storage-worker': 'electron/storage/worker.ts',
      },
      'js',
    ),
    preload: node('dist/preload', 'cjs', { preload: 'electron/preload.ts' }, 'cjs'),
  },
  builder: {
    async buildApp(builder) {
      for (const name of ['client', 'node', 'preload']) {
        const environment = builder.environments[name];
        if (environment) await builder.build(environment);
      }
    },
  },
  plugins: [svelte({ configFile: false }), pageAtRoot],
  worker: { format: 'es' },
});
