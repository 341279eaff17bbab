/** @file Reads an experiment file as far as its own text decides: syntax, keys, types and ranges, each problem at its place. */

import { readFile } from 'node:fs/promises';
import { InputError, type Problem } from '../../protocol/problem';
import { describeIssue, type Objection } from './describe-issue';
import { experimentSchema, type Experiment } from './schema';
import { Source } from './source';
import { findUnsupported } from './unsupported';

export interface ParsedExperiment {
  source: Source;
  /** In the order of the text. */
  problems: Problem[];
  /** With defaults; absent where the text has an error. */
  experiment?: Experiment;
}

/** Reads the file and parses it. Throws an InputError where it cannot be read. */
export async function readExperimentFile(file: string): Promise<ParsedExperiment> {
  return parseExperiment(await readText(file), file);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing ? 'This file does not exist.' : `This file cannot be read: ${(error as Error).message}.`;
    throw InputError.at(file, message, 'Name an experiment file, NAME.distill.json.');
  }
}

/** Parses the text of an experiment file. `file` is its path as problems should show it. Never throws. */
export function parseExperiment(text: string, file: string): ParsedExperiment {
  return parseSource(new Source(file, text));
}

/** As parseExperiment, from a text whose places are known. */
export function parseSource(source: Source): ParsedExperiment {
  const problems = [...source.problems];
  if (source.root === undefined) return { source, problems };
  const value = source.value();
  const unsupported = findUnsupported(value);
  problems.push(...unsupported.map((item) => place(source, item)));
  const parsed = experimentSchema.safeParse(value);
  const objections = (parsed.error?.issues ?? [])
    .flatMap((issue) => describeIssue(issue, value))
    .filter(({ path }) => !unsupported.some((item) => item.path.join('/') === path.join('/')));
  problems.push(...objections.map((objection) => place(source, objection)));
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  const hasError = problems.some(({ severity }) => severity === 'error');
  return hasError || !parsed.success ? { source, problems } : { source, problems, experiment: parsed.data };
}

function place(source: Source, { path, key, message, remedy, fixes }: Objection): Problem {
  const position = key === true ? source.placeOfKey(path) : source.placeOf(path);
  return source.problem(position, message, remedy, 'error', fixes);
}
