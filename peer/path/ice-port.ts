import { Candidate, type RTCDtlsTransport } from 'werift';
import type { Clock } from '../../electron/base/clock.ts';
import { HandshakeLink, isHandshakeFrame } from './handshake-link.ts';
import type { IcePath } from './ice-path.ts';
import type { Paths } from './paths.ts';

/** RFC 7983 §7. */
const isDtls = (data: Uint8Array): boolean => (data[0] ?? 0) >= 20 && (data[0] ?? 0) <= 63;

/**
 * Where the library's peer connection has its one ICE agent we put our paths: the agent's sockets are never opened, the first
 * path's credentials and candidates stand in the description in its place, and what DTLS sends and gets goes by `paths`.
 */
export class IcePort {
  readonly #link: HandshakeLink;
  readonly #connection: RTCDtlsTransport['iceTransport']['connection'];
  #reliable = false;
  #secured = false;

  constructor(dtls: RTCDtlsTransport, paths: Paths, first: IcePath, clock: Clock) {
    const { connection } = dtls.iceTransport;
    this.#connection = connection;
    this.#link = new HandshakeLink({ clock, write: (frame) => paths.send(frame), deliver: (datagram) => this.#deliver(datagram) });
    const { ufrag, pwd, candidates } = first.description;
    connection.localUsername = ufrag;
    connection.localPassword = pwd;
    const setState = (state: 'completed' | 'connected') => {
      connection.state = state;
      connection.stateChanged.execute(state);
    };
    connection.gatherCandidates = async () => {
      connection.localCandidates = candidates.map((line) => Candidate.fromSdp(line));
      connection.localCandidatesEnd = true;
      setState('completed');
    };
    // Whichever path is there first: the one of the description, or one that was punched meanwhile.
    connection.connect = () =>
      new Promise<void>((resolve) => {
        paths.changed.on(() => {
          if (connection.state !== 'connected') setState('connected');
          resolve();
        });
        first.state.on((state) => {
          if (state === 'connected' && !paths.current) paths.use(first);
        });
        const { remoteUsername, remotePassword, remoteCandidates } = connection;
        first.connect({ ufrag: remoteUsername, pwd: remotePassword, candidates: remoteCandidates.map((candidate) => candidate.toSdp()) });
      });
    connection.send = async (data) => {
      if (this.#reliable && !this.#secured && isDtls(data)) this.#link.send(data);
      else paths.send(data);
    };
    connection.close = async () => {
      this.#link.close();
      await paths.close();
    };
    paths.data.on((data) => {
      if (!isHandshakeFrame(data)) this.#deliver(data);
      else if (this.#reliable) this.#link.receive(data);
    });
  }

  /** Both ends know the link that no loss disturbs: to be told before the handshake begins. */
  useReliableHandshake(): void {
    this.#reliable = true;
  }

  /** The handshake is over; what is still to be repeated of it is. */
  secured(): void {
    this.#secured = true;
  }

  #deliver(data: Buffer): void {
    this.#connection.onData.execute(data);
  }
}
