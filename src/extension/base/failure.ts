/** @file What a process of ours answered in place of a result: its failure, as data. */

import { ResponseError } from 'vscode-jsonrpc/node';
import { ComplaintError, InputError, type Complaint, type Problem } from '../../protocol/problem';
import { requestCancelled, type Failure } from '../../protocol/runner';

/** Undefined for what is none, or none of this version's. */
export function failureIn(document: unknown): Failure | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  const { problems, error } = document as { problems?: unknown; error?: unknown };
  if (isComplaint(error)) return { error };
  if (Array.isArray(problems) && problems.length > 0 && problems.every(isProblem)) return { problems };
  return undefined;
}

function isComplaint(value: unknown): value is Complaint {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, remedy, actions } = value as Partial<Record<keyof Complaint, unknown>>;
  return [code, message, remedy].every((text) => typeof text === 'string') && Array.isArray(actions);
}

function isProblem(value: unknown): value is Problem {
  if (!isComplaint(value)) return false;
  const { file, line, column } = value as Partial<Record<keyof Problem, unknown>>;
  return typeof file === 'string' && typeof line === 'number' && typeof column === 'number';
}

/** A failure as the error that it was where it was thrown. */
export function errorOf(failure: Failure): Error {
  if ('error' in failure) return new ComplaintError(failure.error);
  return new InputError(failure.problems as [Problem, ...Problem[]]);
}

/** What a request was rejected with, as it was thrown in the process that was asked; anything else as it is. */
export function askedError(error: unknown): unknown {
  const failure = error instanceof ResponseError ? failureIn(error.data) : undefined;
  return failure ? errorOf(failure) : error;
}

export function isCancelled(error: unknown): boolean {
  return error instanceof ResponseError && error.code === requestCancelled;
}
