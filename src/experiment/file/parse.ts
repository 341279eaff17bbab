/** @file Reads an experiment file as far as its own text decides: syntax, keys, types and ranges, each problem at its place. */

import { readFile } from 'node:fs/promises';
import { InputError, problemAt, type Problem } from '../../protocol/problem';
import { describeIssue, type Objection } from './describe-issue';
import { experimentSchema, type Experiment } from './schema';
import { readExperiment } from './readable';
import { Source, startsWith, type Path, type Span } from './source';

export interface ParsedExperiment {
  source: Source;
  /** In the order of the text. */
  problems: Problem[];
  /** With defaults; absent where the text has an error. */
  experiment?: Experiment;
  /** As `experiment`, of a text that has errors: what could not be read throws an UnknownSetting when it is looked at. */
  readable?: Experiment | undefined;
}

/** Nobody reads more of one file, and each takes a millisecond to put into words. */
const MOST_PROBLEMS = 100;

/** Reads the file and parses it. Throws an InputError where it cannot be read. */
export async function readExperimentFile(file: string): Promise<ParsedExperiment> {
  return parseExperiment(await readText(file), file);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing) throw InputError.at(file, 'experiment-missing', {});
    throw InputError.at(file, 'experiment-unreadable', { reason: (error as Error).message });
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
  const { misspelt, value, parsed, objected } = readMisspelt(source);
  const objections = [...misspelt, ...objected].filter((objection) => !mayFollow(objection, source));
  problems.push(...objections.map((objection) => place(source, objection)));
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  if (problems.length > MOST_PROBLEMS) {
    const { file, line, column } = problems[MOST_PROBLEMS]!;
    problems.splice(MOST_PROBLEMS, Infinity, problemAt({ file, line, column }, 'further-problems', {}));
  }
  const hasError = problems.some(({ severity }) => severity === 'error');
  if (parsed.success && !hasError) return { source, problems, experiment: parsed.data, readable: parsed.data };
  const readable = readExperiment(value, source.faultAt);
  return { source, problems, readable };
}

type Parsed = ReturnType<typeof experimentSchema.safeParse>;

function objectionsTo(value: unknown, parsed: Parsed): Objection[] {
  const found: Objection[] = [];
  for (const issue of parsed.error?.issues ?? []) {
    // One more than are listed, so that it is said that there are more.
    const room = MOST_PROBLEMS + 1 - found.length;
    if (room <= 0) break;
    found.push(...describeIssue(issue, value, room));
  }
  return found;
}

/** What stands in the text, and what the schema makes of it. */
interface Reading {
  /** Keys and chosen values that are read as others. */
  misspelt: (Objection & { place: Span })[];
  value: unknown;
  parsed: Parsed;
  /** What the schema has against it, beside what is misspelt. */
  objected: Objection[];
}

/**
 * Reads keys as those that were probably meant, where these are missing, and values of which one may be chosen likewise, and says so: of a model whose
 * `source` is misspelt all else is looked at too.
 */
function readMisspelt(source: Source): Reading {
  const misspelt: Reading['misspelt'] = [];
  const isNew = (path: Path): boolean => !misspelt.some((one) => one.path.join('.') === path.join('.'));
  for (;;) {
    const value = source.value();
    const parsed = experimentSchema.safeParse(value);
    const objected = objectionsTo(value, parsed);
    const found = objected.find(
      ({ path, key, meant }) =>
        meant !== undefined &&
        source.has(path) &&
        !(key === true && source.has([...path.slice(0, -1), meant])) &&
        isNew(path),
    );
    if (found?.meant === undefined) return { misspelt, value, parsed, objected };
    const { path, key, meant } = found;
    misspelt.push({ ...found, place: key === true ? source.placeOfKey(path) : source.placeOf(path) });
    if (key === true) source.rename(path, meant);
    else source.readAs(path, meant);
  }
}

/** Whether an objection may be the doing of a fault in the text: a key that stands in another object than was meant, or is lost. */
function mayFollow({ path, complaint: { code } }: Objection, { faultAt }: Source): boolean {
  if (faultAt === undefined) return false;
  return code === 'key-missing' || code.startsWith('key-') || startsWith(path, faultAt);
}

function place(source: Source, { path, key, complaint, fixes, place: known }: Objection & { place?: Span }): Problem {
  const position = known ?? (key === true ? source.placeOfKey(path) : source.placeOf(path));
  return source.problem(position, complaint, 'error', fixes);
}
