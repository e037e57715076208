import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cable, Machine } from './machine.ts';
import type { Namespaces } from './namespaces.ts';

const PROGRAM = fileURLToPath(new URL('./wire.py', import.meta.url));

/** How frames fare in one direction of a wire. What is not said does not happen. */
export interface Impairment {
  /** On the way for so long, ms. */
  readonly delayMs?: number;
  /** And up to so much longer, ms; they stay in order. */
  readonly jitterMs?: number;
  /** Percent that vanish, repeat, or leave `reorderMs` after their time, each at random and by itself. */
  readonly lossPct?: number;
  readonly duplicatePct?: number;
  readonly reorderPct?: number;
  readonly reorderMs?: number;
  /** What the wire carries, kbit/s; what does not fit waits, `queueMs` (200) at most, then is dropped. */
  readonly kbps?: number;
  readonly queueMs?: number;
  /** Of the dice: the same frames fare the same way. */
  readonly seed?: number;
}

/** Frames of one direction so far. */
export interface WireCounts {
  readonly passed: number;
  readonly lost: number;
  /** Dropped because the queue of a throttled wire was full. */
  readonly overflowed: number;
  readonly repeated: number;
  readonly reordered: number;
}

/** `up` is to the internet, `down` is from there. */
export type WireDirection = 'up' | 'down';

interface End {
  readonly machine: Machine;
  readonly name: string;
}

interface Answer {
  readonly id: number;
  readonly error?: string;
  readonly counts?: WireCounts;
}

/** All wires of a laboratory: one program between the ends of veth pairs, in a namespace of its own. */
export class Wire {
  readonly #machine: Machine;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #count = 0;

  private constructor(machine: Machine) {
    this.#machine = machine;
    this.#child = spawn('ip', ['netns', 'exec', machine.namespace, 'python3', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin?.on('error', () => {});
    createInterface(this.#child.stdout as NodeJS.ReadableStream).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      const asked = this.#asked.get(answer.id);
      this.#asked.delete(answer.id);
      if (answer.error === undefined) asked?.resolve(answer);
      else asked?.reject(new Error(answer.error));
    });
    this.#child.once('close', () => {
      for (const { reject } of this.#asked.values()) reject(new Error('the wire has ended'));
    });
  }

  static async start(namespaces: Namespaces): Promise<Wire> {
    return new Wire(new Machine('wire', await Machine.namespace(namespaces, 'wire')));
  }

  /** Makes a cable of `outer`, at the internet, and `inner` with the wire in its middle. */
  async join(name: string, outer: End, inner: End): Promise<void> {
    const [left, right] = [`${name}-l`, `${name}-r`];
    await cable(outer, { machine: this.#machine, name: left });
    await cable(inner, { machine: this.#machine, name: right });
    await this.#machine.sh(`ip link set ${left} arp off up; ip link set ${right} arp off up`);
    await this.#ask({ op: 'join', name, left, right });
  }

  /** From now on, until said otherwise; frames on their way are not touched. */
  async set(name: string, direction: WireDirection, impairment: Impairment): Promise<void> {
    await this.#ask({ op: 'set', name, from: direction === 'up' ? 'right' : 'left', impairment });
  }

  async read(name: string, direction: WireDirection): Promise<WireCounts> {
    const { counts } = await this.#ask({ op: 'read', name, from: direction === 'up' ? 'right' : 'left' });
    return counts ?? { passed: 0, lost: 0, overflowed: 0, repeated: 0, reordered: 0 };
  }

  #ask(order: object): Promise<Answer> {
    const id = (this.#count += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, ...order })}\n`);
    });
  }
}
