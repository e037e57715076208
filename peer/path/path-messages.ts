import { isIP } from 'node:net';
import { z } from 'zod';
import { iceDescription } from './ice-description.ts';

/**
 * How the two ends of a running session agree on a further path: the viewer offers, the camera answers. In band, sealed on the
 * control channel, while the session's path lives; over a rendezvous, sealed there, when it does not.
 */
const id = z.number().int().min(1).max(0xffff_ffff);
const ip = z
  .string()
  .max(45)
  .refine((text) => isIP(text) !== 0);
const port = z.number().int().min(1).max(65535);

/** What hole punching between a symmetric NAT and a strict one needs (see `peer/nat/punch.ts`). */
export const punchPlan = z.object({
  /** Of the viewer. */
  side: z.enum(['hard', 'easy']),
  /** 32 bytes, base64, fresh for each attempt. */
  key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
});

/** Where one end is to be punched: the easy side's own port, or the hard side's address and the ports it will likely get. */
export const punchTarget = z.object({ address: ip, port: port.nullable(), predicted: z.array(port).max(64) });
export type PunchTarget = z.infer<typeof punchTarget>;

export const pathOffer = z.object({
  id,
  /** False: neither end offers a relay, so that the path is direct or none. */
  relay: z.boolean(),
  ice: iceDescription,
  punch: punchPlan.extend({ target: punchTarget }).nullable(),
});
export type PathOffer = z.infer<typeof pathOffer>;

export const pathAnswer = z.object({ id, ice: iceDescription, punch: punchTarget.nullable() });
export type PathAnswer = z.infer<typeof pathAnswer>;

const natMapping = z.enum(['none', 'endpoint-independent', 'address-dependent', 'address-and-port-dependent', 'unknown']);
const natFiltering = z.enum(['endpoint-independent', 'address-dependent', 'address-and-port-dependent', 'unknown']);

/** What one end found out about the network it sits in (`NatSummary` of `peer/nat/report.ts`). */
export const natSummary = z.object({
  mapping: natMapping,
  filtering: natFiltering,
  classical: z.enum(['open', 'firewall', 'full-cone', 'restricted-cone', 'port-restricted-cone', 'symmetric', 'udp-blocked', 'unknown']),
  publicAddress: ip.nullable(),
  allocation: z.enum(['preserved', 'sequential', 'random', 'unknown']),
  allocationStep: z.number().int().min(-65535).max(65535).nullable(),
  portMapping: z.enum(['pcp', 'nat-pmp', 'upnp']).nullable(),
  ipv6: z.boolean(),
  cgnat: z.boolean(),
});
