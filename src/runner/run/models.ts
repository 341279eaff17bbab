/** @file From the experiment's sizes to architectures and first weights. */

import path from 'node:path';
import { buildArchitecture } from '../../experiment/architecture';
import { readArchitecture } from '../../experiment/checks/model-folder';
import type { Architecture } from '../../model/architecture';
import { loadCheckpoint } from '../../model/checkpoint';
import {
  initializeFromLayers,
  initializeParameters,
  withSettingsOf,
  type Model,
  type Parameters,
} from '../../model/parameters';
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
): Architecture {
  return buildArchitecture(spec, {
    task,
    vocabularySize: tokenizer.vocabularySize,
    maxLength: dataset.maxLength,
    dropout: training.dropout,
    labels,
    special: tokenizer.special,
  });
}

/**
 * The student's: of the experiment's sizes, with what the model that it starts from has beside them.
 * @param teacher the teacher's, or that of the first of several
 */
export async function studentArchitecture(
  experiment: ResolvedExperiment,
  data: Pick<RunData, 'tokenizer' | 'labels'>,
  teacher: Architecture,
): Promise<Architecture> {
  const { architecture, initialize } = experiment.student;
  const own = architectureOf(architecture, experiment.training, experiment, data);
  if (initialize.from === 'random') return own;
  if (initialize.from === 'teacher') return withSettingsOf(teacher, own, initialize.layers ?? []);
  const started = await readArchitecture(initialize.path);
  return withSettingsOf(
    started,
    own,
    Array.from({ length: started.layers }, (_, layer) => layer),
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
