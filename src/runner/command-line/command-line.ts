/**
 * @file The command line: its verbs by subject, and exit codes. What a verb does is loaded when it is asked for: a check of a file
 * waits for no engine.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError } from 'commander';
import { complaint, ComplaintError, complaintOf, InputError } from '../../protocol/problem';
import { addExperimentVerbs } from './experiment-verbs';
import { addMachineVerbs } from './machine-verbs';
import { addModelVerbs } from './model-verbs';
import { complain, DONE, FAILED, say, WRONG_INPUT } from './printing';
import { addRunVerbs } from './run-verbs';
import { addSampleVerbs } from './sample-verbs';
import type { Verbs } from './verbs';

/** @param examples the sample workspace's content, as shipped */
export function program(examples: string): Command {
  const root = new Command('distillery')
    .description('Knowledge distillation on your own machine: a small student learns a large teacher’s distribution.')
    .exitOverride()
    .showHelpAfterError();
  const verb = (usage: string, description: string): Command =>
    root
      .command(usage)
      .description(description)
      .option('--json', 'print one JSON document on standard output')
      .exitOverride();

  const verbs: Verbs = { root, verb };
  addRunVerbs(verbs);
  addModelVerbs(verbs);
  addExperimentVerbs(verbs);
  addMachineVerbs(verbs);
  addSampleVerbs(verbs, examples);
  return root;
}

/** Carries out a command line; the exit code is left in `process.exitCode`. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  // Beside the bundle in a clone and in the extension alike.
  const examples = path.join(__dirname, '..', 'examples');
  // A terminal or a pipe that was closed is no reason to end a run.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    await program(existsSync(examples) ? examples : process.cwd()).parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    // Whoever reads a document is told by one, too.
    if (process.exitCode !== DONE && argv.includes('--json')) {
      const { failureOf } = await import('../serve/failure');
      say(JSON.stringify(failureOf(explained(error)), undefined, 2));
    }
  }
}

/** What is wrong with the command line itself, as a problem of ours. */
function explained(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  return new ComplaintError(complaint('command-line-wrong', { reason: error.message }));
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_INPUT;
  if (error instanceof InputError) {
    complain(error.message);
    return WRONG_INPUT;
  }
  const { message, remedy } = complaintOf(error);
  complain(message);
  if (remedy !== '') complain(remedy);
  return FAILED;
}
