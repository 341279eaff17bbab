/** @file Why a native library could not be installed, and what a person can do about it. */

import { complaint, ComplaintError } from '../../protocol/problem';
import type { ProblemArguments, ProblemCode } from '../../protocol/problems/catalogue';

type InstallCode = Extract<ProblemCode, `install-${string}`>;

/** Each says what works meanwhile, too. */
export class InstallError extends ComplaintError {
  override readonly name = 'InstallError';
}

export function installError<C extends InstallCode>(code: C, args: ProblemArguments<C>): InstallError {
  return new InstallError(complaint(code, args));
}

/** What the system says of a full or closed disk, in a person's terms; any other error as it is. */
export function explained(error: unknown, folder: string): unknown {
  if (error instanceof InstallError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return installError('install-disk-full', { folder });
  if (code === 'EBUSY' || code === 'ETXTBSY') return installError('install-file-in-use', { folder });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST') {
    return installError('install-not-writable', { folder, reason: message });
  }
  return error;
}
