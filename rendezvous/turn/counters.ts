/** What the relay did so far. */
export interface TurnCounters {
  allocations: number;
  /** Questions that were refused, and those left unanswered for their rate. */
  refused: number;
  ignored: number;
  packetsToPeers: number;
  bytesToPeers: number;
  packetsToClients: number;
  bytesToClients: number;
  /** Not relayed: without a permission or a channel; to an address that is refused; above the rate; to a slow reader; not taken by the system. */
  droppedUnpermitted: number;
  droppedRefused: number;
  droppedRate: number;
  droppedUnsent: number;
}

export function newTurnCounters(): TurnCounters {
  return {
    allocations: 0,
    refused: 0,
    ignored: 0,
    packetsToPeers: 0,
    bytesToPeers: 0,
    packetsToClients: 0,
    bytesToClients: 0,
    droppedUnpermitted: 0,
    droppedRefused: 0,
    droppedRate: 0,
    droppedUnsent: 0,
  };
}
