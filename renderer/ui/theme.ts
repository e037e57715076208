import type { Theme } from '../state/preferences.svelte.ts';

/** The theme in force. */
export function resolveTheme(theme: Theme, systemIsDark: boolean): 'dark' | 'light' {
  if (theme === 'system') return systemIsDark ? 'dark' : 'light';
  return theme;
}
