import type { FolderKey } from '../contract/model.ts';

/** The storage folders besides the data folder, as they are kept among the settings (`storage.folders`). */
export interface FolderList {
  readonly list: readonly { readonly key: FolderKey; readonly path: string }[];
  /** Keys are never used again: rows and marks name folders by them. */
  readonly nextKey: number;
}

export function writeFolderList(folders: FolderList): string {
  return JSON.stringify(folders);
}

/** What is not understood is left out; an absent setting is an empty list. */
export function readFolderList(text: string | null): FolderList {
  const parsed = text === null ? null : jsonOf(text);
  if (!isRecord(parsed)) return { list: [], nextKey: 1 };
  const entries: unknown[] = Array.isArray(parsed['list']) ? parsed['list'] : [];
  const list = entries.filter(isRecord).flatMap(({ key, path }) => (isKey(key) && typeof path === 'string' ? [{ key, path }] : []));
  const nextKey = isKey(parsed['nextKey']) ? parsed['nextKey'] : 1;
  return { list, nextKey: Math.max(nextKey, ...list.map(({ key }) => key + 1)) };
}

function isKey(value: unknown): value is FolderKey {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
