import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import type { Lab } from './lab.ts';
import type { Router } from './router.ts';

const HTTP_PORT = 5000;

/** Before the router's own translation, which else would choose another port for what a mapped host sends. */
const CHAINS = `
table inet upnp {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain forward { type filter hook forward priority filter - 5; jump miniupnpd; }
  chain prerouting { type nat hook prerouting priority dstnat - 5; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority srcnat - 5; jump postrouting_miniupnpd; }
}
`;

export interface MiniupnpdOptions {
  /** UPnP-IGD; yes unless said. */
  readonly upnp?: boolean;
  /** NAT-PMP and PCP, which this program offers together; yes unless said. */
  readonly natPmp?: boolean;
}

/**
 * Debian's miniupnpd on a router of the laboratory: its hosts can map ports. It refuses where the router's address is none
 * that is routed on the real internet: give the router one of {@link ordinaryAddress}, or see it refuse, as behind a CGNAT.
 */
export class Miniupnpd {
  /** The description of the device, for whoever does not search for it. */
  readonly url: string;
  readonly #daemon: Daemon;

  private constructor(daemon: Daemon, url: string) {
    this.#daemon = daemon;
    this.url = url;
  }

  static async start(lab: Lab, router: Router, { upnp = true, natPmp = true }: MiniupnpdOptions = {}): Promise<Miniupnpd> {
    const base = join(lab.folder, `miniupnpd-${router.name}`);
    const yes = (value: boolean) => (value ? 'yes' : 'no');
    writeFileSync(
      `${base}.conf`,
      [
        ...['ext_ifname=wan', 'listening_ip=lan', `http_port=${HTTP_PORT}`, `ipv6_disable=${yes(!router.ipv6)}`],
        ...[`enable_upnp=${yes(upnp)}`, `enable_natpmp=${yes(natPmp)}`, 'secure_mode=yes', 'min_lifetime=120', 'max_lifetime=86400'],
        ...['upnp_table_name=upnp', 'upnp_nat_table_name=upnp', 'upnp_forward_chain=miniupnpd'],
        ...['upnp_nat_chain=prerouting_miniupnpd', 'upnp_nat_postrouting_chain=postrouting_miniupnpd'],
        ...[
          `lease_file=${base}.leases`,
          'uuid=7f8ce57b-265b-4cae-a3e4-b7f984626b31',
          `allow 1024-65535 ${router.subnet} 1024-65535`,
          'deny 0-65535 0.0.0.0/0 0-65535',
        ],
      ].join('\n'),
    );
    await router.sh(`nft -f - <<'END'\n${CHAINS}\nEND`);
    const daemon = new Daemon(router, ['miniupnpd', '-d', '-f', `${base}.conf`, '-P', `${base}.pid`]);
    const agent = await router.agent();
    await daemon.until(() => agent.tcp({ address: router.gateway, port: HTTP_PORT }));
    return new Miniupnpd(daemon, `http://${router.gateway}:${HTTP_PORT}/rootDesc.xml`);
  }

  get log(): string {
    return this.#daemon.log;
  }

  async stop(): Promise<void> {
    await this.#daemon.stop();
  }
}

let ordinary = 0;
/** A public address of no reserved block; it exists in the laboratory only. */
export const ordinaryAddress = (): string => `11.0.0.${(ordinary += 1)}`;
