import type { Machine } from './machine.ts';
import type { InternetUplink } from './uplink.ts';

export interface PacketCount {
  readonly packets: number;
  readonly bytes: number;
}

/** Counts what is forwarded on the internet from one uplink straight to another. What goes by a relay is not that. */
export class PacketCounter {
  static #count = 0;
  readonly #internet: Machine;
  readonly #name: string;

  private constructor(internet: Machine, name: string) {
    this.#internet = internet;
    this.#name = name;
  }

  static async start(internet: Machine, one: InternetUplink, other: InternetUplink): Promise<PacketCounter> {
    const name = `between${(PacketCounter.#count += 1)}`;
    const rule = (from: string, to: string, counter: string) =>
      `add rule inet lab count iifname ${from} oifname ${to} counter name ${counter}`;
    await internet.sh(`nft -f - <<END
add counter inet lab ${name}-there
add counter inet lab ${name}-back
${rule(one.outer, other.outer, `${name}-there`)}
${rule(other.outer, one.outer, `${name}-back`)}
END`);
    return new PacketCounter(internet, name);
  }

  /** Since it was started: from the first of the two, and from the second. */
  async read(): Promise<{ there: PacketCount; back: PacketCount }> {
    return { there: await this.#one('there'), back: await this.#one('back') };
  }

  async #one(way: string): Promise<PacketCount> {
    const text = await this.#internet.sh(`nft list counter inet lab ${this.#name}-${way}`);
    const [, packets, bytes] = /packets (\d+) bytes (\d+)/.exec(text) ?? [];
    return { packets: Number(packets), bytes: Number(bytes) };
  }
}
