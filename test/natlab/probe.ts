import { type Agent, type AgentSocket, type Endpoint, type Packet, sameEndpoint } from './agent.ts';
import { SERVERS } from './internet.ts';
import type { Machine } from './machine.ts';
import type { Behaviour, Filtering, Mapping } from './nat.ts';

/** As RFC 5780 numbers them: a main address and another, each with a main port and another. */
const PORTS = { main: 7_001, other: 7_002 } as const;
/** As long as nothing delays packets in the laboratory, one that is not there by then was dropped. */
const LOST_MS = 300;

interface Reflector {
  readonly at: Endpoint;
  readonly socket: AgentSocket;
}

/** Sockets on the internet that say from where they are reached, and send to where they are told. */
export class Reflectors {
  readonly #all: readonly Reflector[];
  #count = 0;

  private constructor(all: readonly Reflector[]) {
    this.#all = all;
  }

  static async start(internet: Machine): Promise<Reflectors> {
    const agent = await internet.agent();
    const ends = [SERVERS.rendezvous, SERVERS.alternate].flatMap((address) => Object.values(PORTS).map((port) => ({ address, port })));
    return new Reflectors(await Promise.all(ends.map(async (at) => ({ at, socket: await agent.udp(at) }))));
  }

  /** Where the main address sees `socket`, which sends there; null when it does not get through. */
  async mapped(socket: AgentSocket, at = this.main): Promise<Endpoint | null> {
    const text = this.#next();
    await socket.send(at.at, text);
    return (await at.socket.receive((packet) => packet.text === text, LOST_MS))?.from ?? null;
  }

  get main(): Reflector {
    return this.#at(SERVERS.rendezvous, PORTS.main);
  }
  get otherPort(): Reflector {
    return this.#at(SERVERS.rendezvous, PORTS.other);
  }
  get otherAddress(): Reflector {
    return this.#at(SERVERS.alternate, PORTS.main);
  }
  get otherBoth(): Reflector {
    return this.#at(SERVERS.alternate, PORTS.other);
  }

  /** Which of these get a packet through to `socket` by its public endpoint `to`. The last must: it tells that the others had their time. */
  async reaching(socket: AgentSocket, to: Endpoint, from: readonly Reflector[]): Promise<boolean[]> {
    const texts = from.map(() => this.#next());
    for (const [index, reflector] of from.entries()) await reflector.socket.send(to, texts[index] ?? '');
    const last = await socket.receive(({ text }) => text === texts.at(-1), LOST_MS);
    if (!last) throw new Error('what must come through did not');
    return Promise.all(
      texts.map(async (text) => text === texts.at(-1) || (await socket.receive((packet) => packet.text === text, 20)) !== null),
    );
  }

  #at(address: string, port: number): Reflector {
    const found = this.#all.find(({ at }) => sameEndpoint(at, { address, port }));
    if (!found) throw new Error(`no reflector at ${address}:${port}`);
    return found;
  }

  #next(): string {
    return `probe ${(this.#count += 1)}`;
  }
}

export interface Observed extends Behaviour {
  /** Public ports of the mappings, in the order in which they were made. */
  readonly ports: readonly number[];
}

/** What is between `agent` and the internet, as its packets tell (RFC 5780 §4.3, §4.4). `own`: the host's address. Null: no UDP gets out. */
export async function observe(agent: Agent, own: string, reflectors: Reflectors): Promise<Observed | null> {
  const socket = await agent.udp();
  const [first, port, address, both] = await inTurn(
    [reflectors.main, reflectors.otherPort, reflectors.otherAddress, reflectors.otherBoth].map((at) => () => reflectors.mapped(socket, at)),
  );
  if (!first || !port || !address || !both) return null;
  const filtering = await filteringOf(agent, reflectors);
  const preserved = first.port === socket.port;
  const more = await inTurn(
    Array.from({ length: 6 }, () => async () => {
      const other = await agent.udp();
      return (await reflectors.mapped(other))?.port ?? 0;
    }),
  );
  const steps = new Set(more.slice(1).map((next, index) => next - (more[index] ?? 0)));
  return {
    mapping: mappingOf({ address: own, port: socket.port }, [first, port, address, both]),
    filtering,
    preservesPort: preserved,
    sequential: steps.size === 1,
    ports: more,
  };
}

function mappingOf(own: Endpoint, [first, port, address, both]: readonly Endpoint[]): Mapping {
  if (!first || !port || !address || !both) throw new Error('four are compared');
  if (sameEndpoint(first, own) && sameEndpoint(both, own)) return 'none';
  if (sameEndpoint(first, address) && sameEndpoint(first, both) && sameEndpoint(first, port)) return 'endpoint-independent';
  return sameEndpoint(first, port) && sameEndpoint(address, both) ? 'address-dependent' : 'address-and-port-dependent';
}

/** With a socket that has spoken to nobody but the main reflector. */
async function filteringOf(agent: Agent, reflectors: Reflectors): Promise<Filtering> {
  const socket = await agent.udp();
  const to = await reflectors.mapped(socket);
  if (!to) throw new Error('no way out');
  const { main, otherPort, otherBoth } = reflectors;
  const [address, port] = await reflectors.reaching(socket, to, [otherBoth, otherPort, main]);
  return address ? 'endpoint-independent' : port ? 'address-dependent' : 'address-and-port-dependent';
}

/**
 * Whether neighbours `one` and `other` reach each other by their public endpoints, when both send (RFC 4787 §6). The packet
 * that came, with the endpoint it seems to be from; null when none does.
 */
export async function hairpin(one: Agent, other: Agent, reflectors: Reflectors): Promise<{ packet: Packet; expected: Endpoint } | null> {
  const [mine, theirs] = [await one.udp(), await other.udp()];
  const [my, their] = [await reflectors.mapped(mine), await reflectors.mapped(theirs)];
  if (!my || !their) throw new Error('no way out');
  await theirs.send(my, 'first');
  await mine.send(their, 'hairpin');
  const packet = await theirs.receive(({ text }) => text === 'hairpin', LOST_MS);
  return packet && { packet, expected: my };
}

/** Whether both reach each other by what the reflector sees of them, when each sends twice: punching as plain as can be. */
export async function punch(one: Agent, other: Agent, reflectors: Reflectors): Promise<boolean> {
  const [mine, theirs] = [await one.udp(), await other.udp()];
  const [my, their] = [await reflectors.mapped(mine), await reflectors.mapped(theirs)];
  if (!my || !their) return false;
  for (let round = 0; round < 2; round += 1) {
    await mine.send(their, `punch ${round}`);
    await theirs.send(my, `punch ${round}`);
  }
  const [here, there] = await Promise.all([mine, theirs].map((socket) => socket.receive(({ text }) => text.startsWith('punch'), LOST_MS)));
  // To whom it came it answers from where it was sent to: then both ways are open.
  if (here) await mine.send(here.from, 'answer');
  if (there) await theirs.send(there.from, 'answer');
  if (!here && !there) return false;
  const answers = await Promise.all([theirs, mine].map((socket) => socket.receive(({ text }) => text === 'answer', LOST_MS)));
  return answers.some((answer) => answer !== null);
}

async function inTurn<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  for (const task of tasks) results.push(await task());
  return results;
}
