import type { WireError } from '../base/errors.ts';

/**
 * Messages between page (or HTTP host) and engine, the same over a MessagePort and a WebSocket. Each may carry bytes.
 * `id` is chosen by the client: one number space for calls and streams of a connection.
 */
export type ClientMessage =
  | { readonly t: 'call'; readonly id: number; readonly name: string; readonly args: unknown }
  | { readonly t: 'open'; readonly id: number; readonly name: string; readonly args: unknown; readonly credit: number }
  /** The reader can take `n` more items. */
  | { readonly t: 'credit'; readonly id: number; readonly n: number }
  | { readonly t: 'close'; readonly id: number };

export type ServerMessage =
  | { readonly t: 'reply'; readonly id: number; readonly value: unknown; readonly bytes?: Uint8Array }
  | { readonly t: 'fail'; readonly id: number; readonly error: WireError }
  | { readonly t: 'item'; readonly id: number; readonly value: unknown; readonly bytes?: Uint8Array }
  /** The stream is over; with `error` if it broke. */
  | { readonly t: 'end'; readonly id: number; readonly error?: WireError };

export type WireMessage = ClientMessage | ServerMessage;

/** One duplex connection: a MessagePort (either kind) or a WebSocket behind the same face. */
export interface Port {
  post(message: WireMessage): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}

/** Largest message a WebSocket end accepts, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Text when there are no bytes; else a binary frame: length of the JSON header (u32, big endian), header, bytes. */
export function encodeMessage(message: WireMessage): string | Uint8Array<ArrayBuffer> {
  if (!('bytes' in message) || !message.bytes) return JSON.stringify(message);
  const { bytes, ...header } = message;
  const json = new TextEncoder().encode(JSON.stringify(header));
  const frame = new Uint8Array(4 + json.length + bytes.length);
  new DataView(frame.buffer).setUint32(0, json.length);
  frame.set(json, 4);
  frame.set(bytes, 4 + json.length);
  return frame;
}

/** Throws on anything that is not a message of ours; the caller closes the connection then. */
export function decodeMessage(data: string | Uint8Array): unknown {
  if (typeof data === 'string') return JSON.parse(data);
  if (data.length < 4) throw new Error('binary message shorter than its header');
  const length = new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(0);
  if (length > data.length - 4) throw new Error('binary message shorter than its header says');
  const header: unknown = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  if (typeof header !== 'object' || header === null) throw new Error('binary message without a header');
  return { ...header, bytes: data.subarray(4 + length) };
}
