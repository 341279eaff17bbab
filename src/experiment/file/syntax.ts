/** @file The syntax of an experiment file: JSON with comments, and what is wrong with it, by offset. */

import { createScanner, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';

export interface Fault {
  /** In UTF-16 units from the start of the text. */
  offset: number;
  length: number;
  message: string;
  remedy: string;
}

/** Deeper nesting than this is no experiment, and would exhaust the stack of any recursive reader. */
const deepest = 64;
const largest = 4 * 1024 * 1024;

/** Parses the text. Without a root there is at least one fault. Trailing commas are allowed, as in VS Code's settings. */
export function readSyntax(text: string): { root: Node | undefined; faults: Fault[] } {
  const unreadable = findUnreadable(text);
  if (unreadable !== undefined) return { root: undefined, faults: [unreadable] };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  // The first says what is wrong; what follows it is mostly its consequence.
  const [error] = errors;
  if (error !== undefined) return { root: undefined, faults: [describeError(text, error)] };
  if (root?.type === 'object') return { root, faults: findDoubleKeys(root) };
  const fault = { message: 'An experiment is one object.', remedy: 'Put it in braces: { … }.' };
  return { root: undefined, faults: [{ offset: root?.offset ?? 0, length: 1, ...fault }] };
}

function findUnreadable(text: string): Fault | undefined {
  const start = { offset: 0, length: 0 };
  if (text.length > largest) {
    return { ...start, message: 'This is too large for an experiment.', remedy: 'Name the dataset in it by path.' };
  }
  if (text.trim() === '') {
    return { ...start, message: 'This file is empty.', remedy: 'Start from an experiment of the sample workspace.' };
  }
  const offset = findTooDeep(text);
  if (offset === undefined) return undefined;
  return { offset, length: 1, message: `This is nested deeper than ${deepest} levels.`, remedy: 'Remove brackets.' };
}

function describeError(text: string, { error, offset, length }: ParseError): Fault {
  const end = text.trimEnd().length;
  if (offset >= end) {
    const message = `The file ends too early${describeOpen(text)}.`;
    return { offset: end, length: 0, message, remedy: 'Restore the rest, or close what is open.' };
  }
  const [message, remedy] = syntaxMessages[printParseErrorCode(error)] ?? [
    'This is not JSON.',
    'Compare it with an experiment of the sample workspace.',
  ];
  return { offset, length: Math.max(1, length), message, remedy };
}

function describeOpen(text: string): string {
  const offset = lastOpened(text);
  if (offset === undefined) return '';
  const line = text.slice(0, offset).split(/\r\n|\r|\n/).length;
  return `, inside the ${text[offset] === '{' ? 'object' : 'list'} that begins in line ${line}`;
}

function findDoubleKeys(node: Node): Fault[] {
  const keys = node.type === 'object' ? (node.children ?? []).flatMap(({ children }) => children?.[0] ?? []) : [];
  const seen = new Set<unknown>();
  const faults: Fault[] = [];
  for (const { value, offset, length } of keys) {
    if (seen.has(value)) {
      faults.push({ offset, length, message: `"${String(value)}" is given twice.`, remedy: 'Remove one of the two.' });
    }
    seen.add(value);
  }
  return [...faults, ...(node.children ?? []).flatMap(findDoubleKeys)];
}

const syntaxMessages: Record<string, [message: string, remedy: string]> = {
  InvalidSymbol: [
    'This is not a JSON value.',
    'Put text in double quotes; only true, false, null and numbers stand without.',
  ],
  InvalidNumberFormat: ['This is not a JSON number.', 'Write it as 12, 0.5 or 5e-4.'],
  PropertyNameExpected: ['A key in double quotes is expected here.', 'Write "key": value.'],
  ValueExpected: ['A value is missing here.', 'Write a value, or remove the key.'],
  ColonExpected: ['A colon is missing here.', 'Write "key": value.'],
  CommaExpected: ['A comma is missing before this.', 'Separate entries with commas.'],
  CloseBraceExpected: ['A closing brace is missing here.', 'Add }.'],
  CloseBracketExpected: ['A closing bracket is missing here.', 'Add ].'],
  EndOfFileExpected: ['Something follows the end of the experiment.', 'Remove what comes after the closing brace.'],
  UnexpectedEndOfComment: ['This comment does not end.', 'Close it with */.'],
  UnexpectedEndOfString: ['This text is not closed.', 'Close it with a double quote.'],
  InvalidUnicode: ['This \\u escape is not complete.', 'Write \\u and four hexadecimal digits.'],
  InvalidEscapeCharacter: ['This escape is unknown.', 'Write a backslash as \\\\, in paths use /.'],
  InvalidCharacter: ['This control character may not stand in a text.', 'Remove it, or write it as an escape.'],
};

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
