/** @file Whether an engine's memory grows with the steps. Usage: growth.js ENGINE STEPS; fails where it does. */

import { openExecutor, type Engine } from '../src/engine/engines';
import type { Architecture } from '../src/model/architecture';
import { createArchitecture } from '../src/model/layouts/config';
import { initializeParameters } from '../src/model/parameters';
import type { Batch } from '../src/dataset/batches';
import { createTrainer, objectiveOf } from './ours';
import type { Setup } from './setup';

const VOCABULARY = 64;
const SIZE = { rows: 2, length: 8 };
const TOKENS = SIZE.rows * SIZE.length;
const REPORTS = 20;

/** In the last three quarters, of the process: an imitated GPU's memory is in it. One lost tensor a step would be more. */
const MOST_MEBIBYTES = 48;

/** As wide as possible at few operators, so that a tensor that is left behind in each step shows. */
const decoder = (hiddenSize: number): Architecture =>
  createArchitecture({
    family: 'gpt2',
    head: 'causal-lm',
    layers: 1,
    heads: 1,
    hiddenSize,
    vocabularySize: VOCABULARY,
    maxPositions: SIZE.length,
  });

function batch(): Batch {
  const inputIds = Int32Array.from({ length: TOKENS }, (_, i) => (i * 37) % VOCABULARY);
  return {
    ...SIZE,
    inputIds,
    typeIds: new Int32Array(TOKENS),
    attentionMask: new Float32Array(TOKENS).fill(1),
    labels: inputIds,
    indices: Int32Array.from({ length: SIZE.rows }, (_, row) => row),
    tokens: TOKENS,
  };
}

const mebibytes = (): number => Math.round(process.memoryUsage().rss / 2 ** 20);

async function main(engine: Engine, steps: number): Promise<void> {
  const [teacher, student] = [decoder(128), decoder(96)];
  const setup: Setup = {
    task: 'causal-lm',
    threads: 1,
    ...{ temperature: 2, alpha: 0.5, learningRate: 1e-4, weightDecay: 0.01, clipNorm: 1 },
  };
  const executor = await openExecutor(engine);
  const trainer = createTrainer(
    {
      setup,
      pairing: { student, teacher, objective: objectiveOf(setup) },
      teacher: initializeParameters(teacher, 1),
      student: initializeParameters(student, 2),
      batches: [batch()],
    },
    executor,
  );
  console.log(`${engine}, ${executor.device}`);
  const reports: number[] = [];
  for (let step = 1; step <= steps; step++) {
    await trainer.step();
    if (step % Math.ceil(steps / REPORTS) !== 0) continue;
    reports.push(mebibytes());
    console.log(`step ${step}: ${reports.at(-1)!} MiB`);
  }
  await trainer.release();
  const grown = reports.at(-1)! - reports[Math.floor(reports.length / 4)]!;
  console.log(`grown by ${grown} MiB in the last three quarters`);
  if (grown > MOST_MEBIBYTES) process.exitCode = 1;
}

const [engine, steps] = process.argv.slice(2);
void main(engine as Engine, Number(steps));
