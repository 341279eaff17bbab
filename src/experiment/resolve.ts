/** @file From an experiment file to the experiment as run: defaults filled in, paths absolute, input files fingerprinted. */

import { basename, dirname, resolve } from 'node:path';
import { isOpaque, tagKindOf, type Architecture } from '../model/architecture';
import { settled } from '../model/block-pairs';
import { familyOf } from '../model/layouts/families';
import { controlNames } from '../protocol/controls';
import { complaint, InputError, type Problem } from '../protocol/problem';
import type { LabelKind } from '../protocol/records';
import type { DatasetFacts } from './checks/check-dataset';
import type { ModelFacts } from './checks/model-facts';
import { locateModel, type ModelOrigin } from './checks/locate-model';
import { expandedEnsemble } from './ensemble';
import { configFiles, fingerprint, modelFiles } from './input-files';
import { readExperimentFile, type ParsedExperiment } from './file/parse';
import { findRun } from '../run-directory/run-directory';
import type { Experiment, ResolvedExperiment } from './file/schema';
import type { Source } from './file/source';
import { checkExperiment } from './checks/validate';

export interface LoadedExperiment {
  experiment: ResolvedExperiment;
  warnings: Problem[];
  /** The text, for problems that are only found when it runs. */
  source: Source;
}

/** Reads, checks and resolves an experiment file. Throws an InputError with every problem where one is an error. */
export async function loadExperiment(file: string): Promise<LoadedExperiment> {
  return resolveExperiment(await readExperimentFile(file));
}

/** Throws an InputError with every problem where one is an error. */
export async function resolveExperiment(parsed: ParsedExperiment): Promise<LoadedExperiment> {
  const { problems, experiment, dataset, models } = await checkExperiment(parsed);
  if (experiment === undefined || dataset === undefined || models === undefined) {
    throw new InputError(problems as [Problem, ...Problem[]]);
  }
  const file = resolve(parsed.source.file);
  const warnings = [...problems, ...sweepWarning(parsed)];
  return { experiment: await fillIn(experiment, file, dataset, models), warnings, source: parsed.source };
}

/** A run of a file with a sweep is one of its base experiment. */
function sweepWarning({ source, experiment }: ParsedExperiment): Problem[] {
  if (!experiment?.sweep) return [];
  const what = complaint('sweep-left-aside', { file: source.file });
  return [source.problem(source.placeOfKey(['sweep']), what, 'warning')];
}

async function fillIn(
  { sweep, seeds: asked, ...experiment }: Experiment,
  file: string,
  dataset: DatasetFacts,
  models: ModelFacts,
): Promise<ResolvedExperiment> {
  const base = dirname(file);
  const seeds = seedsOf(asked, experiment.training.seed);
  const { train, validation, test, unlabelled } = dataset.files;
  const folders = [
    ...(models.members ?? []).flatMap(({ folder, model }) => (isOpaque(model) ? [] : [folder])),
    models.teacherFiles ? undefined : models.teacherFolder,
    models.tokenizerFolder,
    models.studentFolder,
  ];
  const inModels = await Promise.all(folders.filter((folder) => folder !== undefined).map(modelFiles));
  const exported = models.members?.flatMap(({ folder, model }) => (isOpaque(model) ? [folder] : []));
  const besideOnnx = models.teacherFiles ? (exported ?? [models.teacherFolder!]) : [];
  const ofOnnx = [...(models.teacherFiles ?? []), ...(await Promise.all(besideOnnx.map(configFiles))).flat()];
  const inputs = [
    train,
    Array.isArray(validation) ? validation : [],
    test ?? [],
    unlabelled ?? [],
    ofOnnx,
    ...inModels,
  ].flat();
  const resolver = new PathResolver(base);
  const kind = dataset.kind ?? kindOfTags(experiment, dataset, models);
  const resolved = {
    tokenizer: await resolver.withPath(experiment.tokenizer),
    teacher: await resolveTeacher(experiment.teacher, resolver, models),
    initialize: await resolveInitialize(models.presetStart ?? experiment.student.initialize, resolver, models),
  };
  return {
    ...experiment,
    file,
    name: experiment.name ?? basename(file).replace(/(\.distill)?\.jsonc?$/i, ''),
    dataset: {
      ...experiment.dataset,
      ...dataset.columns,
      train,
      validation,
      test,
      unlabelled,
      ...(kind !== undefined && { labels: kind }),
    },
    distillation: distillationOf(experiment.distillation, dataset, models),
    training: { ...experiment.training, seed: seeds[0]! },
    ...(seeds.length > 1 && { seeds }),
    controls: controlNames.filter((name) => experiment.controls.includes(name)),
    tokenizer: resolved.tokenizer,
    teacher: resolved.teacher,
    student: {
      // A check without errors has found the student.
      architecture: sizesOf(models.student!),
      initialize: resolved.initialize,
    },
    ...(resolver.origins.length > 0 && { models: resolver.origins }),
    inputs: await Promise.all([...new Set(inputs)].map(fingerprint)),
  };
}

/** What the tags of words are, which a teacher may have names for that the rows have not; undefined for another task. */
function kindOfTags(
  { task }: Pick<Experiment, 'task'>,
  dataset: DatasetFacts,
  { teacher }: ModelFacts,
): LabelKind | undefined {
  if (task !== 'token-classification') return undefined;
  return tagKindOf(teacher?.labels ?? dataset.labels);
}

/** As it is said of these models and labels. */
function distillationOf(
  distillation: Experiment['distillation'],
  { kind }: DatasetFacts,
  { teacher, student }: ModelFacts,
): Experiment['distillation'] {
  const isSeen = teacher !== undefined && !isOpaque(teacher) && student !== undefined;
  return {
    ...distillation,
    // Numbers have nothing else to be compared by.
    ...(kind === 'regression' && { divergence: 'mse-logits' as const }),
    // It writes to none of its lists.
    ...(isSeen && (settled(distillation, { teacher, student }) as Partial<Experiment['distillation']>)),
  };
}

/** Seeds are 32 bits wide: after the largest comes 0. */
function seedsOf(seeds: Experiment['seeds'], first: number): number[] {
  if (Array.isArray(seeds)) return seeds;
  return Array.from({ length: seeds ?? 1 }, (_, i) => (first + i) % 2 ** 32);
}

/** Makes paths absolute, and keeps which model each name or id stood for: the commit is a part of the path, so that a run stays with it. */
class PathResolver {
  readonly origins: ModelOrigin[] = [];

  constructor(readonly base: string) {}

  async withPath<T extends object>(value: T): Promise<T> {
    if (!('path' in value) || typeof value.path !== 'string') return value;
    const { path, origin } = await locateModel(value.path, this.base);
    if (origin && !this.origins.some(({ asked }) => asked === origin.asked)) this.origins.push(origin);
    return { ...value, path };
  }
}

async function resolveTeacher(
  teacher: Experiment['teacher'],
  resolver: PathResolver,
  models: ModelFacts,
): Promise<ResolvedExperiment['teacher']> {
  const runFolder = async (run: string): Promise<string> => (await findRun(run, resolver.base)).directory;
  if (teacher.source === 'run') return { ...teacher, run: await runFolder(teacher.run) };
  // A check without errors has made it.
  if (teacher.source === 'train') return { ...teacher, architecture: sizesOf(models.teacher as Architecture) };
  if (teacher.source !== 'ensemble') return resolver.withPath(teacher);
  const { teachers, ...rest } = expandedEnsemble(teacher);
  const resolved: typeof teachers = [];
  for (const member of teachers) {
    resolved.push(
      member.source === 'run' ? { ...member, run: await runFolder(member.run) } : await resolver.withPath(member),
    );
  }
  return { ...rest, teachers: resolved };
}

async function resolveInitialize(
  initialize: Experiment['student']['initialize'],
  resolver: PathResolver,
  models: ModelFacts,
): Promise<Experiment['student']['initialize']> {
  if (initialize.from === 'teacher') return { ...initialize, layers: models.initialLayers };
  return resolver.withPath(initialize);
}

/** The sizes that an experiment names, from a whole architecture. */
function sizesOf(architecture: Architecture): ResolvedExperiment['student']['architecture'] {
  const { hiddenSize, layers, heads, keyValueHeads, intermediateSize, maxPositions } = architecture;
  return { family: familyOf(architecture), hiddenSize, layers, heads, keyValueHeads, intermediateSize, maxPositions };
}
