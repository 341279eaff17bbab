/** @file The small training step by which devices are compared: a distillation of made-up models on made-up tokens. */

import { FrozenTeacher } from '../../distill/teacher/teacher';
import { Trainer } from '../../distill/training/trainer';
import type { Executor } from '../../engine/executor';
import type { Architecture } from '../../model/architecture';
import { createArchitecture } from '../../model/layouts/config';
import { initializeParameters } from '../../model/parameters';
import type { Batch } from '../../dataset/batches';

export interface Speed {
  /** The fastest of a few steps, in milliseconds. */
  stepMs: number;
  tokensPerSecond: number;
  /** Where the time is the processor's, since others kept it busy. */
  ofProcessor?: boolean;
}

/** Compilers and caches are warm after these. */
const WARM_UP_STEPS = 2;
const MOST_TIMED_STEPS = 5;
/** On a slow machine fewer steps do, in milliseconds. */
const LONG_ENOUGH = 3000;

/** GPT-2 style. */
export interface MadeUp {
  teacher: Sizes;
  student: Sizes;
  vocabularySize: number;
  rows: number;
  length: number;
}

type Sizes = Pick<Architecture, 'layers' | 'hiddenSize' | 'heads'>;

/** Large enough that a GPU's launches do not decide, small enough that a slow CPU needs a few seconds. */
const small: MadeUp = {
  teacher: { layers: 4, hiddenSize: 384, heads: 6 },
  student: { layers: 3, hiddenSize: 192, heads: 3 },
  vocabularySize: 2048,
  rows: 8,
  length: 128,
};

/** Any tokens do, for the work does not depend on them; a multiplier prime to V visits them all. */
function madeUpBatch({ rows, length, vocabularySize }: MadeUp): Batch {
  const inputIds = Int32Array.from({ length: rows * length }, (_, i) => (i * 1237) % vocabularySize);
  return {
    rows,
    length,
    inputIds,
    typeIds: new Int32Array(inputIds.length),
    attentionMask: new Float32Array(inputIds.length).fill(1),
    labels: inputIds,
    indices: Int32Array.from({ length: rows }, (_, row) => row),
    tokens: inputIds.length,
  };
}

/** A training of so many such steps. */
export function smallTraining(executor: Executor, steps: number, size = small): Trainer {
  const { length, vocabularySize } = size;
  const decoder = (sizes: Sizes): Architecture =>
    createArchitecture({ family: 'gpt2', head: 'causal-lm', ...sizes, vocabularySize, maxPositions: length });
  const [teacher, student] = [decoder(size.teacher), decoder(size.student)];
  const only = madeUpBatch(size);
  return new Trainer({
    executor,
    task: 'causal-lm',
    pairing: {
      student,
      teacher,
      objective: { divergence: 'forward-kl', beta: 0.5, scaleByTemperatureSquared: true, temperature: 2, alpha: 0.5 },
    },
    teacher: new FrozenTeacher(executor, teacher, initializeParameters(teacher, 1)),
    source: { steps, stepsPerEpoch: 1, batchesOf: () => [only] },
    options: {
      ...{ learningRate: 1e-4, schedule: 'linear', warmup: 0, weightDecay: 0.01, decayBiasAndNorm: false },
      ...{ clipNorm: 1, seed: 1 },
    },
    initial: initializeParameters(student, 2),
  });
}

/** @throws Error where an engine computes no number: however fast it is, it is not to be taken */
export async function takeStep(trainer: Trainer): Promise<void> {
  const { loss } = await trainer.step();
  if (!Number.isFinite(loss.total)) throw new Error('its loss is not a finite number');
}

/** Loads the step, warms it up, and times it. */
export async function measureSmallStep(executor: Executor): Promise<Speed> {
  const trainer = smallTraining(executor, WARM_UP_STEPS + MOST_TIMED_STEPS);
  const times: number[] = [];
  const timed = (): number[] => times.slice(WARM_UP_STEPS);
  while (timed().length < MOST_TIMED_STEPS && sum(timed()) < LONG_ENOUGH) {
    const started = performance.now();
    await takeStep(trainer);
    times.push(performance.now() - started);
  }
  // Whatever else the machine does only makes a step slower.
  const stepMs = Math.min(...timed());
  return { stepMs, tokensPerSecond: ((small.rows * small.length) / stepMs) * 1000 };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
