import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { readXorMappedAddress, xorMappedAddress, type Endpoint } from '../../peer/stun/address.ts';
import { isChannelData } from '../../peer/stun/frames.ts';
import { longTermKey } from '../../peer/stun/long-term.ts';
import {
  ATTRIBUTE,
  attributeOf,
  METHOD,
  parseStun,
  readErrorCode,
  STUN_CLASS,
  writeStun,
  type StunMessage,
} from '../../peer/stun/message.ts';

type Attribute = { type: number; value: Buffer };

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes;
};
export const REQUESTED_UDP: Attribute = { type: ATTRIBUTE.requestedTransport, value: Buffer.from([17, 0, 0, 0]) };
export const family = (value: 4 | 6): Attribute => ({
  type: ATTRIBUTE.requestedAddressFamily,
  value: Buffer.from([value === 4 ? 1 : 2, 0, 0, 0]),
});

export interface TurnAnswer {
  readonly message: StunMessage;
  /** 0 for a success. */
  readonly error: number;
}

/** A TURN client that does as the test pleases: nothing is repeated, refreshed or kept by itself. */
export class RawTurn {
  username: string;
  password: string;
  realm = '';
  nonce = '';
  /** What came from peers, in order. */
  readonly received: { peer: Endpoint | number; data: string }[] = [];
  readonly #send: (data: Buffer) => void;
  readonly #waiting = new Map<string, (message: StunMessage) => void>();
  #wake: () => void = () => {};

  constructor(send: (data: Buffer) => void, { username, credential }: { username: string; credential: string }) {
    this.#send = send;
    this.username = username;
    this.password = credential;
  }

  get key(): Buffer {
    return longTermKey(this.username, this.realm, this.password);
  }

  /** A message of the server. */
  take(frame: Buffer): void {
    if (isChannelData(frame[0] ?? 0)) {
      const data = frame.subarray(4, 4 + frame.readUInt16BE(2)).toString();
      this.received.push({ peer: frame.readUInt16BE(0), data });
    } else {
      const message = parseStun(frame);
      if (!message) throw new Error(`not STUN: ${frame.toString('hex')}`);
      if (message.class === STUN_CLASS.indication) {
        const [peer, data] = [ATTRIBUTE.xorPeerAddress, ATTRIBUTE.data].map((type) => attributeOf(message, type) ?? Buffer.alloc(0));
        const from = peer && readXorMappedAddress(peer, message.transactionId);
        this.received.push({ peer: from ?? 0, data: data?.toString() ?? '' });
      } else this.#waiting.get(message.transactionId.toString('hex'))?.(message);
    }
    this.#wake();
  }

  /** Resolves when so much came from peers. */
  async heard(count: number): Promise<RawTurn['received']> {
    while (this.received.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.received;
  }

  write(method: number, attributes: readonly Attribute[], transactionId: Buffer = randomBytes(12), sign = this.nonce !== ''): Buffer {
    const credentials = [
      { type: ATTRIBUTE.username, value: Buffer.from(this.username) },
      { type: ATTRIBUTE.realm, value: Buffer.from(this.realm) },
      { type: ATTRIBUTE.nonce, value: Buffer.from(this.nonce) },
    ];
    const all = [...attributes, ...(sign ? credentials : [])];
    return writeStun({ class: STUN_CLASS.request, method, transactionId }, all, { integrityKey: sign ? this.key : undefined });
  }

  /** Sends, and reads the answer. */
  async exchange(bytes: Buffer): Promise<TurnAnswer> {
    const id = bytes.subarray(8, 20).toString('hex');
    const message = await new Promise<StunMessage>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send(bytes);
    });
    this.#waiting.delete(id);
    const code = attributeOf(message, ATTRIBUTE.errorCode);
    return { message, error: code ? (readErrorCode(code) ?? -1) : 0 };
  }

  ask(method: number, attributes: readonly Attribute[] = []): Promise<TurnAnswer> {
    return this.exchange(this.write(method, attributes));
  }

  /** Learns realm and nonce from a refusal. */
  learn({ message }: TurnAnswer): void {
    this.realm = attributeOf(message, ATTRIBUTE.realm)?.toString() ?? '';
    this.nonce = attributeOf(message, ATTRIBUTE.nonce)?.toString() ?? '';
  }

  /** Asks for credentials' realm and nonce, and allocates. */
  async allocate(attributes: readonly Attribute[] = [REQUESTED_UDP]): Promise<TurnAnswer & { relayed: Endpoint | null }> {
    if (this.nonce === '') this.learn(await this.ask(METHOD.allocate, attributes));
    const answer = await this.ask(METHOD.allocate, attributes);
    const value = attributeOf(answer.message, ATTRIBUTE.xorRelayedAddress);
    return { ...answer, relayed: value ? readXorMappedAddress(value, answer.message.transactionId) : null };
  }

  permit(...peers: readonly Endpoint[]): Promise<TurnAnswer> {
    const id = randomBytes(12);
    return this.exchange(
      this.write(
        METHOD.createPermission,
        peers.map((peer) => peerAttribute(peer, id)),
        id,
      ),
    );
  }

  bind(channel: number, peer: Endpoint): Promise<TurnAnswer> {
    const id = randomBytes(12);
    const number = { type: ATTRIBUTE.channelNumber, value: uint32(channel * 0x10000) };
    return this.exchange(this.write(METHOD.channelBind, [number, peerAttribute(peer, id)], id));
  }

  refresh(lifetimeS: number): Promise<TurnAnswer> {
    return this.ask(METHOD.refresh, [{ type: ATTRIBUTE.lifetime, value: uint32(lifetimeS) }]);
  }

  /** A Send indication. */
  indicate(peer: Endpoint, data: string | Buffer): void {
    const transactionId = randomBytes(12);
    const attributes = [peerAttribute(peer, transactionId), { type: ATTRIBUTE.data, value: Buffer.from(data) }];
    this.#send(writeStun({ class: STUN_CLASS.indication, method: METHOD.send, transactionId }, attributes));
  }

  /** ChannelData. */
  channel(number: number, data: string | Buffer): void {
    const payload = Buffer.from(data);
    const header = Buffer.alloc(4);
    header.writeUInt16BE(number, 0);
    header.writeUInt16BE(payload.length, 2);
    this.#send(Buffer.concat([header, payload]));
  }
}

export function peerAttribute({ address, port }: Endpoint, transactionId: Buffer): Attribute {
  const value = xorMappedAddress(address, port, transactionId);
  if (!value) throw new Error(`${address} is no address`);
  return { type: ATTRIBUTE.xorPeerAddress, value };
}

/** A UDP socket that is somebody else. */
export class UdpPeer {
  readonly socket: Socket;
  readonly heard: { data: string; from: Endpoint }[] = [];
  #wake: () => void = () => {};
  #closed = false;

  constructor(six = false) {
    this.socket = createSocket(six ? 'udp6' : 'udp4');
    this.socket.on('error', () => {});
    this.socket.on('message', (data, { address, port }) => {
      this.heard.push({ data: data.toString(), from: { address, port } });
      this.#wake();
    });
  }

  async bind(address: string, port = 0): Promise<Endpoint> {
    await new Promise<void>((resolve) => this.socket.bind(port, address, resolve));
    return { address, port: this.socket.address().port };
  }

  send(data: string, { address, port }: Endpoint): Promise<void> {
    return new Promise((resolve) => this.socket.send(data, port, address, () => resolve()));
  }

  async hears(count: number): Promise<UdpPeer['heard']> {
    while (this.heard.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.heard;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.socket.close();
  }
}
