import {
  GenericNack,
  PictureLossIndication,
  RtcpPayloadSpecificFeedback,
  RtcpSenderInfo,
  RtcpSrPacket,
  RtcpTransportLayerFeedback,
  type RTCDataChannel,
  type RTCPeerConnection,
  type RTCDtlsTransport,
  type RtcpPacket,
  type RtpPacket,
} from 'werift';
import type { Clock } from '../../electron/base/clock.ts';
import { Emitter } from '../../electron/base/emitter.ts';
import type { CodedError } from '../../electron/base/errors.ts';
import type { Log } from '../../electron/base/log.ts';
import { certificateFingerprint, type DtlsFacts, type SessionRole } from './binding.ts';
import { boundReassembly, refusePlainRecords, retransmitNow, surviveSctp, tuneSrtp, unacknowledged, widenWindow } from './hardening.ts';
import { createConnection } from './connection.ts';
import { MAX_CANDIDATES } from '../path/ice-description.ts';
import { IcePath } from '../path/ice-path.ts';
import { type IceOptions } from '../path/ice-gather.ts';
import { IcePort } from '../path/ice-port.ts';
import { Paths } from '../path/paths.ts';
import { readExtension, readRtpHeadersQuickly, writeRtpHeader } from './rtp-header.ts';
import { leaveTwccUnread, twccOf, writtenTwcc } from './twcc-library.ts';
import { twccExtension, type TwccFeedback } from './twcc.ts';

export interface InboundPacket {
  readonly ssrc: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payloadType: number;
  readonly payload: Buffer;
  /** pts - dts in 1/90000 s; 0 where the sender does not say. */
  readonly composition: number;
  /** Its number among all packets of the session, 16 bits (see `twcc.ts`); undefined where the packets have none. */
  readonly transportSequence?: number | undefined;
}

export interface OutboundPacket extends Omit<InboundPacket, 'payload'> {
  readonly payload: Uint8Array;
}

/** One-byte header extension (RFC 8285 §4.2) with `composition`, 24 bits signed; on the first packet of a frame that has one. */
const COMPOSITION_EXTENSION = 14;
export const CONTROL_LABEL = 'control';
const BULK_LABEL = 'bulk';
/** Data channels that the other end may open; two are used. */
const MAX_CHANNELS = 4;
/** Sections of a description: one for each kind of media, and the data channel. */
const MAX_SECTIONS = 8;

export type TransportState = 'new' | 'ice' | 'dtls' | 'secured' | 'failed' | 'closed';

/**
 * One WebRTC connection: ICE, DTLS-SRTP and one data channel; RTP goes out and comes in as packets. It lets no RTP or RTCP
 * through, in either direction, before `release()`.
 */
export class Transport {
  readonly state = new Emitter<TransportState>();
  readonly packets = new Emitter<InboundPacket>();
  readonly lost = new Emitter<{ readonly ssrc: number; readonly sequenceNumbers: readonly number[] }>();
  readonly keyframeWanted = new Emitter<number>();
  /** When the other end got our packets. */
  readonly arrivals = new Emitter<TwccFeedback>();
  readonly controlReady = new Emitter<void>();
  readonly controlMessages = new Emitter<Buffer>();
  readonly bulkMessages = new Emitter<Buffer>();
  /** The ways to the other end: one at first, others by `negotiation`. */
  readonly paths: Paths;
  readonly #pc: RTCPeerConnection;
  readonly #first: IcePath;
  readonly #clock: Clock;
  readonly #log: Log;
  #port: IcePort | null = null;
  /** The one under all media; null before there is a description. */
  #dtls: RTCDtlsTransport | null = null;
  #control: RTCDataChannel | null = null;
  #bulk: RTCDataChannel | null = null;
  /** Identifier of the header extension with `transportSequence`; null: not agreed on. */
  #twcc: number | null = null;
  #facts: DtlsFacts | null = null;
  #state: TransportState = 'new';
  #released = false;
  #discarded = 0;

  private constructor(pc: RTCPeerConnection, first: IcePath, clock: Clock, log: Log) {
    this.#pc = pc;
    this.#first = first;
    this.#clock = clock;
    this.#log = log;
    this.paths = new Paths(clock);
    this.paths.add(first);
  }

  static async create(role: SessionRole, ice: IceOptions, clock: Clock, log: Log): Promise<Transport> {
    readRtpHeadersQuickly();
    leaveTwccUnread();
    const [pc, first] = await Promise.all([createConnection(), IcePath.gather(role === 'viewer', ice, clock, log)]);
    const transport = new Transport(pc, first, clock, log);
    if (role === 'viewer') {
      pc.addTransceiver('video', { direction: 'recvonly' });
      pc.addTransceiver('audio', { direction: 'recvonly' });
      transport.#useControl(pc.createDataChannel(CONTROL_LABEL));
      transport.#attach();
    } else {
      pc.onDataChannel.subscribe((channel) => {
        if (channel.label === CONTROL_LABEL && !transport.#control) transport.#useControl(channel);
        else if (channel.label === BULK_LABEL && !transport.#bulk) transport.#useBulk(channel);
      });
    }
    let channels = 0;
    pc.onDataChannel.subscribe(() => {
      channels += 1;
      if (channels > MAX_CHANNELS) transport.#set('failed');
    });
    return transport;
  }

  /** The offer with all candidates. */
  async createOffer(): Promise<string> {
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    return this.#localSdp();
  }

  /** @param reliableHandshake both ends know the handshake link */
  async acceptAnswer(sdp: string, reliableHandshake: boolean): Promise<void> {
    if (reliableHandshake) this.#port?.useReliableHandshake();
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: checked(sdp) });
    this.#twcc = twccExtension(sdp);
  }

  /** The answer with all candidates to an offer, which may be a browser's. @param reliableHandshake both ends know the handshake link */
  async acceptOffer(sdp: string, reliableHandshake: boolean): Promise<string> {
    await this.#pc.setRemoteDescription({ type: 'offer', sdp: checked(sdp) });
    this.#attach();
    if (reliableHandshake) this.#port?.useReliableHandshake();
    for (const transceiver of this.#pc.getTransceivers()) transceiver.setDirection('sendonly');
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    this.#twcc = twccExtension(this.#localSdp());
    return this.#localSdp();
  }

  /** Packets have numbers by which the receiver tells when they came. */
  get hasArrivals(): boolean {
    return this.#twcc !== null;
  }

  get current(): TransportState {
    return this.#state;
  }

  /** Set from `secured` on. */
  get facts(): DtlsFacts | null {
    return this.#facts;
  }

  /** RTP and RTCP that came before `release()`. */
  get discarded(): number {
    return this.#discarded;
  }

  /** SSRCs that the description promises for sending, where the other end goes by it (a browser does). */
  get promisedSsrcs(): { readonly video: number | null; readonly audio: number | null } {
    const of = (kind: string) => this.#pc.getTransceivers().find((transceiver) => transceiver.kind === kind)?.sender.ssrc ?? null;
    return { video: of('video'), audio: of('audio') };
  }

  /** The payload type the other end's description gives `name`, as `H264`; null where it takes none. */
  payloadTypeOf(name: string): number | null {
    const codecs = this.#pc.getTransceivers().flatMap((transceiver) => transceiver.codecs);
    return codecs.find((found) => found.name.toLowerCase() === name.toLowerCase())?.payloadType ?? null;
  }

  /** From here on media may flow: both proofs were checked. */
  release(): void {
    this.#released = true;
  }

  /** Why there is no relay to go through, where one was wanted and none is needed no more. */
  get relayFailure(): CodedError | null {
    return this.#first.relayFailure;
  }

  /** False when there is no channel. Before it is open the bytes wait, in order. */
  sendControl(bytes: Buffer): boolean {
    if (!this.#control || !['connecting', 'open'].includes(this.#control.readyState)) return false;
    this.#control.send(bytes);
    return true;
  }

  /** Opens the channel for data that may wait. */
  openBulk(): void {
    if (!this.#bulk && this.#released) this.#useBulk(this.#pc.createDataChannel(BULK_LABEL));
  }

  /** False when there is no channel. Before it is open the bytes wait, in order. */
  sendBulk(bytes: Buffer): boolean {
    if (!this.#bulk || !this.#released || !['connecting', 'open'].includes(this.#bulk.readyState)) return false;
    const sctp = this.#pc.sctpTransport?.sctp;
    if (sctp) widenWindow(sctp);
    this.#bulk.send(bytes);
    return true;
  }

  /** Bytes that are under way on the data channels and not acknowledged; Infinity while some could not even leave. */
  get bulkFlight(): number {
    const sctp = this.#pc.sctpTransport?.sctp;
    return sctp ? unacknowledged(sctp) : Infinity;
  }

  /** Bytes that wait on the control channel. */
  get controlBacklog(): number {
    return this.#control?.bufferedAmount ?? 0;
  }

  /** Seals an RTP packet; null while media may not flow. To be called once for each packet, in order of its SSRC's sequence numbers. */
  seal(packet: OutboundPacket): Buffer | null {
    const srtp = this.#dtls?.srtp;
    if (!this.#released || !srtp) return null;
    const { composition, payload, transportSequence } = packet;
    const extensions: { id: number; value: number; bytes: 2 | 3 }[] = [];
    if (this.#twcc !== null && transportSequence !== undefined) extensions.push({ id: this.#twcc, value: transportSequence, bytes: 2 });
    if (composition !== 0) extensions.push({ id: COMPOSITION_EXTENSION, value: composition, bytes: 3 });
    const header = writeRtpHeader({ ...packet, extensions });
    return srtp.encrypt(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), header);
  }

  /** Sends what `seal` made; also a second time, as a retransmission: sealing it anew could use a nonce twice. */
  sendSealed(sealed: Buffer): void {
    this.paths.send(sealed);
  }

  sendSenderReport(report: { ssrc: number; ntp: bigint; rtp: number; packets: number; octets: number }): void {
    const { ssrc, ntp, rtp, packets, octets } = report;
    const senderInfo = new RtcpSenderInfo({ ntpTimestamp: ntp, rtpTimestamp: rtp, packetCount: packets >>> 0, octetCount: octets >>> 0 });
    this.#sendRtcp(new RtcpSrPacket({ ssrc, senderInfo }));
  }

  /** Generic NACK (RFC 4585 §6.2.1). */
  sendNack(ssrc: number, sequenceNumbers: readonly number[]): void {
    const feedback = new GenericNack({ senderSsrc: 1, mediaSourceSsrc: ssrc, lost: [...sequenceNumbers] });
    this.#sendRtcp(new RtcpTransportLayerFeedback({ feedback }));
  }

  /** RTCP as `writeTwcc` makes it. */
  sendArrivals(written: Buffer<ArrayBuffer>): void {
    this.#sendRtcp(writtenTwcc(written));
  }

  /** PLI (RFC 4585 §6.3.1): a keyframe is needed. */
  sendPli(ssrc: number): void {
    this.#sendRtcp(new RtcpPayloadSpecificFeedback({ feedback: new PictureLossIndication({ senderSsrc: 1, mediaSsrc: ssrc }) }));
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#set('closed');
    this.#released = false;
    const { state, packets, lost, keyframeWanted, arrivals, controlReady, controlMessages, bulkMessages } = this;
    for (const emitter of [state, packets, lost, keyframeWanted, arrivals, controlReady, controlMessages, bulkMessages]) emitter.clear();
    try {
      await this.#pc.close();
    } catch (error) {
      this.#log.debug('closing the connection failed', { error: String(error) });
    }
  }

  /** Listens to the one transport under all media, before anything is gathered. */
  #attach(): void {
    const [dtls, ...others] = this.#pc.dtlsTransports;
    if (!dtls || others.length > 0) throw new Error('the description does not bundle its media');
    this.#dtls = dtls;
    this.#port = new IcePort(dtls, this.paths, this.#first, this.#clock);
    this.#first.state.on((state) => {
      if (state === 'checking' && this.#state === 'new') this.#set('ice');
    });
    this.paths.changed.on(() => {
      if (this.#state === 'ice') this.#set('dtls');
    });
    dtls.onStateChange.subscribe((state) => {
      if (state === 'connected') this.#onSecured(dtls);
      if (state === 'failed' || state === 'closed') this.#set('failed');
    });
    // RTP and RTCP come here and nowhere else: the library's own handling of them costs twice as much and does less.
    dtls.onRtp.allUnsubscribe();
    dtls.onRtcp.allUnsubscribe();
    dtls.onRtp.subscribe((packet) => this.#onRtp(packet));
    dtls.onRtcp.subscribe((packet) => this.#onRtcp(packet));
  }

  /** In the same turn in which the SRTP keys were made of the DTLS session: what is exported here belongs to them. */
  #onSecured(dtls: RTCDtlsTransport): void {
    const { dtls: socket, localCertificate } = dtls;
    const remote = socket?.remoteCertificate;
    if (!socket || !remote || !localCertificate) return this.#set('failed');
    this.#port?.secured();
    refusePlainRecords(dtls);
    tuneSrtp(dtls);
    const sctp = this.#pc.sctpTransport?.sctp;
    if (sctp) {
      boundReassembly(sctp, () => this.#set('failed'));
      surviveSctp(sctp);
      this.paths.changed.on(() => retransmitNow(sctp));
      this.paths.consentChanged.on((state) => state === 'fresh' && retransmitNow(sctp));
    }
    const exported = new Map<string, Buffer>();
    const { cipher, dtls: context } = socket;
    const { masterSecret } = cipher;
    this.#facts = {
      extendedMasterSecret: context.remoteExtendedMasterSecret && socket.options.extendedMasterSecret === true,
      localFingerprint: Buffer.from((localCertificate.getFingerprints()[0]?.value ?? '').replaceAll(':', ''), 'hex'),
      remoteFingerprint: certificateFingerprint(remote),
      exportKeyingMaterial: (label, length) => {
        if (socket.cipher.masterSecret !== masterSecret) throw new Error('the DTLS session has changed');
        const known = exported.get(label) ?? socket.exportKeyingMaterial(label, length);
        exported.set(label, known);
        return known;
      },
    };
    this.#set('secured');
  }

  #onRtp({ header, payload }: RtpPacket): void {
    if (!this.#released) {
      this.#discarded += 1;
      return;
    }
    // 24 bits, signed.
    const composition = ((readExtension(header, COMPOSITION_EXTENSION, 3) ?? 0) << 8) >> 8;
    const transportSequence = this.#twcc === null ? undefined : (readExtension(header, this.#twcc, 2) ?? undefined);
    const { ssrc, sequenceNumber, timestamp, marker, payloadType } = header;
    this.packets.emit({ ssrc, sequenceNumber, timestamp, marker, payloadType, payload, composition, transportSequence });
  }

  #onRtcp(packet: RtcpPacket): void {
    if (!this.#released) {
      this.#discarded += 1;
      return;
    }
    if (packet instanceof RtcpTransportLayerFeedback && packet.feedback instanceof GenericNack) {
      this.lost.emit({ ssrc: packet.feedback.mediaSourceSsrc, sequenceNumbers: packet.feedback.lost });
    } else if (packet instanceof RtcpTransportLayerFeedback) {
      const told = twccOf(packet);
      if (told) this.arrivals.emit(told);
    }
    if (packet instanceof RtcpPayloadSpecificFeedback && packet.feedback instanceof PictureLossIndication) {
      this.keyframeWanted.emit(packet.feedback.mediaSsrc);
    }
  }

  #sendRtcp(packet: RtcpPacket): void {
    if (!this.#released) return;
    this.#dtls?.sendRtcp([packet]).catch((error: unknown) => this.#log.debug('RTCP not sent', { error: String(error) }));
  }

  #useControl(channel: RTCDataChannel): void {
    this.#control = channel;
    channel.onMessage.subscribe((message) => this.controlMessages.emit(typeof message === 'string' ? Buffer.from(message) : message));
    channel.stateChanged.subscribe((state) => {
      if (state === 'open') this.controlReady.emit();
      if (state === 'closed') this.#set('failed');
    });
  }

  #useBulk(channel: RTCDataChannel): void {
    this.#bulk = channel;
    // Nobody who has not proven himself is listened to.
    channel.onMessage.subscribe((message) => {
      if (this.#released && typeof message !== 'string') this.bulkMessages.emit(message);
    });
  }

  #localSdp(): string {
    const description = this.#pc.localDescription;
    if (!description) throw new Error('there is no local description');
    return description.sdp;
  }

  #set(state: TransportState): void {
    if (this.#state === state || this.#state === 'closed' || this.#state === 'failed') return;
    this.#state = state;
    this.state.emit(state);
  }
}

/** @throws RangeError when it holds more than any of ours does */
function checked(sdp: string): string {
  const count = (lines: RegExp) => sdp.match(lines)?.length ?? 0;
  if (count(/^a=candidate:/gm) > MAX_CANDIDATES * 2 || count(/^m=/gm) > MAX_SECTIONS) throw new RangeError('the description is too long');
  return sdp;
}
