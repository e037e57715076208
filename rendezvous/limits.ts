export interface RendezvousLimits {
  /** Connections at a time, from all and from one address. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Messages a second of one connection, in the long run, and at once. */
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Bytes that may wait for a peer that reads slowly. What would exceed them is dropped. */
  readonly bufferedBytes: number;
  /** Time to register, ms. */
  readonly registerMs: number;
  /** How often a connection is probed, ms; it is closed when the probe before is unanswered. */
  readonly heartbeatMs: number;
  /** STUN answers a second, to all and to one address. */
  readonly stunPerSecond: number;
  readonly stunPerSecondPerAddress: number;
}

export const DEFAULT_LIMITS: RendezvousLimits = {
  connections: 10_000,
  connectionsPerAddress: 256,
  messagesPerSecond: 20,
  messageBurst: 100,
  bufferedBytes: 256 * 1024,
  registerMs: 10_000,
  heartbeatMs: 20_000,
  stunPerSecond: 2_000,
  stunPerSecondPerAddress: 100,
};
