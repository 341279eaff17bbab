/** @file From the experiment's sizes to architectures and first weights. */

import path from 'node:path';
import { buildArchitecture } from '../../experiment/architecture';
import { readArchitecture } from '../../experiment/checks/model-folder';
import type { Architecture } from '../../model/architecture';
import { loadCheckpoint } from '../../model/checkpoint';
import { initializeFromLayers, initializeParameters, type Model, type Parameters } from '../../model/parameters';
import type { ArchitectureSpec, ResolvedExperiment, TrainingSpec } from '../../experiment/file/schema';
import { projectionShapes } from '../../distill/specs';
import type { Pairing } from '../../distill/pairing';
import { randomStream } from '../../engine/random';
import type { RunData } from './data';

/** The architecture that the experiment's sizes and the data's vocabulary and classes make. */
export function architectureOf(
  spec: ArchitectureSpec,
  training: TrainingSpec,
  { task, dataset }: ResolvedExperiment,
  { tokenizer, labels }: Pick<RunData, 'tokenizer' | 'labels'>,
  like?: Architecture,
): Architecture {
  return buildArchitecture(spec, {
    task,
    vocabularySize: tokenizer.vocabularySize,
    maxLength: dataset.maxLength,
    dropout: training.dropout,
    labels,
    special: tokenizer.special,
    like,
  });
}

/** The student's, which is in what no size says as the model whose weights it starts from. */
export async function studentArchitecture(
  experiment: ResolvedExperiment,
  data: Pick<RunData, 'tokenizer' | 'labels'>,
  teacher: Architecture,
): Promise<Architecture> {
  const { student, training } = experiment;
  const { initialize } = student;
  if (initialize.from === 'checkpoint') {
    const like = await readArchitecture(initialize.path);
    const own = architectureOf(student.architecture, training, experiment, data, like);
    return { ...own, vocabularySize: like.vocabularySize };
  }
  return architectureOf(
    student.architecture,
    training,
    experiment,
    data,
    initialize.from === 'teacher' ? teacher : undefined,
  );
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

/** A model from its Hugging Face folder. */
export async function loadModel(folder: string): Promise<Model> {
  const { architecture, parameters } = await loadCheckpoint(path.resolve(folder));
  return { architecture, parameters };
}
