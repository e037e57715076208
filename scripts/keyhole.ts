import { ensureBuilt } from './build.ts';
import { useCompileCache } from './compile-cache.ts';
import { stopWhenOrphaned } from './orphan.ts';

/** `npm run keyhole -- COMMAND …`: the command from the sources; what it shows is built first when need be. */
if (process.argv[2] === 'serve' && !process.argv.includes('--help')) {
  try {
    await ensureBuilt('page');
  } catch (error) {
    process.stderr.write(`keyhole: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
stopWhenOrphaned();
useCompileCache();
await import('../cli/main.ts');
