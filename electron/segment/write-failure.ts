import { CodedError, errnoOf } from '../base/errors.ts';

/** What a person is told when footage cannot be written. */
export function writeFailure(error: unknown, where: string): CodedError {
  if (error instanceof CodedError) return error;
  const errno = errnoOf(error) ?? '';
  const options = { cause: error };
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new CodedError('disk-full', `The disk that holds ${where} is full: recording goes on as soon as there is space.`, options);
    case 'EROFS':
      return new CodedError(
        'disk-read-only',
        `The disk that holds ${where} can only be read (EROFS): it was connected so, or its file system is damaged. Check it, then connect it anew.`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new CodedError(
        'data-unwritable',
        `The recordings folder ${where} cannot be written (${errno}): change its permissions.`,
        options,
      );
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENODEV':
    case 'ENXIO':
    case 'ESTALE':
    case 'ENOTCONN':
      return new CodedError('disk-missing', `The folder ${where} is gone (${errno}): connect its disk again.`, options);
    case 'EIO':
    case 'EUCLEAN':
    case 'EREMOTEIO':
      return new CodedError(
        'disk-failed',
        `The disk that holds ${where} answers with errors (${errno}): it may be dying. Save what is on it and replace it.`,
        options,
      );
    case 'ETIMEDOUT':
      return new CodedError('disk-slow', `The disk that holds ${where} does not answer (${errno}).`, options);
  }
  const message = error instanceof Error ? error.message : String(error);
  // A system's error that has no word of its own is the disk's; anything else is ours.
  return new CodedError(errno === '' ? 'internal' : 'disk-failed', `The recording in ${where} cannot be written: ${message}`, options);
}
