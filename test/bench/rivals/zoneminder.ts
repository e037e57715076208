import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { end, type Rival } from './rival.ts';

const run = promisify(execFile);
const CONFIG = '/etc/zm/zm.conf';
const SCHEMA = '/usr/share/zoneminder/db/zm_create.sql';

/** Why it cannot be compared with here, or null. */
export function zoneminderUnavailable(): string | null {
  if (process.getuid?.() !== 0) return 'giving ZoneMinder a configuration of its own takes root';
  return existsSync('/usr/bin/zmc') && existsSync('/usr/sbin/mariadbd') ? null : 'ZoneMinder and MariaDB are not installed';
}

/**
 * Debian's ZoneMinder: its capture daemon for each stream, recording all the time, passing through, not decoding; its database and
 * its configuration are this bench's own. Its database is counted with it, as ours is with us.
 */
export async function zoneminder(urls: readonly string[], dir: string): Promise<Rival> {
  const home = join(dir, 'zoneminder');
  const at = (name: string) => join(home, name);
  for (const name of ['etc/conf.d', 'events', 'run', 'log', 'map', 'swap', 'db']) mkdirSync(at(name), { recursive: true });
  const children: ChildProcess[] = [await database(at('db'), at('db.sock'))];
  const sql = (text: string) => query(at('db.sock'), text);
  await query(at('db.sock'), readFileSync(SCHEMA, 'utf8'), null);
  await sql(`UPDATE Storage SET Path = '${at('events')}'`);
  const columns =
    'Id,Name,Type,`Function`,Enabled,DecodingEnabled,StorageId,Path,Method,Width,Height,Colours,SaveJPEGs,VideoWriter,OutputContainer,SectionLength';
  const rows = urls.map((url, index) => `(${index + 1},'${index}','Ffmpeg','Record',1,0,1,'${url}','rtpRtsp',1920,1080,4,0,2,'mp4',60)`);
  await sql(`INSERT INTO Monitors (${columns}) VALUES ${rows.join(',')}`);
  const settings = readFileSync(CONFIG, 'utf8')
    .replace(/^ZM_DB_HOST=.*$/m, `ZM_DB_HOST=localhost:${at('db.sock')}`)
    .replace(/^ZM_DB_USER=.*$/m, 'ZM_DB_USER=root');
  writeFileSync(at('etc/zm.conf'), settings);
  const paths = { ZM_DIR_EVENTS: 'events', ZM_PATH_MAP: 'map', ZM_PATH_SOCKS: 'run', ZM_PATH_LOGS: 'log', ZM_PATH_SWAP: 'swap' };
  const lines = Object.entries(paths).map(([key, name]) => `${key}=${at(name)}`);
  writeFileSync(at('etc/conf.d/paths.conf'), lines.join('\n') + '\n');
  for (const [index] of urls.entries()) {
    const script = `mount --bind ${at('etc')} /etc/zm && exec zmc -m ${index + 1}`;
    children.push(spawn('unshare', ['--mount', 'sh', '-c', script], { stdio: 'ignore' }));
  }
  return {
    name: 'ZoneMinder (passthrough, not decoding)',
    pids: children.map(({ pid }) => pid ?? 0),
    folder: at('events'),
    close: () => end(children),
  };
}

async function database(folder: string, socket: string): Promise<ChildProcess> {
  const common = ['--no-defaults', `--datadir=${folder}`, '--user=root'];
  await run('mariadb-install-db', [...common, '--skip-test-db', '--auth-root-authentication-method=normal']);
  const child = spawn('mariadbd', [...common, `--socket=${socket}`, '--skip-networking', '--skip-grant-tables'], { stdio: 'ignore' });
  for (let tries = 0; tries < 150; tries += 1) {
    if (existsSync(socket)) return child;
    await sleep(200);
  }
  throw new Error('MariaDB did not come up');
}

async function query(socket: string, text: string, database: string | null = 'zm'): Promise<void> {
  const child = spawn('mariadb', ['--no-defaults', '-S', socket, ...(database === null ? [] : [database])], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(text);
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`MariaDB refused a query (${String(code)})`);
}
