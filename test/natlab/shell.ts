import { spawn } from 'node:child_process';

/** Runs a command to its end. @returns what it wrote to stdout @throws Error with its stderr when it fails */
export function run(command: readonly string[], input = ''): Promise<string> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.stdin.on('error', () => {}); // it may end without having read everything: its exit code says how that went
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${command.join(' ')} ended with ${code}: ${err.trim()}\n${input}`));
    });
    child.stdin.end(input);
  });
}
