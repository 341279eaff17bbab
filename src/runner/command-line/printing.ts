/** @file What verbs print: a document or its text on standard output, what happens meanwhile and what is wrong on standard error. */

import { inTerminal } from '../../protocol/escapes';
import type { RunOutput } from '../commands/start-run';

/** How the program ends. */
export const DONE = 0;
export const FAILED = 1;
export const WRONG_INPUT = 2;

export const say = (line: string): void => void process.stdout.write(`${inTerminal(line)}\n`);
export const complain = (line: string): void => void process.stderr.write(`${inTerminal(line)}\n`);

/** The document of a verb, on standard output, or what a person reads instead. */
export function print(json: boolean, document: unknown, text: () => string): void {
  say(json ? JSON.stringify(document, undefined, 2) : text());
}

/** What a run says while it goes on is over before its result is printed. */
export async function withOutput<T>(run: (output: RunOutput) => Promise<T>): Promise<T> {
  const { terminalOutput } = await import('./terminal');
  const output = terminalOutput();
  try {
    return await run(output);
  } finally {
    output.end();
  }
}
