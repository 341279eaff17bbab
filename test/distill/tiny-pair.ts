/** @file A teacher, a student and a few examples for tests: small enough for milliseconds, padded and of unequal lengths. */

import { epochBatches, type EpochOptions } from '../../src/distill/training/epochs';
import { projectionShapes } from '../../src/distill/specs';
import { onPolicyOf, type DistilledPair, type Objective } from '../../src/distill/pairing';
import { FrozenTeacher, type TargetSource } from '../../src/distill/teacher/teacher';
import { ownTextLengths, OwnTextsWriter } from '../../src/distill/training/on-policy';
import { Recordings } from '../../src/distill/training/recordings';
import { Trainer, type TrainingOptions } from '../../src/distill/training/trainer';
import type { Executor } from '../../src/engine/executor';
import type { Architecture } from '../../src/model/architecture';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters, type FrozenParameters, type Parameters } from '../../src/model/parameters';
import type { Task } from '../../src/protocol/records';
import { notCounted, type Example } from '../../src/dataset/examples';
import { randomStream } from '../../src/engine/random';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';

const VOCABULARY = 40;
export const MAX_LENGTH = 24;
export const END_OF_TEXT = 1;

export interface TinyPair {
  task: Task;
  pairing: DistilledPair<Architecture>;
  teacher: Parameters;
  student: Parameters;
  examples: Example[];
}

export function tinyPair(task: 'causal-lm' | 'text-classification', objective: Partial<Objective> = {}): TinyPair {
  const causal = task === 'causal-lm';
  const model = (hiddenSize: number, layers: number): Architecture =>
    createArchitecture({
      family: causal ? 'gpt2' : 'bert',
      head: causal ? 'causal-lm' : 'sequence-classification',
      hiddenSize,
      layers,
      heads: 2,
      vocabularySize: VOCABULARY,
      maxPositions: MAX_LENGTH,
      initializerRange: 0.3,
      ...(!causal && { labels: ['ham', 'spam', 'eggs'], problemType: 'single-label' as const, padId: 0 }),
    });
  const [teacher, student] = [model(16, 3), model(8, 2)];
  const complete: Objective = {
    divergence: 'forward-kl',
    beta: 0.5,
    scaleByTemperatureSquared: true,
    temperature: 4,
    alpha: 0.5,
    ...objective,
  };
  const pairing: DistilledPair<Architecture> = { student, teacher, objective: complete };
  const projections = Object.entries(projectionShapes(pairing)).map(([name, [rows, columns]]) => [
    name,
    Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)),
  ]);
  return {
    task,
    pairing,
    teacher: initializeParameters(teacher, 1),
    student: { ...initializeParameters(student, 2), ...Object.fromEntries(projections) } as Parameters,
    examples: tinyExamples(causal),
  };
}

/** Thirteen examples of 3 to 24 tokens; of a causal one the first tokens are a prompt, which does not count. */
function tinyExamples(causal: boolean): Example[] {
  const random = randomStream(7);
  return Array.from({ length: 13 }, (_, index) => {
    const length = 3 + Math.floor(random() * (MAX_LENGTH - 2));
    const inputIds = Int32Array.from({ length }, () => 1 + Math.floor(random() * (VOCABULARY - 1)));
    const labels = causal ? inputIds.map((id, i) => (i < index % 3 ? notCounted : id)) : index % 3;
    return { inputIds, typeIds: new Int32Array(length), labels } as Example;
  });
}

export const tinyOptions: TrainingOptions = {
  learningRate: 1e-2,
  schedule: 'linear',
  warmup: 2,
  weightDecay: 0.01,
  decayBiasAndNorm: false,
  clipNorm: 1,
  seed: 1,
};

/** Of a pairing what its trainings have recorded: the same for each of them, and half of what a training of a few steps takes. */
const recorded = new Map<string, Recordings>();

/** So many pairings. */
const MOST_RECORDED = 8;

function recordingsOf({ pairing }: Pick<TinyPair, 'pairing'>, executor: Executor): Recordings {
  const inHostMemory = executor.workingMemory !== undefined;
  const key = JSON.stringify([pairing, inHostMemory]);
  const found = recorded.get(key) ?? new Recordings(pairing, inHostMemory);
  recorded.delete(key);
  recorded.set(key, found);
  for (const oldest of recorded.keys()) if (recorded.size > MOST_RECORDED) recorded.delete(oldest);
  return found;
}

export function tinyTrainer(
  executor: Executor,
  pair: Omit<TinyPair, 'teacher'> & { teacher: FrozenParameters },
  options: Partial<TrainingOptions> = {},
  targets?: TargetSource,
  batches: Partial<EpochOptions> = {},
): Trainer {
  const { task, pairing, examples } = pair;
  const teacher = new FrozenTeacher(executor, pairing.teacher, pair.teacher);
  const onPolicy = onPolicyOf(pairing.objective);
  return new Trainer({
    executor,
    task,
    pairing,
    recordings: recordingsOf(pair, executor),
    teacher,
    targets,
    onPolicy: onPolicy && {
      writer: new OwnTextsWriter({
        executor,
        student: pairing.student,
        onPolicy,
        seed: options.seed ?? tinyOptions.seed,
        endOfText: END_OF_TEXT,
        padId: 0,
        maxLength: MAX_LENGTH,
        lengths: ownTextLengths(examples, MAX_LENGTH, onPolicy),
      }),
      targets: teacher.targets(),
    },
    source: epochBatches(examples, {
      task,
      tokenizer: { padId: 0, special: {}, vocabularySize: VOCABULARY } as unknown as Tokenizer,
      batchSize: 4,
      maxLength: MAX_LENGTH,
      epochs: 3,
      gradientAccumulation: 1,
      groupByLength: true,
      seed: 3,
      ...batches,
    }),
    options: { ...tinyOptions, ...options },
    initial: pair.student,
  });
}
