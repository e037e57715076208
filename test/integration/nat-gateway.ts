import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import type { Lab } from '../natlab/lab.ts';
import type { Router } from '../natlab/router.ts';

const MINIUPNPD = '/usr/sbin/miniupnpd';

/** Why there can be no real gateway daemon here, or null. */
export function miniupnpdUnavailable(): string | null {
  return existsSync(MINIUPNPD) ? null : 'miniupnpd is not installed';
}

interface GatewayPlan {
  readonly upnp?: boolean;
  /** NAT-PMP and PCP, which is one switch of the daemon. */
  readonly pmp?: boolean;
}

/** miniupnpd on a router of the laboratory: what many home routers run. */
export class GatewayDaemon {
  readonly #router: Router;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(router: Router, child: ChildProcess) {
    this.#router = router;
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
  }

  static async start(lab: Lab, router: Router, { upnp = true, pmp = true }: GatewayPlan = {}): Promise<GatewayDaemon> {
    await router.sh(`nft -f - <<END
table inet upnp
delete table inet upnp
table inet upnp {
  chain forward { type filter hook forward priority -10; jump miniupnpd; }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -110; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 90; jump postrouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}
END`);
    const file = join(lab.folder, `${router.name}-miniupnpd.conf`);
    const yes = (on: boolean) => (on ? 'yes' : 'no');
    writeFileSync(
      file,
      [
        'ext_ifname=wan',
        'listening_ip=lan',
        `enable_natpmp=${yes(pmp)}`,
        `enable_upnp=${yes(upnp)}`,
        'ipv6_disable=yes',
        'secure_mode=yes',
        'upnp_table_name=upnp',
        'upnp_nat_table_name=upnp',
        'upnp_forward_chain=miniupnpd',
        'upnp_nat_chain=prerouting_miniupnpd',
        'upnp_nat_postrouting_chain=postrouting_miniupnpd',
        `minissdpdsocket=${join(lab.folder, 'none.sock')}`,
        'notify_interval=900',
        'uuid=7f8ce57b-265b-4cae-a3e4-b7f984626b30',
        'allow 1024-65535 0.0.0.0/0 1024-65535',
        'deny 0-65535 0.0.0.0/0 0-65535',
        '',
      ].join('\n'),
    );
    const pid = join(lab.folder, `${router.name}-miniupnpd.pid`);
    const child = spawn('ip', ['netns', 'exec', router.namespace, MINIUPNPD, '-d', '-f', file, '-P', pid], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const daemon = new GatewayDaemon(router, child);
    await daemon.#listening();
    return daemon;
  }

  /** The ports that it passes on now, as the kernel has them: `public>address:port`. */
  async mapped(): Promise<string[]> {
    const rules = await this.#router.sh('nft list chain inet upnp prerouting_miniupnpd');
    return [...rules.matchAll(/dport (\d+).*?dnat ip to ([\d.]+:\d+)/g)].map(([, port, to]) => `${port}>${to}`);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }

  /** It says so once its HTTP server, the last thing to be opened, listens. */
  async #listening(): Promise<void> {
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        if (!stream) continue;
        createInterface(stream).on('line', (line) => {
          if (said.length < 50) said.push(line);
          if (/Listening for (NAT-PMP|SSDP).*/i.test(line) || /HTTP listening/i.test(line)) resolve();
        });
      }
      this.#child.once('close', () => reject(new Error(`miniupnpd ended: ${said.join('\n')}`)));
    });
  }
}
