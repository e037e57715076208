import { STATUS_CODES, type ServerResponse } from 'node:http';
import { CodedError, ERROR_TABLE, asCoded, type ErrorCode } from '../base/errors.ts';

/** A refusal that HTTP has a status of its own for, beside the code. */
export class HttpError extends CodedError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(code, message);
    this.status = status;
    this.headers = headers;
  }
}

export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** RFC 9457 problem+json; `code` is the project's error code. */
  readonly body: string;
}

export function problemOf(error: unknown): Problem {
  const coded = asCoded(error);
  const status = coded instanceof HttpError ? coded.status : ERROR_TABLE[coded.code].status;
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...(coded instanceof HttpError ? coded.headers : {}),
  };
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer realm="Keyhole"';
  if (status === 503) headers['Retry-After'] = '2';
  const body = {
    type: `urn:keyhole:error:${coded.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: coded.message,
    code: coded.code,
  };
  return { status, headers, body: JSON.stringify(body) + '\n' };
}

/** Answers with the problem; when the answer has begun already, breaks the connection so that nobody takes it for whole. */
export function sendProblem(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = problemOf(error);
  response
    .writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) })
    .end(response.req.method === 'HEAD' ? undefined : body);
}
