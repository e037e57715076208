import { _electron, type ElectronApplication, type Page } from '@playwright/test';
import { electronBinary, noWindowReason } from '../../scripts/electron.ts';
import { root } from '../../scripts/build.ts';

/** Why real Electron cannot be tried here; null when it can. A binary that is there but broken fails rather than skips. */
export function electronUnavailableReason(): string | null {
  if (electronBinary() === undefined) return 'Electron’s binary is not here (npx install-electron gets it)';
  return noWindowReason();
}

/** The built app in real Electron, and its window's page. */
export async function launchElectron(options: { dataDir: string; args?: readonly string[] }): Promise<{
  readonly app: ElectronApplication;
  readonly page: Page;
  close(): Promise<void>;
}> {
  const executablePath = electronBinary();
  if (executablePath === undefined) throw new Error(electronUnavailableReason() ?? 'no Electron');
  const app = await _electron.launch({
    executablePath,
    args: [root, '--data', options.dataDir, ...(options.args ?? [])],
    env: { ...(process.env as Record<string, string>), KEYHOLE_NO_DIALOGS: '1' },
  });
  return { app, page: await app.firstWindow(), close: () => app.close() };
}
