/** @file Why a request or a verb could not be answered, as data. */

import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { complaintOf, InputError } from '../../protocol/problem';
import type { Failure } from '../../protocol/runner';

export function failureOf(error: unknown): Failure {
  return error instanceof InputError ? { problems: error.problems } : { error: complaintOf(error) };
}

/** Rejects a request: with the words of a terminal, and the failure as data. */
export function rejection(error: unknown): never {
  if (error instanceof ResponseError) throw error;
  const message = error instanceof Error ? error.message : String(error);
  throw new ResponseError(ErrorCodes.InternalError, message, failureOf(error));
}
