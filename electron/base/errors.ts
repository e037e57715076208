/**
 * Every failure that a person or a script may see carries one of these codes. The same code reaches the HTTP answer,
 * the page and the log; the table gives the HTTP status and the exit code of the `keyhole` command.
 */
export const ERROR_TABLE = {
  'bad-request': { status: 400, exit: 2 },
  'unauthorized': { status: 401, exit: 1 },
  'forbidden': { status: 403, exit: 1 },
  'not-found': { status: 404, exit: 1 },
  'conflict': { status: 409, exit: 1 },
  'range-not-satisfiable': { status: 416, exit: 1 },
  'usage': { status: 400, exit: 2 },
  'internal': { status: 500, exit: 1 },
  'closed': { status: 503, exit: 1 },
  'engine-restarted': { status: 503, exit: 1 },
  'too-busy': { status: 503, exit: 1 },
  'not-supported': { status: 501, exit: 1 },
  // pairing and identity
  'invite-malformed': { status: 400, exit: 1 },
  'invite-wrong': { status: 403, exit: 1 },
  'invite-used': { status: 409, exit: 1 },
  'invite-expired': { status: 410, exit: 1 },
  'answer-wrong': { status: 400, exit: 1 },
  'not-paired': { status: 403, exit: 1 },
  'identity-mismatch': { status: 403, exit: 1 },
  'protocol-error': { status: 502, exit: 1 },
  // reaching a camera
  'rendezvous-unreachable': { status: 502, exit: 1 },
  'peer-absent': { status: 502, exit: 1 },
  'ice-failed': { status: 502, exit: 1 },
  'relay-not-allowed': { status: 502, exit: 1 },
  'relay-budget-spent': { status: 502, exit: 1 },
  'dtls-failed': { status: 502, exit: 1 },
  'session-lost': { status: 502, exit: 1 },
  'relay-unreachable': { status: 502, exit: 1 },
  'relay-refused': { status: 502, exit: 1 },
  'rtsp-refused': { status: 502, exit: 1 },
  'rtsp-unauthorized': { status: 502, exit: 1 },
  'source-not-found': { status: 404, exit: 1 },
  'source-no-video': { status: 422, exit: 1 },
  'source-ended': { status: 502, exit: 1 },
  'source-stalled': { status: 502, exit: 1 },
  'codec-unsupported': { status: 422, exit: 1 },
  'no-keyframe': { status: 502, exit: 1 },
  'format-changed': { status: 502, exit: 1 },
  'clock-set': { status: 502, exit: 1 },
  // this machine
  'ffmpeg-missing': { status: 500, exit: 1 },
  'ffmpeg-failed': { status: 500, exit: 1 },
  'port-in-use': { status: 500, exit: 1 },
  'disk-full': { status: 507, exit: 1 },
  'disk-missing': { status: 500, exit: 1 },
  'disk-failed': { status: 500, exit: 1 },
  'disk-read-only': { status: 500, exit: 1 },
  'disk-slow': { status: 503, exit: 1 },
  'data-unwritable': { status: 500, exit: 1 },
  'data-in-use': { status: 500, exit: 1 },
  'database-newer': { status: 500, exit: 1 },
  'database-corrupt': { status: 500, exit: 1 },
  'key-unavailable': { status: 500, exit: 1 },
  // the second place that recordings are copied to
  'archive-unreachable': { status: 502, exit: 1 },
  'archive-refused': { status: 502, exit: 1 },
  // what a check finds
  'not-clean': { status: 500, exit: 1 },
  'proof-broken': { status: 422, exit: 1 },
} as const satisfies Record<string, { status: number; exit: number }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** What crosses a process boundary in place of an Error. `message` is one sentence for a person: what, why, what to do. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** An error that a person may read: `message` says what happened, why, and what to do about it. */
export class CodedError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message };
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value);
}

/** The coded error in `error`, or an `internal` one around it: for the edges of a process, never for control flow. */
export function asCoded(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CodedError('internal', message, { cause: error });
}

export function fromWire(wire: WireError): CodedError {
  return new CodedError(isErrorCode(wire.code) ? wire.code : 'internal', wire.message);
}

/** The errno of a system call's failure, when `error` is one: 'ENOSPC', 'EADDRINUSE'… */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
