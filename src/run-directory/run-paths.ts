/** @file Where things are in a run directory. product.md has the layout. */

import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** What the training of one model writes: the run's student, a control's, or a teacher that is trained here. */
export interface TrainingPaths {
  directory: string;
  /** `metrics.jsonl`: one line an optimizer step. */
  metrics: string;
  /** `evaluations.jsonl`. */
  evaluations: string;
  /** Logits of the pinned examples at each evaluation. */
  probes: string;
  /** Weights, optimizer state and position to resume from; read and written through atomic-directory.ts. */
  lastCheckpoint: string;
  /** The one before, for where the last is damaged. */
  previousCheckpoint: string;
  /** The checkpoint that did best on validation. */
  bestCheckpoint: string;
  /** The exported model, a Hugging Face folder. */
  model: string;
}

/** What a seed's student writes: the first seed's lies in the run directory itself, as a run with one seed has it. */
export interface SeedPaths extends TrainingPaths {
  /** `predictions.jsonl`: a PredictionRecord for each row of the final comparison; of a further seed with its student and controls alone. */
  predictions: string;
}

export interface RunPaths extends SeedPaths {
  /** The folder's name, by which the command line and the views know the run. */
  id: string;
  /** `experiment.json`: a ResolvedExperiment. */
  experiment: string;
  /** `run.json`: a RunRecord. */
  record: string;
  log: string;
  report: string;
  /** The teacher's tokenizer, where it is not the student's, which is `tokenizer` beside it. */
  teachersTokenizer: string;
  /** `pruning.json`: which units of its teacher a narrower student has kept. */
  pruning: string;
  /** Training of a teacher with source "train"; its `model` is the frozen teacher. */
  teacher: TrainingPaths;
}

function trainingPaths(directory: string, model: string): TrainingPaths {
  return {
    directory,
    metrics: join(directory, 'metrics.jsonl'),
    evaluations: join(directory, 'evaluations.jsonl'),
    probes: join(directory, 'probes'),
    lastCheckpoint: join(directory, 'checkpoints', 'last'),
    previousCheckpoint: join(directory, 'checkpoints', 'previous'),
    bestCheckpoint: join(directory, 'checkpoints', 'best'),
    model: join(directory, model),
  };
}

export function runPaths(directory: string): RunPaths {
  return {
    ...trainingPaths(directory, 'student'),
    id: basename(directory),
    experiment: join(directory, 'experiment.json'),
    record: join(directory, 'run.json'),
    predictions: join(directory, 'predictions.jsonl'),
    log: join(directory, 'log.txt'),
    report: join(directory, 'report.md'),
    teachersTokenizer: join(directory, 'teacher-tokenizer'),
    pruning: join(directory, 'pruning.json'),
    teacher: trainingPaths(join(directory, 'teacher'), 'model'),
  };
}

/** In a run's folder while it takes what another run of its sweep has finished. */
export const COPYING = 'copying';

/** The folder whose `.distillery/runs` has the run. */
export function workspaceOf({ directory }: Pick<RunPaths, 'directory'>): string {
  return resolve(directory, '..', '..', '..');
}

/** Paths of a member of an ensemble that is trained by the run, counted from 0. */
export function memberPaths(run: Pick<RunPaths, 'directory'>, index: number): TrainingPaths {
  return trainingPaths(join(run.directory, 'teacher', String(index + 1)), 'model');
}

/** Paths of a further seed's student, in the layout of a run. */
export function seedPaths(run: RunPaths, seed: number): SeedPaths {
  const directory = join(run.directory, 'seeds', String(seed));
  return { ...trainingPaths(directory, 'student'), predictions: join(directory, 'predictions.jsonl') };
}

/** Where student and controls of each seed lie: those of the first where a run without seeds has them. */
export function seedFolders(run: RunPaths, seeds: readonly number[] = []): SeedPaths[] {
  return [run, ...seeds.slice(1).map((seed) => seedPaths(run, seed))];
}

/** Paths of a control of a run or of one of its further seeds; it has the layout of a run. */
export function controlPaths(run: Pick<TrainingPaths, 'directory'>, control: string): TrainingPaths {
  return trainingPaths(join(run.directory, 'controls', control), 'student');
}

/**
 * The `.distillery/runs` that belongs to a file or folder: beside it, or in the nearest parent that has a `.distillery`.
 * It need not exist yet.
 */
export function runsDirectory(fileOrFolder: string, isFolder = false): string {
  const start = isFolder ? resolve(fileOrFolder) : dirname(resolve(fileOrFolder));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.distillery'))) return join(folder, '.distillery', 'runs');
    if (folder === dirname(folder)) return join(start, '.distillery', 'runs');
  }
}
