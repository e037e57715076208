import { spawn } from 'node:child_process';

/** Shows the link in the user's browser where there is a desktop; otherwise, and on any failure, does nothing. */
export function openBrowser(url: string): void {
  const command = browserCommand(url);
  if (!command) return;
  const [file, ...args] = command;
  const child = spawn(file, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

function browserCommand(url: string): [string, ...string[]] | undefined {
  const { env, platform } = process;
  if (env['CI'] || env['SSH_CONNECTION']) return undefined;
  if (platform === 'darwin') return ['open', url];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url];
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open', url] : undefined;
}
