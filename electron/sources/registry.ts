import { hostname } from 'node:os';
import { CodedError } from '../base/errors.ts';
import type { NewSource, SourceInfo } from '../contract/model.ts';
import { fingerprintOf } from '../../peer/identity.ts';
import { pair } from '../../peer/pairing/pair.ts';
import type { PairedCamera } from '../../peer/pairing/paired-camera.ts';
import { P2pSource } from './p2p/source.ts';
import { RtspSource } from './rtsp/source.ts';
import type { Source, SourceEvents } from './source.ts';
import type { CameraContext, SourceContext } from './surroundings.ts';

/** What is kept of a camera's source, sealed at rest: it may hold a password. */
export type StoredSource =
  | ({ readonly kind: 'p2p' } & PairedCamera)
  | { readonly kind: 'rtsp'; readonly url: string; readonly username?: string | undefined; readonly password?: string | undefined };

/** What to keep of a camera that was accepted, and the name it gives itself. */
export interface AcceptedSource {
  readonly stored: StoredSource;
  readonly name: string;
}

/** One kind of camera: how a new one is accepted, what is shown of it, and how it is reached. */
interface SourceKind<K extends Kind> {
  /** May talk to the camera (pairing). */
  accept(source: New[K], context: SourceContext): Promise<AcceptedSource>;
  info(stored: Stored[K]): SourceInfo;
  /** Two sources with the same key are the same camera. */
  key(stored: Stored[K]): string;
  create(stored: Stored[K], context: CameraContext, events: SourceEvents): Source;
}

type Kind = StoredSource['kind'];
type Stored = { [K in Kind]: Extract<StoredSource, { kind: K }> };
type New = { [K in Kind]: Extract<NewSource, { kind: K }> };

/** The table of camera kinds: a new one is a folder beside this file and one row here. */
const KINDS: { readonly [K in Kind]: SourceKind<K> } = {
  p2p: {
    async accept({ invite }, { identity, clock, log, lan }) {
      const camera = await pair({ identity, invite, name: hostname(), clock, log, lan });
      return { stored: { kind: 'p2p', ...camera }, name: camera.name };
    },
    info: ({ publicKey, rendezvous }) => ({ kind: 'p2p', fingerprint: fingerprintOf(Buffer.from(publicKey, 'base64url')), rendezvous }),
    key: ({ publicKey }) => publicKey,
    create: (camera, context, events) => {
      const { identity, clock, log, lan } = context;
      const takeSession = () => context.takeSession(camera.publicKey);
      return new P2pSource({ identity, camera, clock, log, events, lan, takeSession, surroundings: context });
    },
  },
  rtsp: {
    async accept({ url, username, password }) {
      const { address, user, pass } = splitRtspUrl(url);
      return {
        stored: { kind: 'rtsp', url: address, username: username ?? user, password: password ?? pass },
        name: new URL(address).hostname,
      };
    },
    info: ({ url, password }) => ({ kind: 'rtsp', url, hasPassword: !!password }),
    key: ({ url, username }) => `${username ?? ''}@${url}`,
    create: ({ url, username, password }, { clock, log }, events) => new RtspSource({ url, username, password, clock, log, events }),
  },
};

// Generic in the kind, so that the type checker sees that `kind` chooses row and value alike.
export function acceptSource<K extends Kind>(source: New[K] & { readonly kind: K }, context: SourceContext) {
  return KINDS[source.kind].accept(source, context);
}

export function sourceInfo<K extends Kind>(stored: Stored[K] & { readonly kind: K }): SourceInfo {
  return KINDS[stored.kind].info(stored);
}

export function sourceKey<K extends Kind>(stored: Stored[K] & { readonly kind: K }): string {
  return `${stored.kind} ${KINDS[stored.kind].key(stored)}`;
}

export function createSource<K extends Kind>(
  stored: Stored[K] & { readonly kind: K },
  context: CameraContext,
  events: SourceEvents,
): Source {
  return KINDS[stored.kind].create(stored, context, events);
}

/** Takes user and password out of the address, so that they are never shown. */
export function splitRtspUrl(text: string): { address: string; user: string | undefined; pass: string | undefined } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^rtsps?:$/.test(url.protocol) || !url.hostname) {
    throw new CodedError('bad-request', 'This is not an RTSP address. It looks like rtsp://192.168.1.20:554/stream1.');
  }
  const user = url.username ? decoded(url.username) : undefined;
  const pass = url.password ? decoded(url.password) : undefined;
  url.username = '';
  url.password = '';
  return { address: url.href, user, pass };
}

/** A password with a bare % in it is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
