import type { GatewayAnswer } from './gateway-request.ts';
import type { PortMappingProtocol } from './report.ts';

/** What a gateway gave. */
export interface Granted {
  readonly externalAddress: string;
  readonly externalPort: number;
  /** 0: until it is taken away, or the gateway restarts. */
  readonly lifetimeS: number;
}

/** What we would like: most of all, what we had before. */
export interface Wanted {
  readonly internalPort: number;
  readonly externalPort: number;
  readonly externalAddress: string | null;
}

/** One gateway, by one protocol that it was heard to speak. Its promises do not reject, and settle within seconds. */
export interface MappingClient {
  readonly protocol: PortMappingProtocol;
  /** Its public address as it says; null where it only says so with a mapping. */
  readonly external: string | null;
  readonly localAddress: string;
  map(wanted: Wanted): Promise<GatewayAnswer<Granted>>;
  unmap(internalPort: number, granted: Granted): Promise<void>;
}

/** Asked for, s: RFC 6886 §3.3 recommends two hours. What is shorter, a gateway says; what is forgotten, ends the sooner. */
export const LIFETIME_S = 7_200;
