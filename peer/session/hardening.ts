import { createSecretKey } from 'node:crypto';
import type { RTCDtlsTransport, SrtcpSession, SrtpSession } from 'werift';

/** What werift 0.25 leaves undone above ICE, each put right here from outside; for ICE see `peer/path/ice-library.ts`. `docs/werift.md` lists why. */

const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

/**
 * After the handshake only sealed records get in: the library would begin anew, with whomever, on a plain ClientHello, and
 * would close on a plain alert.
 */
export function refusePlainRecords(dtls: RTCDtlsTransport): void {
  const socket = dtls.dtls?.transport.socket;
  if (!socket) throw new Error('DTLS has not begun');
  const inner = socket.onData;
  socket.onData = (data, from) => {
    const sealed = sealedRecords(data);
    if (sealed.length > 0) inner(sealed, from);
  };
}

/** The records (RFC 6347 §4.1) of `data` that are sealed, handshake or application data. */
export function sealedRecords(data: Buffer): Buffer {
  const kept: Buffer[] = [];
  for (let offset = 0; offset + 13 <= data.length;) {
    const end = offset + 13 + data.readUInt16BE(offset + 11);
    if (end > data.length) break;
    const type = data[offset];
    const epoch = data.readUInt16BE(offset + 3);
    if (epoch > 0 && (type === HANDSHAKE || type === APPLICATION_DATA)) kept.push(data.subarray(offset, end));
    offset = end;
  }
  return kept.length === 1 && kept[0] ? kept[0] : Buffer.concat(kept);
}

/**
 * Ends it, by `exceeded`, when more bytes wait to become messages than the window that was told to the other end (RFC 9260 §6.2):
 * the library goes on keeping pieces of messages without an end.
 */
export function boundReassembly(sctp: object, exceeded: () => void): void {
  const original: unknown = Reflect.get(sctp, 'receiveDataChunk');
  if (typeof original !== 'function') throw new Error('werift has changed: SCTP.receiveDataChunk is gone');
  Reflect.set(sctp, 'receiveDataChunk', (chunk: unknown): void => {
    Reflect.apply(original, sctp, [chunk]);
    if (Number(Reflect.get(sctp, 'advertisedRwnd')) < 0) exceeded();
  });
}

/**
 * Drops a packet of SCTP that the library cannot take: nobody waits for what `handleData` throws, which would end the program. An INIT ACK
 * that comes twice is enough, and so is anything that is no SCTP.
 */
export function surviveSctp(sctp: object): void {
  const original: unknown = Reflect.get(sctp, 'handleData');
  if (typeof original !== 'function') throw new Error('werift has changed: SCTP.handleData is gone');
  Reflect.set(sctp, 'handleData', async (data: Buffer): Promise<void> => {
    try {
      await Reflect.apply(original, sctp, [data]);
    } catch {
      // As if it had been lost: what matters is sent again.
    }
  });
}

/**
 * Sends again at once what the other end has not acknowledged (RFC 9260 §6.3.3): another way carries it, and the timer, of a second at least,
 * knows nothing of that. Nothing happens where nothing waits.
 */
export function retransmitNow(sctp: object): void {
  const timer: unknown = Reflect.get(sctp, 'timer3Handle');
  const expired: unknown = Reflect.get(sctp, 'timer3Expired');
  if (typeof expired !== 'function') throw new Error('werift has changed: SCTP.timer3Expired is gone');
  if (timer === undefined) return;
  clearTimeout(timer as NodeJS.Timeout);
  Reflect.apply(expired, sctp, []);
}

/** What may be under way at once on the data channels, bytes; for less than that the window is no reason to wait. */
const WINDOW = 256 * 1024;

/**
 * Bulk data has a rate of its own, found by delay and loss (`bulk-share.ts`), and stays well below what the way carries. The library's window
 * does not grow with traffic that does not fill it, and falls to one packet with each timer that runs out: it would hold up what is paced
 * already, and control messages behind it.
 */
export function widenWindow(sctp: object): void {
  const window: unknown = Reflect.get(sctp, 'cwnd');
  if (typeof window !== 'number') throw new Error('werift has changed: SCTP.cwnd is gone');
  if (window < WINDOW) Reflect.set(sctp, 'cwnd', WINDOW);
}

/** Bytes sent and not acknowledged; Infinity while messages wait to be sent. */
export function unacknowledged(sctp: object): number {
  const queue: unknown = Reflect.get(sctp, 'outboundQueue');
  const flight: unknown = Reflect.get(sctp, 'flightSize');
  if (!Array.isArray(queue) || typeof flight !== 'number') throw new Error('werift has changed: SCTP.flightSize is gone');
  return queue.length > 0 ? Infinity : flight;
}

interface RolloverState {
  rolloverCounter: number;
  rolloverHasProcessed?: boolean;
  lastSequenceNumber: number;
}

/**
 * RFC 3711 §3.3.1: the index nearest to the last one. The library's own rule, with its window of 100, loses the stream for
 * good when a hole of more packets lies across the wrap of the sequence numbers.
 */
export function nearestRollover(sequenceNumber: number, state: RolloverState): void {
  if (state.rolloverHasProcessed) {
    const last = state.rolloverCounter * 0x10000 + state.lastSequenceNumber;
    const index = last + (((sequenceNumber - state.lastSequenceNumber) << 16) >> 16);
    if (index >= 0) state.rolloverCounter = Math.floor(index / 0x10000);
  }
  state.rolloverHasProcessed = true;
  state.lastSequenceNumber = sequenceNumber;
}

/** Keys as KeyObjects (a Buffer costs about 10 us more for each packet) and the rollover rule above. */
export function tuneSrtp(dtls: Pick<RTCDtlsTransport, 'srtp' | 'srtcp'>): void {
  const sessions: readonly (SrtpSession | SrtcpSession)[] = [dtls.srtp, dtls.srtcp];
  for (const { localContext, remoteContext } of sessions) {
    for (const context of [localContext, remoteContext]) {
      context.updateRolloverCount = nearestRollover;
      // The cipher's own copies are those it uses; its type says Buffer, node:crypto takes both.
      for (const owner of [context, context.cipher]) {
        for (const name of ['srtpSessionKey', 'srtcpSessionKey', 'srtpSessionAuthTag', 'srtcpSessionAuthTag']) {
          const key: unknown = Reflect.get(owner, name);
          if (Buffer.isBuffer(key)) Reflect.set(owner, name, createSecretKey(key));
        }
      }
    }
  }
}
