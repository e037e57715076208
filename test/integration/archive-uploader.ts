import { writeSync } from 'node:fs';
import { Archive } from '../../electron/archive/archive.ts';
import { systemClock } from '../../electron/base/clock.ts';
import { silentLog } from '../../electron/base/log.ts';
import { loadKeyFile } from '../../electron/host/key-file.ts';
import { StorageFolders } from '../../electron/recording/folders.ts';
import { Storage } from '../../electron/storage/client.ts';

/* The process that archive.test.ts kills: it copies what waits, and says how far it is. Argument: the data folder. */
const [dataDir] = process.argv.slice(2);
if (!dataDir) throw new Error('usage: archive-uploader DATA');

const storage = await Storage.open({ dataDir, log: silentLog });
const archive = await Archive.open({
  storage,
  dataKey: await loadKeyFile(dataDir),
  folders: new StorageFolders(dataDir),
  clock: systemClock,
  log: silentLog,
  behind: () => false,
  changed: () => writeSync(1, `${archive.counters.copied}\n`),
});
archive.start();
writeSync(1, 'started\n');
