/** @file An error in the words that the page shows. */

import { InputError } from '../../protocol/problem';
import type { RunErrorRecord } from '../../protocol/records';
import { inEditorWords, problemInEditorWords } from '../base/editor-words';

export function toldProblem(error: unknown): RunErrorRecord {
  if (error instanceof InputError) {
    const { message, remedy } = problemInEditorWords(error.problems[0]);
    return { message, remedy };
  }
  return { message: inEditorWords(error instanceof Error ? error.message : String(error)) };
}
