/**
 * @file What a tokenizer.json may cost: its expressions and replacements are a stranger's, and one line can prolong them without end.
 * docs/decisions/0032 says why by a limit of time.
 */

import vm from 'node:vm';
import { complaint, ComplaintError } from '../protocol/problem';
import { isRecord, membersOf, type Stage } from './tokenizer-json';

/** Whether a stage, or one in it, has an expression of its own. */
export function hasExpression(stage: Stage | null): boolean {
  if (stage === null) return false;
  if (isRecord(stage.pattern) && 'Regex' in stage.pattern) return true;
  return membersOf(stage).some(hasExpression);
}

const sandbox: { work?: () => unknown } = {};
let context: vm.Context | undefined;
const script = new vm.Script('work()');

/**
 * What `work` gives. Some 60 µs a call: V8 is told to end it from a thread of its own, which also ends an expression that backtracks.
 * @throws ComplaintError after so many milliseconds
 */
export function withinTime<T>(milliseconds: number, work: () => T): T {
  context ??= vm.createContext(sandbox);
  sandbox.work = work;
  try {
    return script.runInContext(context, { timeout: milliseconds }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new ComplaintError(complaint('tokenizer-too-slow', { seconds: milliseconds / 1000 }));
  } finally {
    delete sandbox.work;
  }
}

/** SentencePiece's longest replacement of one character is 18 long (U+FDFA); the rest is for markers around each. */
const MOST_GROWTH = 64;

/** @throws ComplaintError where a text has become so much longer that a few stages more would fill the memory */
export function requireModest(before: number, after: number): void {
  if (after <= MOST_GROWTH * (before + MOST_GROWTH)) return;
  throw new ComplaintError(complaint('tokenizer-grows-text', { times: MOST_GROWTH }));
}
