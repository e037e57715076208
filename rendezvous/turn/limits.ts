/**
 * What relaying may cost. A camera needs an allocation for each viewer, twice while a session moves from path to path, and those of
 * a network that it left are lost for ten minutes.
 */
export interface TurnLimits {
  /** Allocations at a time: in all, of one peer, of the peers that got their credentials in one network, and from one network. */
  readonly allocations: number;
  readonly allocationsPerPeer: number;
  readonly allocationsPerNetwork: number;
  /** Addresses that one allocation may talk to, and channels of one allocation. */
  readonly permissions: number;
  readonly channels: number;
  /** Bytes a second through one allocation, both ways together, in the long run and at once. What is above is dropped. */
  readonly bytesPerSecond: number;
  readonly byteBurst: number;
  /** Questions a second from one network that are looked at, in the long run and at once. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** Bytes that may wait for a client that reads its stream slowly. What would exceed them is dropped. */
  readonly bufferedBytes: number;
  /** How long a stream without an allocation is kept, ms. */
  readonly idleStreamMs: number;
  /** How long a nonce is good, ms. */
  readonly nonceMs: number;
  /** Credentials given to one network, a second in the long run and at once. */
  readonly issuesPerSecond: number;
  readonly issueBurst: number;
}

export const DEFAULT_TURN_LIMITS: TurnLimits = {
  allocations: 2_048,
  allocationsPerPeer: 128,
  allocationsPerNetwork: 512,
  permissions: 64,
  channels: 64,
  bytesPerSecond: 5_000_000,
  byteBurst: 5_000_000,
  requestsPerSecond: 100,
  requestBurst: 1_000,
  bufferedBytes: 512 * 1024,
  idleStreamMs: 30_000,
  nonceMs: 3_600_000,
  issuesPerSecond: 2,
  issueBurst: 256,
};
