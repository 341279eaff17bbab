/** @file Which tokens of two vocabularies are the same text. */

import type { Tokenizer } from './tokenizer';

/** Tokens of a student and of its teacher that are the same text, each in one pair at most. */
export interface MatchedTokens {
  /** Ids of the student, ascending. */
  readonly student: Int32Array;
  /** The teacher's, at the same places. */
  readonly teacher: Int32Array;
  /** Tokens of the teacher's tokenizer; its head may have more. */
  readonly teacherSize: number;
}

/**
 * Tokens are the same where their bytes are: however a space is written, and a character in bytes. Of tokens that are the same in one vocabulary, as the
 * letter and the byte of SentencePiece's byte fallback, the one that texts become is taken. Special tokens are never texts: those that end a text are
 * the same, whatever they are called, and others that are called the same.
 */
export function matchTokens(student: Tokenizer, teacher: Tokenizer): MatchedTokens {
  const theirs = tokensByText(teacher);
  const pairs = [...tokensByText(student)].flatMap(([text, id]) => {
    const other = theirs.get(text);
    return other === undefined ? [] : [[id, other] as const];
  });
  pairs.sort(([a], [b]) => a - b);
  return {
    student: Int32Array.from(pairs, ([id]) => id),
    teacher: Int32Array.from(pairs, ([, id]) => id),
    teacherSize: teacher.vocabularySize,
  };
}

function tokensByText(tokenizer: Tokenizer): Map<string, number> {
  const found = new Map<string, number>();
  const fallbacks: [string, number][] = [];
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    const text = textOf(tokenizer, id);
    if (text === undefined) continue;
    if (tokenizer.isByteFallback(id)) fallbacks.push([text, id]);
    else if (!found.has(text)) found.set(text, id);
  }
  for (const [text, id] of fallbacks) if (!found.has(text)) found.set(text, id);
  return found;
}

function textOf(tokenizer: Tokenizer, id: number): string | undefined {
  if (id === tokenizer.special.endOfText) return 'end of text';
  if (tokenizer.isSpecial(id)) return `special ${tokenizer.tokenText(id)}`;
  const bytes = tokenizer.tokenBytes(id);
  return bytes && `bytes ${Buffer.from(bytes).toString('latin1')}`;
}
