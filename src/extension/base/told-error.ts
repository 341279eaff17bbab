/** @file What a process answered in place of a result, in its own words. */

import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { requestCancelled } from '../../protocol/runner';

/** Without what vscode-jsonrpc puts before the message. Anything else is given back as it is. */
export function toldError(error: unknown): unknown {
  if (!(error instanceof ResponseError) || error.code === ErrorCodes.MessageWriteError) return error;
  return new ResponseError(error.code, error.message.replace(/^Request \S+ failed with message: /, ''));
}

export function isCancelled(error: unknown): boolean {
  return error instanceof ResponseError && error.code === requestCancelled;
}
