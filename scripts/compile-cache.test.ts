import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('is used by the threads that a program starts, and a place that somebody chose stays', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'keyhole-compile-cache-'));
  try {
    writeFileSync(join(dir, 'thread.ts'), 'const answer: number = 42; export default answer;');
    const program = [
      `import { Worker } from 'node:worker_threads';`,
      `import { useCompileCache } from ${JSON.stringify(join(import.meta.dirname, 'compile-cache.ts'))};`,
      `useCompileCache(); console.log(process.env.NODE_COMPILE_CACHE);`,
      `process.env.NODE_COMPILE_CACHE = ${JSON.stringify(join(dir, 'cache'))};`,
      `useCompileCache(); console.log(process.env.NODE_COMPILE_CACHE);`,
      `new Worker(${JSON.stringify(join(dir, 'thread.ts'))});`,
    ];
    writeFileSync(join(dir, 'program.mjs'), program.join('\n'));
    const { NODE_COMPILE_CACHE: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, [join(dir, 'program.mjs')], { env });
    expect(stdout.split('\n').slice(0, 2)).toEqual([join(import.meta.dirname, '../node_modules/.cache/node'), join(dir, 'cache')]);
    expect(readdirSync(join(dir, 'cache'), { recursive: true }).length).toBeGreaterThan(1);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
