import { Agent } from './agent.ts';
import type { Namespaces } from './namespaces.ts';
import { run } from './shell.ts';

export interface MachineOptions {
  /** Without it the machine has no IPv6 at all. */
  readonly ipv6?: boolean;
}

/** Applied before there are interfaces, so that each begins with them. */
const settings = ({ ipv6 = false }: MachineOptions) => `
cd /proc/sys/net
for scope in all default; do
  echo 0 >ipv4/conf/$scope/rp_filter
  echo ${ipv6 ? 0 : 1} >ipv6/conf/$scope/disable_ipv6
  echo 0 >ipv6/conf/$scope/accept_dad
  echo 0 >ipv6/conf/$scope/accept_ra
done
for file in bridge/bridge-nf-call-*tables; do if [ -e "$file" ]; then echo 0 >"$file"; fi; done
`;

/** A computer or router of the laboratory: a network namespace, what runs in it, and one program to try things from there. */
export class Machine {
  readonly name: string;
  readonly namespace: string;
  readonly ipv6: boolean;
  #agent: Promise<Agent> | null = null;

  constructor(name: string, namespace: string, { ipv6 = false }: MachineOptions = {}) {
    this.name = name;
    this.namespace = namespace;
    this.ipv6 = ipv6;
  }

  /** Makes the namespace of a machine to be. */
  static async namespace(namespaces: Namespaces, name: string, options: MachineOptions = {}): Promise<string> {
    const namespace = await namespaces.add(name);
    await run(['ip', 'netns', 'exec', namespace, 'sh', '-es'], settings(options));
    return namespace;
  }

  /** Runs a shell script in here; ends at its first failure. @returns its stdout @throws Error with its stderr */
  sh(script: string): Promise<string> {
    return run(['ip', 'netns', 'exec', this.namespace, 'sh', '-es'], script);
  }

  /** The program that sends, listens and fetches in here; started by the first who asks, ends with the laboratory. */
  agent(): Promise<Agent> {
    return (this.#agent ??= Agent.start(this.namespace));
  }
}

/** Makes a cable between two machines. Without offloads: frames cross it as a real wire would carry them. */
export async function cable(one: { machine: Machine; name: string }, other: { machine: Machine; name: string }): Promise<void> {
  const ends = [one, other];
  await run([
    ...['ip', 'link', 'add', one.name, 'netns', one.machine.namespace, 'type', 'veth'],
    ...['peer', 'name', other.name, 'netns', other.machine.namespace],
  ]);
  await Promise.all(
    ends.map(({ machine, name }) => machine.sh(`ethtool -K ${name} tx off rx off gso off gro off tso off >/dev/null 2>&1`)),
  );
}
