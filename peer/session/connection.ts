import {
  CipherContext,
  HashAlgorithm,
  NamedCurveAlgorithm,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  SignatureAlgorithm,
  useNACK,
  usePLI,
  useTransportWideCC,
  useTWCC,
} from 'werift';

export type { IceOptions } from '../path/ice-gather.ts';
export type { TurnServer } from '../path/turn-client.ts';

/** Payload types offered and used; fixed, so that a stream's packets can be told apart without the description. */
export const PAYLOAD_TYPE = { h264: 96, opus: 111, pcm_mulaw: 0, pcm_alaw: 8 } as const;

/** The library's connection as we want it: our codecs, one bundle, a fresh certificate. Its own ICE agent stays unused: see `ice-port.ts`. */
export async function createConnection(): Promise<RTCPeerConnection> {
  // A certificate for this session alone: certificates cross the network in the clear and would tell sessions together.
  const keys = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  const video = [codec('video/H264', PAYLOAD_TYPE.h264, 90_000, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1')];
  const audio = [
    codec('audio/opus', PAYLOAD_TYPE.opus, 48_000, undefined, 2),
    codec('audio/PCMU', PAYLOAD_TYPE.pcm_mulaw, 8000, undefined, 1),
    codec('audio/PCMA', PAYLOAD_TYPE.pcm_alaw, 8000, undefined, 1),
  ];
  return new RTCPeerConnection({
    codecs: { video, audio },
    headerExtensions: { video: [useTransportWideCC()], audio: [useTransportWideCC()] },
    bundlePolicy: 'max-bundle',
    dtls: { keys },
  });
}

function codec(mimeType: string, payloadType: number, clockRate: number, parameters?: string, channels?: number): RTCRtpCodecParameters {
  return new RTCRtpCodecParameters({
    mimeType,
    payloadType,
    clockRate,
    rtcpFeedback: mimeType.startsWith('video/') ? [useNACK(), usePLI(), useTWCC()] : [useNACK(), useTWCC()],
    ...(channels === undefined ? {} : { channels }),
    ...(parameters === undefined ? {} : { parameters }),
  });
}
