import type { WireError } from '../base/errors.ts';

/** What the engine's process is started with. */
export interface EngineOptions {
  /** Absolute; created when it does not exist. */
  readonly dataDir: string;
  /** 32 bytes that wrap every secret at rest (AES-256-GCM). Kept by the host: safeStorage or a file of mode 0600. */
  readonly dataKey: Uint8Array;
  readonly host: 'electron' | 'browser';
  /** Sentences about this start that the user should see. */
  readonly notices: readonly string[];
}

/** Host -> engine process. A `port` message carries one port: `message.port` from a worker's parent, `event.ports[0]` in Electron. */
export type HostMessage =
  | { readonly kind: 'init'; readonly options: EngineOptions }
  | { readonly kind: 'port' }
  | { readonly kind: 'power'; readonly state: 'suspend' | 'resume' }
  | { readonly kind: 'shutdown' };

/** Engine process -> host. */
export type EngineMessage =
  | { readonly kind: 'ready' }
  /** It cannot run, and starting it again would not help: the host says why and ends. */
  | { readonly kind: 'fatal'; readonly error: WireError }
  /** After `shutdown`: every file is closed; the process ends by itself. */
  | { readonly kind: 'stopped' };
