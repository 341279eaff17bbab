/** @file Why a native library could not be installed, and what a person can do about it. */

export type InstallFailure =
  | 'wrong-platform'
  | 'no-python'
  | 'no-pip'
  | 'no-network'
  | 'not-offered'
  | 'wrong-hash'
  | 'no-space'
  | 'not-a-wheel'
  | 'wrong-wheel'
  | 'not-writable'
  | 'in-use'
  | 'cancelled'
  | 'pip-failed';

/** What works without any library. */
const FALLBACK = 'Until then, "engine": "cpu" works without it.';

export class InstallError extends Error {
  override readonly name = 'InstallError';
  /** What to do, and what works meanwhile. */
  readonly remedy: string;

  constructor(
    readonly failure: InstallFailure,
    message: string,
    remedy: string,
  ) {
    super(message);
    this.remedy = `${remedy} ${FALLBACK}`;
  }
}

/** What the system says of a full or closed disk, in a person's terms; any other error as it is. */
export function explained(error: unknown, folder: string): unknown {
  if (error instanceof InstallError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new InstallError('no-space', `The disk of ${folder} is full.`, 'Make room there and install again.');
  }
  if (code === 'EBUSY' || code === 'ETXTBSY') {
    return new InstallError(
      'in-use',
      `A file in ${folder} is in use.`,
      'End the runs that use the library, then try again.',
    );
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST') {
    return new InstallError(
      'not-writable',
      `${folder} cannot be written (${message}).`,
      'Make it writable, or name another folder in the environment variable DISTILLERY_LIBRARIES.',
    );
  }
  return error;
}
