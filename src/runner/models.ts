/** @file From the experiment's sizes to architectures and first weights. */

import path from 'node:path';
import { createArchitecture, type Architecture, type Head } from '../model/architecture';
import { loadCheckpoint } from '../model/checkpoint';
import { initializeFromLayers, initializeParameters, type Parameters } from '../model/parameters';
import { runPaths } from '../experiment/run-paths';
import type { ArchitectureSpec, ResolvedExperiment, TeacherSpec, TrainingSpec } from '../experiment/schema';
import { InputError } from '../protocol/problem';
import type { Task } from '../protocol/records';
import { projectionShapes, type Pairing } from '../distill/programs';
import { randomStream } from '../text/random';
import type { RunData } from './data';

/** An architecture and weights for it. */
export interface Model {
  architecture: Architecture;
  parameters: Parameters;
}

const heads: Record<Task, Head> = {
  'text-classification': 'sequence-classification',
  'causal-lm': 'causal-lm',
  'masked-lm': 'masked-lm',
};

export function architectureOf(
  spec: ArchitectureSpec,
  training: TrainingSpec,
  experiment: ResolvedExperiment,
  { tokenizer, labels }: Pick<RunData, 'tokenizer' | 'labels'>,
): Architecture {
  const { classification, separator, beginOfText, endOfText } = tokenizer.special;
  const bosId = beginOfText ?? classification;
  const eosId = endOfText ?? separator;
  const { dropout } = training;
  return createArchitecture({
    family: spec.family,
    head: heads[experiment.task],
    hiddenSize: spec.hiddenSize,
    layers: spec.layers,
    heads: spec.heads,
    ...(spec.intermediateSize !== undefined && { intermediateSize: spec.intermediateSize }),
    vocabularySize: tokenizer.vocabularySize,
    maxPositions: spec.maxPositions ?? experiment.dataset.maxLength,
    dropout,
    attentionDropout: dropout,
    embeddingDropout: dropout,
    classifierDropout: dropout,
    ...(labels && { labels, problemType: 'single-label' as const }),
    padId: tokenizer.padId,
    ...(bosId !== undefined && { bosId }),
    ...(eosId !== undefined && { eosId }),
  });
}

/** The folder of a teacher that exists before the run, or undefined where the run trains it. */
export function teacherFolder(teacher: TeacherSpec): string | undefined {
  if (teacher.source === 'checkpoint') return teacher.path;
  if (teacher.source === 'train') return undefined;
  const paths = runPaths(teacher.run);
  return teacher.role === 'student' ? paths.model : paths.teacher.model;
}

/** Checks what only the loaded teacher can tell: its head, its vocabulary. */
export function checkTeacher(teacher: Architecture, experiment: ResolvedExperiment, vocabularySize: number): void {
  const wanted = heads[experiment.task];
  if (teacher.head !== wanted) {
    throw InputError.at(
      experiment.file,
      `The teacher has a ${teacher.head} head, and ${experiment.task} needs ${wanted}.`,
      'Choose another teacher or another task.',
    );
  }
  if (teacher.vocabularySize < vocabularySize) {
    throw InputError.at(
      experiment.file,
      `The tokenizer has ${vocabularySize} tokens, the teacher's vocabulary only ${teacher.vocabularySize}.`,
      'Use the tokenizer that the teacher was trained with.',
    );
  }
}

/** The weights that the student, and its control alike, starts from. */
export async function initialStudent(
  experiment: ResolvedExperiment,
  architecture: Architecture,
  teacher: Model,
): Promise<Parameters> {
  const { initialize } = experiment.student;
  const { seed } = experiment.training;
  if (initialize.from === 'random') return initializeParameters(architecture, seed);
  if (initialize.from === 'teacher') {
    return initializeFromLayers(architecture, teacher.architecture, teacher.parameters, initialize.layers ?? [], seed);
  }
  const { parameters } = await loadCheckpoint(initialize.path);
  return parameters;
}

/** First values of the projections: uniform in ±1/√width, as PyTorch's Linear. */
export function initialProjections(pairing: Pairing, seed: number): Parameters {
  return Object.fromEntries(
    Object.entries(projectionShapes(pairing)).map(([name, [rows, columns]], pair) => {
      const random = randomStream(seed, PROJECTION_STREAM, pair);
      const bound = 1 / Math.sqrt(columns);
      return [name, Float32Array.from({ length: rows * columns }, () => (2 * random() - 1) * bound)];
    }),
  );
}

/** Keeps the projections' random numbers apart from all others of the seed. */
const PROJECTION_STREAM = 0x9a0c;

/** Adds the folder to the message of whatever keeps a model from loading. */
export async function loadModel(folder: string): Promise<Model> {
  const { architecture, parameters } = await loadCheckpoint(path.resolve(folder));
  return { architecture, parameters };
}
