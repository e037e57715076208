import { existsSync } from 'node:fs';
import { chromium, type Browser } from '@playwright/test';
import config from '../../playwright.config.ts';

/** The browser of the end-to-end specs, for tests that drive pages themselves. `args` come after the usual ones. */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const usual = config.use?.launchOptions;
  return chromium.launch({ ...usual, args: [...(usual?.args ?? []), ...args] });
}

/** Why there is no Chromium here, or null. */
export function chromiumUnavailable(): string | null {
  const path = config.use?.launchOptions?.executablePath ?? chromium.executablePath();
  return existsSync(path) ? null : 'there is no Chromium: apt install chromium, or npx playwright install chromium';
}
