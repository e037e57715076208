import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** How a sealed message looks when people carry it: `keyhole-offer:` or `keyhole-answer:` and base64url, on one line. */

export type HandScheme = 'keyhole-offer:' | 'keyhole-answer:';

export interface HandText {
  /** 16 bytes: which offer, and which answer to it. */
  readonly id: Buffer;
  /** A Noise handshake message. */
  readonly sealed: Buffer;
}

const VERSION = 1;
const ID_BYTES = 16;
const CHECKSUM_BYTES = 4;
/** Letters of a text, white space included: ours have about a thousand. */
export const MAX_HAND_TEXT = 16 * 1024;
/** Bytes of what is in it, once it is inflated. */
const MAX_BODY = 32 * 1024;

/** Base64url of version, id, sealed message, and 4 bytes of their SHA-256 against what copying does to texts. */
export function formatHandText(scheme: HandScheme, { id, sealed }: HandText): string {
  const body = Buffer.concat([Uint8Array.of(VERSION), id, sealed]);
  return scheme + Buffer.concat([body, checksum(scheme, body)]).toString('base64url');
}

/** Line breaks and spaces that a mail or a terminal put in do no harm. Null for all that `formatHandText` does not make. */
export function parseHandText(scheme: HandScheme, input: string): HandText | null {
  if (input.length > MAX_HAND_TEXT) return null;
  const text = input.replace(/\s+/g, '');
  if (text.slice(0, scheme.length).toLowerCase() !== scheme) return null;
  const encoded = text.slice(scheme.length);
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) return null;
  const bytes = Buffer.from(encoded, 'base64url');
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (body.length < 1 + ID_BYTES || body[0] !== VERSION || bytes.toString('base64url') !== encoded) return null;
  if (!checksum(scheme, body).equals(bytes.subarray(-CHECKSUM_BYTES))) return null;
  return { id: Buffer.from(body.subarray(1, 1 + ID_BYTES)), sealed: Buffer.from(body.subarray(1 + ID_BYTES)) };
}

/** @param like a text of the same kind, which both ends have: what is in it is not sent again */
export function deflate(text: string, like: string): Buffer {
  return deflateRawSync(text, { level: 9, dictionary: Buffer.from(like) });
}

/** Null for what `deflate` did not make with the same `like`, and for what would be longer than any message. */
export function inflate(data: Uint8Array, like: string): string | null {
  try {
    return inflateRawSync(data, { maxOutputLength: MAX_BODY, dictionary: Buffer.from(like) }).toString('utf8');
  } catch {
    return null;
  }
}

function checksum(scheme: HandScheme, body: Uint8Array): Buffer {
  return createHash('sha256').update(scheme).update(body).digest().subarray(0, CHECKSUM_BYTES);
}

/** What an offer looks like: with it the first text is half as long. Part of version 1 of the format, never to be changed. */
export const OFFER_LIKE = [
  'a=candidate:1 1 udp 1 0.0.0.0 1 typ srflx raddr 10.0.0.1 rport 1 typ relay typ host generation 0 ufrag fd00:: 192.168.1.\\r\\n',
  '"pair":{"type":"pair","invite":"","proof":"","name":""},',
  'v=0\\r\\no=- 1 0 IN IP4 0.0.0.0\\r\\ns=-\\r\\nt=0 0\\r\\na=group:BUNDLE 0 1 2\\r\\na=extmap-allow-mixed\\r\\na=msid-semantic:WMS *\\r\\n',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\\r\\nc=IN IP4 0.0.0.0\\r\\na=rtpmap:111 opus/48000/2\\r\\na=rtpmap:0 PCMU/8000\\r\\na=rtpmap:8 PCMA/8000\\r\\n',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\\r\\nc=IN IP4 0.0.0.0\\r\\na=sctp-port:5000\\r\\na=max-message-size:65536\\r\\n',
  'm=video 9 UDP/TLS/RTP/SAVPF 96\\r\\nc=IN IP4 0.0.0.0\\r\\na=rtpmap:96 H264/90000\\r\\na=rtcp-fb:96 nack\\r\\na=rtcp-fb:96 nack pli\\r\\n',
  'a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1\\r\\n',
  'a=end-of-candidates\\r\\na=ice-ufrag:0000\\r\\na=ice-pwd:0\\r\\na=ice-options:trickle\\r\\na=fingerprint:sha-256 \\r\\n',
  'a=setup:actpass\\r\\na=recvonly\\r\\na=mid:0\\r\\na=rtcp:9 IN IP4 0.0.0.0\\r\\na=rtcp-mux\\r\\na=ssrc:1 cname:\\r\\n',
  '"relay":true,"reliableHandshake":true}}{"at":17,"offer":{"type":"offer","sdp":"v=0\\r\\no=- ',
].join('');
