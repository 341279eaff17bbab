/** @file From the experiment's sizes to architectures and first weights. */

import path from 'node:path';
import { buildArchitecture, comparedWith, dropoutEverywhere, headOfTask, idsOf } from '../../experiment/architecture';
import { readArchitecture } from '../../experiment/checks/model-folder';
import { isOpaque, problemTypeOf, type Architecture, type TeacherModel } from '../../model/architecture';
import { cutVocabulary } from '../../model/cut-vocabulary';
import type { Executor } from '../../engine/executor';
import { loadCheckpoint, loadFrozen, loadStart } from '../../model/files/checkpoint';
import {
  initializeFromLayers,
  initializeParameters,
  withSettingsOf,
  type FrozenModel,
  type Parameters,
} from '../../model/parameters';
import type { KeptUnits } from '../../model/pruning';
import type { ArchitectureSpec } from '../../experiment/file/blocks/architecture';
import type { TrainedSpec } from '../../experiment/file/blocks/teacher';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { parameterCount } from '../../model/layouts/config';
import { projectionShapes } from '../../distill/specs';
import { productWeights } from '../../distill/teacher/product-weights';
import type { Pairing } from '../../distill/pairing';
import { randomStream } from '../../engine/random';
import type { RunData } from './data';

/** The architecture that the experiment's sizes and the data's vocabulary and classes make. */
function architectureOf(
  spec: ArchitectureSpec,
  training: TrainingSpec,
  { task, dataset }: ResolvedExperiment,
  { tokenizer, labels }: Pick<RunData, 'tokenizer' | 'labels'>,
  teacher?: TeacherModel,
): Architecture {
  return buildArchitecture(spec, {
    task,
    vocabularySize: tokenizer.vocabularySize,
    maxLength: dataset.maxLength,
    dropout: training.dropout,
    labels,
    problemType: problemTypeOf[dataset.labels ?? 'single'],
    special: tokenizer.special,
    teacher,
  });
}

/**
 * The student's: of the experiment's sizes, with what the model that it starts from has beside them.
 * @param teacher the teacher's, or that of the first of several
 */
export async function studentArchitecture(
  experiment: ResolvedExperiment,
  data: Pick<RunData, 'tokenizer' | 'labels'>,
  teacher: TeacherModel,
): Promise<Architecture> {
  const { architecture, initialize } = experiment.student;
  if (initialize.from === 'checkpoint') {
    return comparedWith(await startedArchitecture(initialize.path, experiment.training, experiment, data), teacher);
  }
  const own = architectureOf(architecture, experiment.training, experiment, data, teacher);
  if (initialize.from !== 'teacher' || isOpaque(teacher)) return own;
  return withSettingsOf(teacher, own, initialize.layers ?? []);
}

/** Of a model that starts from a folder's: as there, but for its head, dropout and the special tokens that it names none of. */
async function startedArchitecture(
  folder: string,
  { dropout }: TrainingSpec,
  { task, dataset }: ResolvedExperiment,
  { tokenizer, labels }: Pick<RunData, 'tokenizer' | 'labels'>,
): Promise<Architecture> {
  const problemType = problemTypeOf[dataset.labels ?? 'single'];
  const found = await readArchitecture(path.resolve(folder), { head: headOfTask[task], labels, problemType });
  return { ...idsOf(found.family, tokenizer.special), ...found, ...dropoutEverywhere(found.family, dropout) };
}

/** The architecture of a teacher that the run trains. */
export async function trainedArchitecture(
  spec: TrainedSpec,
  experiment: ResolvedExperiment,
  data: Pick<RunData, 'tokenizer' | 'labels'>,
): Promise<Architecture> {
  return spec.source === 'train'
    ? architectureOf(spec.architecture, spec.training, experiment, data)
    : startedArchitecture(spec.path, spec.training, experiment, data);
}

/** Its first weights; `note` is told which of a checkpoint's are new. */
export async function initialTeacher(
  spec: TrainedSpec,
  architecture: Architecture,
  note: (line: string) => Promise<void>,
): Promise<Parameters> {
  const { seed } = spec.training;
  if (spec.source === 'train') return initializeParameters(architecture, seed);
  const { parameters, fresh } = await loadStart(path.resolve(spec.path), architecture, seed);
  if (fresh.length > 0) await note(`new, because ${spec.path} has none that fit: ${fresh.join(', ')}`);
  return parameters;
}

/**
 * The weights that the student, and its control alike, starts from.
 * @param teacher undefined where it has none that could be seen
 * @param kept of a teacher that is wider than the student
 */
export async function initialStudent(
  experiment: ResolvedExperiment,
  architecture: Architecture,
  teacher: FrozenModel | undefined,
  kept: KeptUnits | undefined,
): Promise<Parameters> {
  const { initialize } = experiment.student;
  const { seed } = experiment.training;
  if (initialize.from === 'random') return initializeParameters(architecture, seed);
  if (initialize.from === 'teacher') {
    if (!teacher) throw new Error('a student cannot start from blocks that nobody sees');
    const { layers = [] } = initialize;
    return initializeFromLayers(architecture, teacher.architecture, teacher.parameters, layers, seed, kept);
  }
  return (await loadStart(initialize.path, architecture, seed)).parameters;
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

/** Of a teacher's weights: where they are more, models are timed without a copy of their weights, and half of those is worth rounding them. */
export const MOST_COPIED_BYTES = 256 * 2 ** 20;

const roundedWeights = (architecture: Architecture): ReadonlySet<string> =>
  4 * parameterCount(architecture) > MOST_COPIED_BYTES ? productWeights(architecture) : new Set();

/**
 * A model that is asked, from its Hugging Face folder or GGUF file. Where the engine computes with them so, weights stored as bfloat16 stay bfloat16.
 * @param kept the tokens that are left of its vocabulary, where that is cut
 * @param rounds whether nobody looks at the weights themselves: then those that are in products alone, which the engine would round in each run, are
 * bfloat16 whatever they are stored as, if the model is large
 */
export async function loadModel(
  executor: Pick<Executor, 'placeBfloat16'>,
  folder: string,
  kept?: Int32Array,
  rounds = false,
): Promise<FrozenModel> {
  const checkpoint = path.resolve(folder);
  const { architecture, parameters } = await (executor.placeBfloat16
    ? loadFrozen(checkpoint, rounds ? roundedWeights : undefined)
    : loadCheckpoint(checkpoint));
  const model = { architecture, parameters };
  return kept ? cutVocabulary(model, kept) : model;
}
