/**
 * @file A process of its own for `precisions.test.ts`, since the library looks at its switches once: steps and evaluations of a tiny
 * distillation in float32 and bfloat16, cold and warm, in both orders. Writes a `PrecisionResult` as JSON to standard output.
 */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Evaluator } from '../../src/distill/evaluation/evaluator';
import type { Objective, Pairing } from '../../src/distill/pairing';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import { Trainer } from '../../src/distill/training/trainer';
import { EngineUnavailable, type Executor } from '../../src/engine/executor';
import { collectGarbage } from '../../src/engine/freed-memory';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import type { Batch } from '../../src/dataset/batches';
import type { Architecture } from '../../src/model/architecture';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { Precision } from '../../src/protocol/engines';

/** Numbers by name: metrics of the student before and after two steps, the losses and gradient norms of these. */
export type Numbers = Record<string, number>;

export interface PrecisionResult {
  plain: Numbers;
  /** By the order in which the precisions came; bfloat16 is absent where the processor has it not. */
  orders: Record<string, { start: string; numbers: Numbers; files: number; notes: string[] }[]>;
  refused?: string;
}

const [ROWS, LENGTH, VOCABULARY] = [8, 48, 512] as const;

const model = (hiddenSize: number, layers: number, heads: number): Architecture =>
  createArchitecture({
    family: 'bert',
    head: 'sequence-classification',
    labels: ['ham', 'spam'],
    layers,
    hiddenSize,
    heads,
    vocabularySize: VOCABULARY,
    maxPositions: LENGTH,
    initializerRange: 0.1,
  });

const [teacher, student] = [model(48, 2, 4), model(24, 1, 2)];
const objective: Objective = {
  divergence: 'forward-kl',
  beta: 0.5,
  scaleByTemperatureSquared: true,
  temperature: 2,
  alpha: 0.5,
};
const pairing: Pairing = { student, teacher, objective };

/** Rows of 48, 43, 38 … tokens, padded. */
const isReal = Array.from({ length: ROWS * LENGTH }, (_, i) => i % LENGTH < LENGTH - 5 * Math.floor(i / LENGTH));
const batch: Batch = {
  rows: ROWS,
  length: LENGTH,
  inputIds: Int32Array.from(isReal, (real, i) => (real ? 1 + ((i * 37) % (VOCABULARY - 1)) : 0)),
  typeIds: new Int32Array(ROWS * LENGTH),
  attentionMask: Float32Array.from(isReal, Number),
  labels: Int32Array.from({ length: ROWS }, (_, row) => row % 2),
  indices: Int32Array.from({ length: ROWS }, (_, row) => row),
  tokens: isReal.filter(Boolean).length,
};

async function distil(executor: Executor): Promise<Numbers> {
  const frozen = new FrozenTeacher(executor, teacher, initializeParameters(teacher, 1));
  const trainer = new Trainer({
    executor,
    task: 'text-classification',
    pairing,
    teacher: frozen,
    source: { steps: 2, stepsPerEpoch: 2, batchesOf: () => [batch] },
    options: {
      learningRate: 1e-3,
      schedule: 'constant',
      warmup: 0,
      weightDecay: 0.01,
      decayBiasAndNorm: false,
      clipNorm: 1,
      seed: 1,
    },
    initial: initializeParameters(student, 2),
  });
  const evaluator = new Evaluator({
    executor,
    task: 'text-classification',
    model: student,
    teacher: frozen,
    batches: [batch],
  });
  const numbers: Numbers = {};
  const add = (where: string, values: object): void => {
    for (const [name, value] of Object.entries(values)) numbers[`${where} ${name}`] = value as number;
  };
  const evaluate = async (where: string): Promise<void> => {
    // Choices of a model that knows nothing yet hang on the last digit.
    const { loss, teacherKl } = await evaluator.evaluate(trainer.trained);
    add(where, { loss, teacherKl });
  };
  await evaluate('before');
  for (const step of [1, 2]) {
    const { loss, gradientNorm } = await trainer.step();
    add(`step ${step}`, { ...loss, gradientNorm });
    collectGarbage(); // What a kept graph still needs must be held.
  }
  await evaluate('after');
  await trainer.release();
  await evaluator.release();
  frozen.release();
  return numbers;
}

async function main(): Promise<void> {
  const result: PrecisionResult = { plain: await distil(await createCpuExecutor({ threads: 1 })), orders: {} };
  for (const order of [
    ['float32', 'bfloat16'],
    ['bfloat16', 'float32'],
  ] as Precision[][]) {
    const folder = mkdtempSync(join(tmpdir(), 'distillery-graphs-'));
    const starts: PrecisionResult['orders'][string] = (result.orders[order.join(', ')] = []);
    const isFirst = Object.keys(result.orders).length === 1;
    for (const cache of isFirst ? ['cold', 'warm'] : ['cold']) {
      for (const precision of order) {
        let executor: Executor;
        try {
          executor = createOpenVinoExecutor({ precision, cache: folder });
        } catch (error) {
          if (!(error instanceof EngineUnavailable)) throw error;
          result.refused = error.message;
          continue;
        }
        const notes: string[] = [];
        executor.onNote = (line) => notes.push(line);
        const numbers = await distil(executor);
        starts.push({ start: `${precision}, ${cache}`, numbers, files: readdirSync(folder).length, notes });
      }
    }
    rmSync(folder, { recursive: true });
  }
  process.stdout.write(JSON.stringify(result));
}

void main();
