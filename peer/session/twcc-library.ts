import { RtcpTransportLayerFeedback, TransportWideCC } from 'werift';
import { parseTwcc, type TwccFeedback } from './twcc.ts';

/** Transport-wide feedback on its way through the library: as bytes, which it neither reads nor makes. */

const bodies = new WeakMap<object, Uint8Array>();

/** Keeps the library from reading feedback. For all sessions of the process, as it offers no other place; idempotent. */
export function leaveTwccUnread(): void {
  TransportWideCC.deSerialize = (data, header) => {
    const unread = new TransportWideCC({ header });
    bodies.set(unread, data.subarray(0, header.length * 4));
    return unread;
  };
}

/** What a packet of RTCP says of arrivals; null when it is something else, or nonsense. */
export function twccOf(packet: RtcpTransportLayerFeedback): TwccFeedback | null {
  const body = packet.feedback instanceof TransportWideCC ? bodies.get(packet.feedback) : undefined;
  return body ? parseTwcc(body) : null;
}

/** For sending: RTCP that is written already. */
export function writtenTwcc(bytes: Buffer<ArrayBuffer>): RtcpTransportLayerFeedback {
  const feedback = new TransportWideCC();
  feedback.serialize = () => bytes;
  return new RtcpTransportLayerFeedback({ feedback });
}
