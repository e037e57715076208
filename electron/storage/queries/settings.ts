import type { StorageCalls } from '../interface.ts';
import type { SqlDatabase } from '../sql.ts';

export function settingQueries(db: SqlDatabase): Pick<StorageCalls, 'setting' | 'setSetting'> {
  const get = db.prepare('SELECT value FROM setting WHERE key = ?');
  const set = db.prepare('INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
  const remove = db.prepare('DELETE FROM setting WHERE key = ?');
  return {
    setting: ({ key }) => (get.get(key) as { value: string } | undefined)?.value ?? null,
    setSetting: ({ key, value }) => void (value === null ? remove.run(key) : set.run(key, value)),
  };
}
