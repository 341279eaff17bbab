/**
 * @file What is wrong, where, and what a person can do about it: data, made by `complaint` from the catalogue. The editor and a chat
 * make words of their own from it; `message` and `remedy` are the terminal's, for any reader that does not know the code.
 */

import { inOneLine } from './escapes';
import { catalogue, type ProblemArguments, type ProblemCode } from './problems/catalogue';
import type { Action, Argument, Arguments, Entry, Phrase } from './problems/templates';
import { actionsOf, phraseWords, terminal, wordsOf } from './problems/words';

/** A problem without a place. */
export interface Complaint {
  /** Stable; of a newer version, one that this does not know. */
  code: string;
  arguments: Arguments;
  /** The file that it is about, where it is told at the place of another that names it. */
  about?: string | undefined;
  /** What is wrong, one sentence without the place. */
  message: string;
  /** What to do, one sentence in the imperative; empty where nothing can be said. */
  remedy: string;
  /** What can be done at a click. */
  actions: Action[];
}

export interface Place {
  /** Path as the person would write it: relative to the working directory where possible. */
  file: string;
  /** Lines and columns count from 1, columns in UTF-16 units, as editors do. */
  line: number;
  column: number;
  /** End of the offending text, exclusive; absent where only its start is known. */
  endLine?: number;
  endColumn?: number;
}

/** One mendable problem. */
export interface Problem extends Complaint, Place {
  severity: 'error' | 'warning';
  /** Changes of the file that would mend it, the best first. */
  fixes?: Fix[];
}

/** A change of a JSON file, by the place of a value in it: keys, and indices of lists. */
export interface Fix extends Phrase {
  /** What it does, in the imperative, without a full stop, as a menu says it: the words of the phrase in the terminal's language. */
  title: string;
  path: (string | number)[];
  change: { set: unknown } | { rename: string } | { remove: true };
}

/** What is wrong, with its words. TypeScript asks for the arguments that the words have places for. */
export function complaint<C extends ProblemCode>(code: C, args: ProblemArguments<C>): Complaint {
  const entry: Entry = catalogue[code];
  const given = withoutAbsent(args);
  return withWords({ code, arguments: given, actions: actionsOf(entry, given) });
}

function withoutAbsent(args: Readonly<Record<string, Argument | undefined>>): Arguments {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as Arguments;
}

/** The same, told at another place: with the file that it is about. */
export function complaintAbout(
  file: string,
  { code, arguments: args, actions, message, remedy }: Complaint,
): Complaint {
  return withWords({ code, arguments: args, about: file, actions }, { message: `${file}: ${message}`, remedy });
}

function withWords(
  told: Omit<Complaint, 'message' | 'remedy'>,
  otherwise = { message: told.code, remedy: '' },
): Complaint {
  const { message, remedy = '' } = wordsOf(told, terminal) ?? otherwise;
  return { ...told, message, remedy };
}

export function problemAt<C extends ProblemCode>(
  place: Place,
  code: C,
  args: ProblemArguments<C>,
  severity: Problem['severity'] = 'error',
): Problem {
  return { ...place, severity, ...complaint(code, args) };
}

/** An error that is a complaint: it can be told in the words of whoever shows it. */
export class ComplaintError extends Error {
  override readonly name: string = 'ComplaintError';

  constructor(
    readonly complaint: Complaint,
    options?: ErrorOptions,
  ) {
    super(complaint.message, options);
  }

  get remedy(): string {
    return this.complaint.remedy;
  }
}

/** Thrown for input that a person can mend. The command line prints every problem and exits with code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';

  constructor(readonly problems: readonly [Problem, ...Problem[]]) {
    super(problems.map(formatProblem).join('\n'));
  }

  /** The common case: one error at one place. */
  static at<C extends ProblemCode>(file: string, code: C, args: ProblemArguments<C>, line = 1, column = 1): InputError {
    return InputError.of(complaint(code, args), { file, line, column });
  }

  static of(what: Complaint, place: Place): InputError {
    return new InputError([{ ...place, severity: 'error', ...what }]);
  }
}

/** The problem that stands for all of them: the first that is not a warning. */
export function firstError({ problems }: InputError): Problem {
  return problems.find(({ severity }) => severity === 'error') ?? problems[0];
}

/** Any error as data, without a place: what nobody has foreseen is told in its own words. */
export function complaintOf(error: unknown): Complaint {
  if (error instanceof ComplaintError) return error.complaint;
  if (error instanceof InputError) {
    const { code, arguments: args, about, message, remedy, actions } = firstError(error);
    return { code, arguments: args, about, message, remedy, actions };
  }
  return ofSystem(error) ?? complaint('unexpected', { reason: error instanceof Error ? error.message : String(error) });
}

const ofSystemByCode = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EIO: 'disk-failing',
  EACCES: 'file-forbidden',
  EPERM: 'file-forbidden',
  EROFS: 'file-forbidden',
  EMFILE: 'files-too-many',
  ENFILE: 'files-too-many',
} as const;

/** What a file system refuses, which can happen to every file; undefined for all other errors. */
function ofSystem(error: unknown): Complaint | undefined {
  const { code, path, message } = error as { code?: unknown; path?: unknown; message?: unknown };
  if (!(error instanceof Error) || typeof code !== 'string' || !Object.hasOwn(ofSystemByCode, code)) return undefined;
  const reason = String(message);
  return complaint(ofSystemByCode[code as keyof typeof ofSystemByCode], {
    path: typeof path === 'string' ? path : undefined,
    reason,
  });
}

/** `file:line:column: what, and what to do`, the form that editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const kind = problem.severity === 'warning' ? 'warning: ' : '';
  return inOneLine(`${problem.file}:${problem.line}:${problem.column}: ${kind}${problem.message} ${problem.remedy}`);
}

/** @param path of the value that is changed */
export function fixOf(title: Phrase, path: Fix['path'], change: Fix['change']): Fix {
  return { title: phraseWords(title, terminal), ...title, path, change };
}
