import { CodedError, errnoOf } from '../base/errors.ts';

const TLS = /CERT|SELF_SIGNED|SSL|TLS|EPROTO|UNABLE_TO_(GET|VERIFY)/;
const NETWORK: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'names cannot be looked up',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no network',
};

/** What a person is told of a request to S3 that failed. `where` has no secrets; what the server says goes no farther than its code. */
export function s3Failure(error: unknown, where: string): CodedError {
  if (error instanceof CodedError) return error;
  const name = error instanceof Error ? error.name : '';
  const status = statusOf(error);
  const refused = (text: string) => new CodedError('archive-refused', text, { cause: error });
  const unreachable = (text: string) => new CodedError('archive-unreachable', text, { cause: error });
  switch (name) {
    case 'AbortError':
      return new CodedError('closed', 'Keyhole stopped using the archive.', { cause: error });
    case 'InvalidAccessKeyId':
      return refused(`The archive ${where} does not know this access key: check it, or make another.`);
    case 'SignatureDoesNotMatch':
      return refused(`The archive ${where} does not take these keys: check the access key and the secret.`);
    case 'NoSuchBucket':
      return refused(`The archive ${where} has no such bucket: check its name, or make it.`);
    case 'RequestTimeTooSkewed':
    case 'RequestExpired':
      return refused(`The clock of this computer is wrong: the archive ${where} refuses what is signed so long ago or ahead. Set it.`);
    case 'AuthorizationHeaderMalformed':
    case 'PermanentRedirect':
    case 'IllegalLocationConstraintException':
      return refused(`The bucket of the archive ${where} is in another region: check the region.`);
    case 'AccessDenied':
    case 'AllAccessDisabled':
    case 'AccountProblem':
      return refused(`The archive ${where} does not allow this: the access key needs to list, read, write and delete in the bucket.`);
    case 'QuotaExceeded':
    case 'EntityTooLarge':
    case 'XMinioStorageFull':
    case 'InsufficientStorage':
      return refused(`The archive ${where} takes no more: its quota is used up. Let it keep less, or get more space.`);
    case 'BadDigest':
    case 'XAmzContentSHA256Mismatch':
    case 'InvalidDigest':
      return unreachable(`What reached the archive ${where} was not what was sent: something on the way changes it.`);
    case 'TimeoutError':
      return unreachable(`The archive ${where} does not answer.`);
  }
  const errno = errnoOf(error) ?? '';
  if (TLS.test(errno) || (error instanceof Error && /certificate/i.test(error.message)))
    return unreachable(
      `The archive ${where} cannot be trusted: its certificate does not hold (${errno || 'TLS'}). Check the endpoint: https where it speaks TLS, http where not.`,
    );
  const network = NETWORK[errno];
  if (network) return unreachable(`The archive ${where} cannot be reached: ${network} (${errno}).`);
  if (status === 501) return refused(`The archive ${where} does not know this kind of request (HTTP 501).`);
  if (status === 507) return refused(`The archive ${where} takes no more: it has no space left.`);
  if (status === 403) return refused(`The archive ${where} does not allow this: check the keys and what they may do.`);
  if (status === 301 || status === 307) return refused(`The bucket of the archive ${where} is elsewhere: check endpoint and region.`);
  if (status !== null && status >= 400 && status < 500 && status !== 408 && status !== 429)
    return refused(`The archive ${where} refuses the request (${/^\w{1,40}$/.test(name) ? name : 'HTTP'} ${status}).`);
  const what = status === null ? errno || name || 'no answer' : `HTTP ${status}`;
  return unreachable(`The archive ${where} cannot be used just now (${what}).`);
}

export function isNotThere(error: unknown): boolean {
  const name = error instanceof Error ? error.name : '';
  return name === 'NoSuchKey' || (name === 'NotFound' && statusOf(error) === 404);
}

/** The object has no bytes from there on. */
export function isBeyondEnd(error: unknown): boolean {
  return (error instanceof Error && error.name === 'InvalidRange') || statusOf(error) === 416;
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return null;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return null;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}
