import { createSocket, type Socket } from 'node:dgram';
import { vi } from 'vitest';
import {
  CipherContext,
  DtlsClient,
  DtlsServer,
  RtpPacket,
  ProtectionProfileAeadAes128Gcm,
  SrtcpSession,
  SrtpSession,
  type DtlsSocket,
} from 'werift';
import { systemClock } from '../../electron/base/clock.ts';
import { HandshakeLink, isHandshakeFrame } from '../../peer/path/handshake-link.ts';
import { Transport } from '../../peer/session/transport.ts';

interface Keys {
  certPem: string;
  keyPem: string;
  signatureHash: { hash: number; signature: number };
}

/**
 * Somebody who owns the path: a relay, a router. Candidates of both ends lead through here, STUN passes unchanged, and DTLS
 * ends here: each end is shown the other's certificate, which crosses the network in the clear, and a signature by another
 * key. Media and control messages are opened, looked at, and sealed again for the other side.
 */
export class ManInTheMiddle {
  /** RTP packets that were read here in the clear. */
  readonly seen: RtpPacket[] = [];
  readonly #extendedMasterSecret: boolean;
  readonly #toViewer: Side;
  readonly #toCamera: Side;
  readonly #certificates: Keys[] = [];
  #ownKey: Keys | null = null;
  #begun = false;

  constructor(options: { extendedMasterSecret: boolean }) {
    this.#extendedMasterSecret = options.extendedMasterSecret;
    this.#toViewer = new Side();
    this.#toCamera = new Side();
  }

  async start(): Promise<void> {
    const make = CipherContext.createSelfSignedCertificateWithKey;
    this.#ownKey = await make({ hash: 4, signature: 3 }, 23);
    vi.spyOn(CipherContext, 'createSelfSignedCertificateWithKey').mockImplementation(async (...args) => {
      const keys = await make(...args);
      this.#certificates.push(keys);
      return keys;
    });
    await Promise.all([this.#toViewer.open(), this.#toCamera.open()]);
    const throughHere = (sdp: string, real: Side, shown: Side): string => {
      const port = /^a=candidate:\S+ 1 udp \d+ \d+\.\d+\.\d+\.\d+ (\d+) typ host/m.exec(sdp)?.[1];
      real.peerPort = Number(port);
      const lines = sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate:'));
      const at = lines.findIndex((line) => line.startsWith('m='));
      lines.splice(at + 1, 0, `a=candidate:1 1 udp 2130706431 127.0.0.1 ${shown.port} typ host`);
      return lines.join('\r\n');
    };
    const { createOffer, acceptOffer } = Transport.prototype;
    vi.spyOn(Transport.prototype, 'createOffer').mockImplementation(async function (this: Transport) {
      return throughHere(await createOffer.call(this), toViewer, toCamera);
    });
    vi.spyOn(Transport.prototype, 'acceptOffer').mockImplementation(async function (this: Transport, ...args) {
      return throughHere(await acceptOffer.apply(this, args), toCamera, toViewer);
    });
    const [toViewer, toCamera] = [this.#toViewer, this.#toCamera];
    toViewer.onPacket = (data) => this.#receive(data, toViewer, toCamera);
    toCamera.onPacket = (data) => {
      if (isDtls(data)) this.#begin();
      this.#receive(data, toCamera, toViewer);
    };
  }

  /** Both ends have finished a DTLS handshake, with this one. */
  get sitsInBetween(): boolean {
    return this.#toViewer.srtp !== null && this.#toCamera.srtp !== null;
  }

  async close(): Promise<void> {
    vi.restoreAllMocks();
    await Promise.all([this.#toViewer.close(), this.#toCamera.close()]);
  }

  #begin(): void {
    const [viewer, camera] = this.#certificates;
    if (this.#begun || !viewer || !camera || !this.#ownKey) return;
    this.#begun = true;
    const with_ = (copied: Keys) => ({
      cert: copied.certPem,
      key: this.#ownKey?.keyPem ?? '',
      signatureHash: { hash: 4, signature: 3 } as const,
      srtpProfiles: [ProtectionProfileAeadAes128Gcm],
      extendedMasterSecret: this.#extendedMasterSecret,
    });
    const server = new DtlsServer({ ...with_(viewer), certificateRequest: true, transport: this.#toCamera.transport });
    const client = new DtlsClient({ ...with_(camera), transport: this.#toViewer.transport });
    this.#toCamera.use(server, (data) => void client.send(data));
    this.#toViewer.use(client, (data) => void server.send(data));
    client.connect().catch(() => {});
  }

  #receive(data: Buffer, from: Side, to: Side): void {
    if (isDtls(data)) return from.transport.onData(data, ['127.0.0.1', from.peerPort]);
    const isMedia = (data[0] ?? 0) >= 128;
    if (!isMedia) return to.send(data);
    if (!from.srtp || !from.srtcp || !to.srtp || !to.srtcp) return;
    const isRtcp = (data[1] ?? 0) >= 192 && (data[1] ?? 0) <= 223;
    if (isRtcp) return to.send(to.srtcp.encrypt(from.srtcp.decrypt(data)));
    const packet = RtpPacket.deSerialize(from.srtp.decrypt(data));
    this.seen.push(packet);
    to.send(to.srtp.encrypt(packet.payload, packet.header));
  }
}

const isDtls = (data: Buffer): boolean => (data[0] ?? 0) >= 20 && (data[0] ?? 0) <= 63;

class Side {
  readonly #socket: Socket = createSocket('udp4');
  peerPort = 0;
  srtp: SrtpSession | null = null;
  srtcp: SrtcpSession | null = null;
  onPacket: (data: Buffer) => void = () => {};
  /** Handshakes come by it; what is said plainly is taken by the ends as well. */
  readonly #link = new HandshakeLink({ clock: systemClock, write: (frame) => this.send(frame), deliver: (data) => this.onPacket(data) });
  readonly transport = {
    type: 'udp',
    address: { address: '127.0.0.1', family: 'IPv4', port: 0 },
    closed: false,
    onData: (_data: Buffer, _from: readonly [string, number]): void => {},
    send: async (data: Buffer): Promise<void> => this.send(data),
    close: async (): Promise<void> => {},
  };

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    this.#socket.on('message', (data, from) => {
      this.peerPort = from.port;
      if (isHandshakeFrame(data)) this.#link.receive(data);
      else this.onPacket(data);
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(data: Buffer): void {
    this.#socket.send(data, this.peerPort, '127.0.0.1', () => {});
  }

  use(dtls: DtlsSocket, onData: (data: Buffer) => void): void {
    dtls.onData.subscribe(onData);
    dtls.onConnect.subscribe(() => {
      const keys = dtls.extractSessionKeys(16, 12);
      const config = {
        keys: {
          localMasterKey: keys.localKey,
          localMasterSalt: keys.localSalt,
          remoteMasterKey: keys.remoteKey,
          remoteMasterSalt: keys.remoteSalt,
        },
        profile: ProtectionProfileAeadAes128Gcm,
      };
      this.srtp = new SrtpSession(config);
      this.srtcp = new SrtcpSession(config);
    });
  }

  async close(): Promise<void> {
    this.#link.close();
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}
