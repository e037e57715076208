import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./agent-program.ts', import.meta.url));

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Packet {
  readonly from: Endpoint;
  readonly text: string;
}

export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean => a.address === b.address && a.port === b.port;
export const showEndpoint = ({ address, port }: Endpoint): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

interface Answer {
  readonly id?: number;
  readonly error?: string;
  readonly socket?: number;
  readonly port?: number;
  readonly connected?: boolean;
  readonly status?: number;
  readonly body?: string;
  readonly from?: Endpoint;
  readonly text?: string;
  readonly ready?: boolean;
}

/** Sends, listens and fetches inside a namespace for a test that is outside. */
export class Agent {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  readonly #sockets = new Map<number, AgentSocket>();
  #count = 0;

  private constructor(namespace: string) {
    const command = ['netns', 'exec', namespace, process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM];
    this.#child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin?.on('error', () => {});
    this.#child.once('close', () => this.#end());
  }

  static async start(namespace: string): Promise<Agent> {
    const agent = new Agent(namespace);
    await new Promise<void>((resolve, reject) => {
      agent.#child.once('close', () => reject(new Error(`the agent in ${namespace} did not start`)));
      createInterface(agent.#child.stdout as NodeJS.ReadableStream).on('line', (line) => {
        const answer = JSON.parse(line) as Answer;
        if (answer.ready) resolve();
        else agent.#receive(answer);
      });
    });
    return agent;
  }

  /** A UDP socket; IPv4 and any port unless said. */
  async udp(local: Partial<Endpoint> = {}): Promise<AgentSocket> {
    const { socket = 0, port = 0 } = await this.#ask({ op: 'udp', ...local });
    const opened = new AgentSocket(port, {
      send: (to, text) => this.#ask({ op: 'send', socket, ...to, text }),
      close: () => this.#ask({ op: 'close', socket }),
    });
    this.#sockets.set(socket, opened);
    return opened;
  }

  /** Accepts TCP connections there from now on. */
  async listen(at: Endpoint): Promise<void> {
    await this.#ask({ op: 'listen', ...at });
  }

  /** Whether a TCP connection comes about. */
  async tcp(to: Endpoint, withinMs = 500): Promise<boolean> {
    return (await this.#ask({ op: 'tcp', ...to, withinMs })).connected === true;
  }

  async fetch(url: string, init: Pick<RequestInit, 'method' | 'headers' | 'body'> = {}): Promise<{ status: number; text: string }> {
    const { status = 0, body = '' } = await this.#ask({ op: 'fetch', url, init });
    return { status, text: body };
  }

  /** Ends it, as the laboratory does by itself. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    await closed;
  }

  #ask(order: object): Promise<Answer> {
    const id = (this.#count += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, ...order })}\n`);
    });
  }

  #receive(answer: Answer): void {
    const { id, error, socket, from, text = '' } = answer;
    if (id === undefined) {
      if (socket !== undefined && from) this.#sockets.get(socket)?.take({ from, text });
      return;
    }
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error === undefined) asked?.resolve(answer);
    else asked?.reject(new Error(error));
  }

  #end(): void {
    for (const { reject } of this.#asked.values()) reject(new Error('the agent has ended'));
    this.#asked.clear();
  }
}

/** A socket of an agent. Packets wait in it until they are asked for. */
export class AgentSocket {
  readonly port: number;
  readonly #actions: { send: (to: Endpoint, text: string) => Promise<unknown>; close: () => Promise<unknown> };
  readonly #packets: Packet[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(port: number, actions: { send: (to: Endpoint, text: string) => Promise<unknown>; close: () => Promise<unknown> }) {
    this.port = port;
    this.#actions = actions;
  }

  /** Resolves when the packet has left the program. */
  async send(to: Endpoint, text: string): Promise<void> {
    await this.#actions.send(to, text);
  }

  /** The first packet that fits, come already or coming within that time; null when none does. It is taken out. */
  async receive(fits: (packet: Packet) => boolean = () => true, withinMs = 1_000): Promise<Packet | null> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const index = this.#packets.findIndex(fits);
      if (index >= 0) return this.#packets.splice(index, 1)[0] ?? null;
      const left = deadline - performance.now();
      if (left <= 0) return null;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => (clearTimeout(timer), resolve()));
      });
    }
  }

  /** For its agent. */
  take(packet: Packet): void {
    this.#packets.push(packet);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    await this.#actions.close();
  }
}
