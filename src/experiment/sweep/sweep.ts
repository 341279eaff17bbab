/** @file A sweep: every combination of the values that an experiment file names, each an experiment of its own. */

import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { InputError, type Problem } from '../../protocol/problem';
import type { StudyKind, SweepMember } from '../../protocol/records';
import { checkSweep, combinations } from './check-sweep';
import { Findings } from '../checks/findings';
import { validateExperiment } from '../checks/validate';
import { parseSource, readExperimentFile, type ParsedExperiment } from '../file/parse';
import { resolveExperiment } from '../resolve';
import type { ResolvedExperiment } from '../file/schema';
import type { Source } from '../file/source';
import { choicesText } from './sweep-name';
import { VariedSource } from './varied-source';

export type SweepExperiment = ResolvedExperiment & { sweepMember: SweepMember };

export interface SweepPlan {
  id: string;
  name: string;
  /** Dotted paths, in the order of the file. */
  settings: string[];
  /** One for each combination; the last setting changes fastest. */
  experiments: SweepExperiment[];
  warnings: Problem[];
  /** The file's text. */
  source: Source;
}

/**
 * Reads an experiment file and resolves every combination of its sweep, before any of them is run. Throws an InputError with
 * the problems of all of them, those of a swept value at that value.
 */
export async function loadSweep(file: string): Promise<SweepPlan> {
  return planSweep(await readExperimentFile(file));
}

/** Throws as `loadSweep`. @param study the question that the sweep was made for */
export async function planSweep(parsed: ParsedExperiment, study?: StudyKind): Promise<SweepPlan> {
  const sweep = await sweepOf(parsed);
  const settings = Object.keys(sweep);
  const problems = new Map<string, Problem>();
  const experiments: SweepExperiment[] = [];
  const base = { name: '', id: '' };
  const all = combinations(sweep);
  for (const [index, choices] of all.entries()) {
    try {
      const { experiment, warnings } = await resolveExperiment(parseSource(new VariedSource(parsed.source, choices)));
      const values = Object.fromEntries(settings.map((setting) => [setting, sweep[setting]![choices[setting]!]]));
      base.name ||= experiment.name;
      base.id ||= sweepId(parsed, settings, experiment, study);
      for (const problem of warnings) problems.set(JSON.stringify(problem), problem);
      const name = `${experiment.name} · ${choicesText(values)}`;
      const numbered = { number: index + 1, of: all.length };
      experiments.push({
        ...experiment,
        name,
        sweepMember: { id: base.id, study, values, ...numbered },
      });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      for (const problem of error.problems) problems.set(JSON.stringify(problem), problem);
    }
  }
  const found = [...problems.values()];
  if (found.some(({ severity }) => severity === 'error')) throw new InputError(found as [Problem, ...Problem[]]);
  return { ...base, settings, experiments, warnings: found, source: parsed.source };
}

/** The sweep as written. Throws an InputError where there is none, or one that cannot be. */
async function sweepOf(parsed: ParsedExperiment): Promise<Record<string, unknown[]>> {
  const { source, experiment } = parsed;
  if (!experiment) throw new InputError((await validateExperiment(parsed)) as [Problem, ...Problem[]]);
  const { sweep } = experiment;
  if (!sweep || Object.keys(sweep).length === 0) {
    throw InputError.at(source.file, 'sweep-missing', { file: source.file });
  }
  const findings = new Findings(source, dirname(resolve(source.file)));
  checkSweep(parsed, findings);
  if (findings.hasErrors) throw new InputError(findings.problems as [Problem, ...Problem[]]);
  return sweep;
}

/** The same as long as everything but the lists of values is: those may grow. */
function sweepId(
  { source }: ParsedExperiment,
  settings: readonly string[],
  { inputs }: ResolvedExperiment,
  study: StudyKind | undefined,
): string {
  const { sweep, name, ...written } = source.value() as Record<string, unknown>;
  const identity = { written, settings, study, inputs: inputs.map(({ path, sha256 }) => [path, sha256]) };
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);
}

/** Whether two members stand for the same combination. */
export function isSameMember(a: SweepMember, b: SweepMember): boolean {
  const text = ({ values }: SweepMember): string =>
    JSON.stringify(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
  return a.id === b.id && text(a) === text(b);
}
