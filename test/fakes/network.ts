import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why there can be no namespaces here, or null. */
export function namespacesUnavailable(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'making network namespaces takes root';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'iproute2 is not installed';
  }
}

const APP_ADDRESS = '10.99.0.1';
const CAMERA_ADDRESS = '10.99.0.2';

/** Two hosts, `app` and `camera`, each a network namespace of this test, joined by one wire that can be cut. */
export class TwoHosts {
  readonly app: string;
  readonly camera: string;
  readonly appAddress = APP_ADDRESS;

  constructor() {
    const id = `${process.pid}-${Math.random().toString(36).slice(2, 6)}`;
    this.app = `kha-${id}`;
    this.camera = `khc-${id}`;
  }

  async start(): Promise<void> {
    await ip('netns', 'add', this.app);
    await ip('netns', 'add', this.camera);
    // Both ends are called eth0: werift offers no host candidates of interfaces called veth*.
    await ip('link', 'add', 'eth0', 'netns', this.app, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.camera);
    for (const [namespace, address] of [
      [this.app, APP_ADDRESS],
      [this.camera, CAMERA_ADDRESS],
    ] as const) {
      await ip('-n', namespace, 'link', 'set', 'lo', 'up');
      await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
      await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    }
    await Promise.all([this.app, this.camera].map((namespace) => operational(namespace)));
  }

  /** Pulls the plug of the camera's host, and puts it in again. */
  async cut(): Promise<void> {
    await ip('-n', this.camera, 'link', 'set', 'eth0', 'down');
  }

  async mend(): Promise<void> {
    await ip('-n', this.camera, 'link', 'set', 'eth0', 'up');
  }

  async close(): Promise<void> {
    for (const namespace of [this.app, this.camera]) await ip('netns', 'delete', namespace).catch(() => {});
  }
}

/**
 * The system calls an interface operational a while after it is up, seconds on a busy machine. Packets pass before that, but
 * programs are not told of its addresses yet: they would take themselves for a machine without a network.
 */
async function operational(namespace: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { stdout } = await run('ip', ['-n', namespace, '-j', 'link', 'show', 'eth0']);
    const [link] = JSON.parse(stdout) as { readonly operstate: string }[];
    if (link?.operstate === 'UP') return;
    if (Date.now() > deadline) throw new Error(`eth0 of ${namespace} is ${link?.operstate ?? 'gone'}, not UP, 30 s after it was set up.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}

const ASKER = `
const { createInterface } = await import('node:readline');
for await (const line of createInterface({ input: process.stdin })) {
  const { id, url, init } = JSON.parse(line);
  fetch(url, init)
    .then(async (r) => ({ id, status: r.status, text: await r.text() }), (error) => ({ id, error: String(error.cause ?? error) }))
    .then((answer) => console.log(JSON.stringify(answer)));
}`;

type Answer = { readonly id: number } & ({ readonly status: number; readonly text: string } | { readonly error: string });

/** `fetch` from within a namespace: one process that lives there and asks. */
export class RequestsIn {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 1;

  constructor(namespace: string) {
    const args = ['netns', 'exec', namespace, process.execPath, '--input-type=module', '-e', ASKER];
    const child = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    child.on('exit', () => {
      for (const [id, settle] of this.#waiting) settle({ id, error: 'the asking process has ended' });
      this.#waiting.clear();
    });
  }

  async fetch(url: string, init: RequestInit): Promise<{ status: number; text: string }> {
    const id = this.#nextId++;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin?.write(JSON.stringify({ id, url, init }) + '\n');
    });
    if ('error' in answer) throw new Error(answer.error);
    return answer;
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
