/** @file The syntax of an experiment file: JSON with comments, and what is wrong with it, by offset. */

import { createScanner, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { complaint, type Complaint } from '../../protocol/problem';
import type { ProblemCode } from '../../protocol/problems/catalogue';

export interface Fault {
  /** In UTF-16 units from the start of the text. */
  offset: number;
  length: number;
  complaint: Complaint;
  /** The text may go on in another way than it was read: what follows may stand in another object, or be lost. */
  breaks?: true;
}

/** Deeper nesting than this is no experiment, and would exhaust the stack of any recursive reader. */
const deepest = 64;
const largest = 4 * 1024 * 1024;

/**
 * Parses the text, as far as it can be read where it has a fault. Without a root there is at least one. Trailing commas are allowed,
 * as in VS Code's settings.
 */
export function readSyntax(text: string): { root: Node | undefined; faults: Fault[] } {
  const unreadable = findUnreadable(text);
  if (unreadable !== undefined) return { root: undefined, faults: [unreadable] };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  // The first says what is wrong; what follows it is mostly its consequence.
  const [error] = errors;
  const broken = error === undefined ? [] : [describeError(text, error)];
  if (root?.type === 'object') return { root, faults: [...broken, ...findDoubleKeys(root)] };
  if (broken.length > 0) return { root: undefined, faults: broken };
  return {
    root: undefined,
    faults: [{ offset: root?.offset ?? 0, length: 1, complaint: complaint('experiment-not-object', {}) }],
  };
}

function findUnreadable(text: string): Fault | undefined {
  const start = { offset: 0, length: 0 };
  if (text.length > largest) {
    return { ...start, complaint: complaint('experiment-too-large', {}) };
  }
  if (text.trim() === '') {
    return { ...start, complaint: complaint('experiment-empty', {}) };
  }
  const offset = findTooDeep(text);
  if (offset === undefined) return undefined;
  return { offset, length: 1, complaint: complaint('experiment-too-deep', { levels: deepest }) };
}

function describeError(text: string, { error, offset, length }: ParseError): Fault {
  const end = text.trimEnd().length;
  if (offset >= end) {
    return { offset: end, length: 0, breaks: true, complaint: complaint('experiment-cut-off', openedAt(text)) };
  }
  const code = syntaxCodes[printParseErrorCode(error)] ?? 'json-invalid';
  return { offset, length: Math.max(1, length), breaks: true, complaint: complaint(code, {}) };
}

/** The line of the innermost bracket that is open at the end. */
function openedAt(text: string): { objectLine?: number; listLine?: number } {
  const offset = lastOpened(text);
  if (offset === undefined) return {};
  const line = text.slice(0, offset).split(/\r\n|\r|\n/).length;
  return text[offset] === '{' ? { objectLine: line } : { listLine: line };
}

/** Of two equal keys the last counts, so this breaks nothing. */
function findDoubleKeys(node: Node): Fault[] {
  const keys = node.type === 'object' ? (node.children ?? []).flatMap(({ children }) => children?.[0] ?? []) : [];
  const seen = new Set<unknown>();
  const faults: Fault[] = [];
  for (const { value, offset, length } of keys) {
    if (seen.has(value)) {
      faults.push({ offset, length, complaint: complaint('key-twice', { key: String(value) }) });
    }
    seen.add(value);
  }
  return [...faults, ...(node.children ?? []).flatMap(findDoubleKeys)];
}

const syntaxCodes = {
  InvalidSymbol: 'json-symbol',
  InvalidNumberFormat: 'json-number',
  PropertyNameExpected: 'json-key-expected',
  ValueExpected: 'json-value-missing',
  ColonExpected: 'json-colon-missing',
  CommaExpected: 'json-comma-missing',
  CloseBraceExpected: 'json-brace-missing',
  CloseBracketExpected: 'json-bracket-missing',
  EndOfFileExpected: 'json-after-end',
  UnexpectedEndOfComment: 'json-comment-open',
  UnexpectedEndOfString: 'json-text-open',
  InvalidUnicode: 'json-unicode',
  InvalidEscapeCharacter: 'json-escape',
  InvalidCharacter: 'json-control-character',
} as const satisfies Record<string, ProblemCode> as Partial<Record<string, SyntaxCode>>;

type SyntaxCode = Extract<ProblemCode, `json-${string}`>;

/** Offset of the first bracket that is nested too deep. Scans without recursion. */
function findTooDeep(text: string): number | undefined {
  let depth = 0;
  for (const { opens, offset } of brackets(text)) {
    depth += opens ? 1 : -1;
    if (depth > deepest) return offset;
  }
  return undefined;
}

/** Offset of the innermost bracket that is still open at the end. */
function lastOpened(text: string): number | undefined {
  const open: number[] = [];
  for (const { opens, offset } of brackets(text)) {
    if (opens) open.push(offset);
    else open.pop();
  }
  return open.at(-1);
}

function* brackets(text: string): Generator<{ opens: boolean; offset: number }> {
  const scanner = createScanner(text, true);
  for (;;) {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    if (offset >= text.length) return;
    const character = text[offset]!;
    if ('{[}]'.includes(character)) yield { opens: '{['.includes(character), offset };
  }
}
