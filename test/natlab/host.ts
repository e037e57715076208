import { Machine } from './machine.ts';
import { type AttachPoint, type InternetUplink, isAtInternet, type Uplink } from './uplink.ts';

/** A computer somebody uses, with one network interface, `eth0`: werift offers no host candidates of interfaces called veth*. */
export class Host extends Machine {
  #uplink: Uplink | null = null;
  #at: AttachPoint | null = null;

  /** What it is plugged into. */
  get at(): AttachPoint {
    if (!this.#at) throw new Error(`${this.name} is plugged in nowhere`);
    return this.#at;
  }

  get uplink(): Uplink {
    if (!this.#uplink) throw new Error(`${this.name} is plugged in nowhere`);
    return this.#uplink;
  }

  get address(): string {
    return this.uplink.address;
  }

  /** Plugs it in there, and out of where it was: another address, another gateway. */
  async move(to: AttachPoint): Promise<void> {
    await this.#uplink?.detach();
    this.#uplink = null;
    this.#uplink = await to.attach(this, 'eth0');
    this.#at = to;
  }
}

/** The uplink at the internet through which all goes that the host sends there. */
export function internetUplinkOf({ name, at, uplink }: Host): InternetUplink {
  const found = isAtInternet(uplink) ? uplink : at.outermost;
  if (!found) throw new Error(`${name} has no way to the internet`);
  return found;
}
