import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { LanBrowser } from '../../peer/lan/browser.ts';
import { lanInterfaces, lanMode } from '../../peer/lan/interfaces.ts';
import type { Identity } from '../../peer/identity.ts';
import { HandOffers } from '../sources/p2p/hand-offers.ts';
import type { SourceContext } from '../sources/surroundings.ts';
import type { Storage } from '../storage/client.ts';
import type { Events } from './events.ts';
import { NatChoices } from './nat-settings.ts';
import { Network } from './network.ts';
import type { Closers } from './store.ts';

export interface ReachOptions {
  readonly storage: Storage;
  readonly identity: Identity;
  readonly events: Events;
  readonly clock: Clock;
  readonly log: Log;
  /** Those of the cameras there are. */
  readonly rendezvous: () => readonly string[];
}

/** By what cameras are reached: this machine's NAT and networks, and texts by hand. */
export interface Reach {
  readonly natChoices: NatChoices;
  readonly network: Network;
  readonly handOffers: HandOffers;
  /** What every source works with. */
  readonly context: SourceContext;
}

export async function openReach({ storage, identity, events, clock, log, rendezvous }: ReachOptions, closers: Closers): Promise<Reach> {
  const natChoices = await NatChoices.open({
    storage,
    log: log.child('nat'),
    changed: (settings) => events.emit({ kind: 'nat.configured', settings }),
  });
  const network = new Network({ clock, log: log.child('nat'), portMapping: () => natChoices.current.portMapping, rendezvous });
  const natMonitor = network.monitor;
  natMonitor.changed.on(() => events.emit({ kind: 'nat.changed', report: natMonitor.current }));
  closers.push(() => network.close());
  const mode = lanMode();
  const lan = new LanBrowser({ clock, log: log.child('lan'), interfaces: () => lanInterfaces(mode) });
  lan.start();
  closers.push(() => lan.close());
  const handOffers = new HandOffers({
    identity,
    ice: () => ({ stun: [], turn: [], policy: 'all', mapPort: (port, address) => network.mapPort(port, address) }),
    clock,
    log: log.child('hand'),
  });
  closers.push(() => handOffers.close());
  const context: SourceContext = {
    identity,
    clock,
    log: log.child('camera'),
    natMonitor,
    lan,
    takeSession: (publicKey) => handOffers.take(publicKey),
    punchBudget: () => natChoices.current.punch,
    mapPort: (port, address) => network.mapPort(port, address),
    stunServers: (urls) => network.named(urls),
  };
  return { natChoices, network, handOffers, context };
}
