/** @file An error in the words that the page shows. */

import { InputError } from '../../protocol/problem';
import type { RunErrorRecord } from '../../protocol/records';

export function toldProblem(error: unknown): RunErrorRecord {
  if (error instanceof InputError) {
    const [{ message, remedy }] = error.problems;
    return { message, remedy };
  }
  return { message: error instanceof Error ? error.message : String(error) };
}
