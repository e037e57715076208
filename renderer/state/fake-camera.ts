import { ALWAYS_RECORDED, DEFAULT_RECORDING, utcMs, type Camera } from '../../electron/contract/model.ts';

/** For tests: a live, recording camera unless told otherwise. */
export function fakeCamera(changes: Partial<Camera> = {}): Camera {
  return {
    id: 'cam-aaaaaaaa',
    name: 'Front door',
    source: { kind: 'p2p', fingerprint: 'AAAA-BBBB-CCCC-DDDD-EEEE', rendezvous: ['ws://meet.example'] },
    state: 'live',
    reason: null,
    path: { kind: 'host', local: '10.0.0.2:5000', remote: '10.0.0.3:6000', rttMs: 2.6, lossPct: 0 },
    video: null,
    audio: null,
    lastFrameAt: null,
    recording: true,
    recordingReason: null,
    recordingSettings: DEFAULT_RECORDING,
    recordingNow: ALWAYS_RECORDED,
    quality: null,
    relay: { kind: 'allow' },
    createdAt: utcMs(1),
    ...changes,
  };
}
