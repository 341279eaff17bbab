/** @file Why a native library or a model could not be installed, and what a person can do about it. */

import { complaint, ComplaintError } from '../../protocol/problem';
import { isModelPackage, type PackageName } from '../../protocol/model-packages';
import type { ProblemArguments, ProblemCode } from '../../protocol/problems/catalogue';
import { phrase } from '../../protocol/problems/phrases';

type InstallCode = Extract<ProblemCode, `install-${string}`>;

export class InstallError extends ComplaintError {
  override readonly name = 'InstallError';
}

export function installError<C extends InstallCode>(code: C, args: ProblemArguments<C>): InstallError {
  return new InstallError(complaint(code, args));
}

/** Says of a library what works without it. */
export function withMeanwhile(error: unknown, name: PackageName): unknown {
  if (!(error instanceof InstallError) || isModelPackage(name)) return error;
  const { code, arguments: args } = error.complaint;
  const meanwhile = phrase('cpu-meanwhile');
  return new InstallError(complaint(code as 'install-disk-full', { ...(args as { folder: string }), meanwhile }));
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
