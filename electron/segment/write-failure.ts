import { CodedError, errnoOf } from '../base/errors.ts';

/** What a person is told when footage cannot be written. */
export function writeFailure(error: unknown, where: string): CodedError {
  if (error instanceof CodedError) return error;
  const code = errnoOf(error) ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new CodedError('disk-full', `The disk that holds ${where} is full: recording goes on as soon as there is space.`, {
      cause: error,
    });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOENT' || code === 'ENOTDIR')
    return new CodedError('data-unwritable', `The recordings folder ${where} cannot be written (${code}): change its permissions.`, {
      cause: error,
    });
  const message = error instanceof Error ? error.message : String(error);
  return new CodedError('internal', `The recording in ${where} cannot be written: ${message}`, { cause: error });
}
