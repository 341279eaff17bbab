/** @file `npm run bench -- curves`: how the step's time grows with the tokens of a batch and with the parameters of the models; writes bench/CURVES.md and its chart. */

import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { FrozenTeacher } from '../src/distill/teacher';
import { Trainer } from '../src/distill/trainer';
import { createCpuExecutor } from '../src/engine/onnxruntime';
import { createArchitecture, parameterCount, type Architecture } from '../src/model/architecture';
import { initializeParameters } from '../src/model/parameters';
import type { Batch } from '../src/text/batches';
import { chart, type Series } from './curve-chart';
import { median } from './statistics';

const VOCABULARY = 2048;
const LENGTH = 128;
const WARM_UP = 2;
const STEPS = 5;

const ROWS = [1, 2, 4, 8, 16];
/** Widths of the student; its teacher is twice as wide and deep. */
const WIDTHS = [64, 128, 192, 256, 320];

interface Point {
  /** Tokens of the batch, or parameters of teacher and student together. */
  size: number;
  /** Median of the steps. */
  milliseconds: number;
}

function decoder(hiddenSize: number, layers: number): Architecture {
  return createArchitecture({
    family: 'gpt2',
    head: 'causal-lm',
    hiddenSize,
    layers,
    heads: hiddenSize / 64,
    vocabularySize: VOCABULARY,
    maxPositions: LENGTH,
    bosId: 0,
    eosId: 0,
    dropout: 0,
    attentionDropout: 0,
    embeddingDropout: 0,
  });
}

/** Rows of tokens that follow one another; what they say changes no timing. */
function batchOf(rows: number): Batch {
  const tokens = rows * LENGTH;
  const inputIds = Int32Array.from({ length: tokens }, (_, i) => (i * 7) % VOCABULARY);
  return {
    rows,
    length: LENGTH,
    inputIds,
    typeIds: new Int32Array(tokens),
    attentionMask: new Float32Array(tokens).fill(1),
    labels: inputIds.slice(),
    indices: Int32Array.from({ length: rows }, (_, row) => row),
    tokens,
  };
}

async function measure(width: number, rows: number): Promise<{ milliseconds: number; parameters: number }> {
  const executor = await createCpuExecutor();
  const [student, teacher] = [decoder(width, 4), decoder(2 * width, 8)];
  const frozen = new FrozenTeacher(executor, teacher, initializeParameters(teacher, 1));
  const batch = batchOf(rows);
  const trainer = new Trainer({
    executor,
    task: 'causal-lm',
    pairing: {
      student,
      imitation: { teacher, objective: { divergence: 'forward-kl', beta: 0.5, scaleByTemperatureSquared: true } },
    },
    teacher: frozen,
    source: { steps: WARM_UP + STEPS, stepsPerEpoch: 1, batchesOf: () => [batch] },
    options: {
      learningRate: 1e-4,
      schedule: 'constant',
      warmup: 0,
      weightDecay: 0.01,
      decayBiasAndNorm: false,
      clipNorm: 1,
      seed: 1,
      temperature: 2,
      alpha: 0.5,
    },
    initial: initializeParameters(student, 2),
  });
  const times: number[] = [];
  for (let step = 0; step < WARM_UP + STEPS; step++) {
    const started = performance.now();
    await trainer.step();
    if (step >= WARM_UP) times.push(performance.now() - started);
  }
  await trainer.release();
  frozen.release();
  return { milliseconds: median(times), parameters: parameterCount(student) + parameterCount(teacher) };
}

/** Growth of the time when the size doubles, by least squares on logarithms: 1 is linear. */
function exponent(points: readonly Point[]): number {
  const [xs, ys] = [points.map(({ size }) => Math.log(size)), points.map((point) => Math.log(point.milliseconds))];
  const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, value, i) => sum + (value - x) * (ys[i]! - y), 0);
  return covariance / xs.reduce((sum, value) => sum + (value - x) ** 2, 0);
}

function table(title: string, points: readonly Point[]): string {
  const rows = points.map(({ size, milliseconds }) => {
    const each = (milliseconds * 1e6) / size;
    return `| ${size.toLocaleString('en')} | ${milliseconds.toFixed(1)} | ${each.toFixed(each < 100 ? 1 : 0)} |`;
  });
  const one = title.replace(/s$/, '');
  return [`| ${title} | ms a step | ns a ${one} |`, '| --- | --- | --- |', ...rows].join('\n');
}

async function measureAll(): Promise<Record<'tokens' | 'parameters', Point[]>> {
  const tokens: Point[] = [];
  for (const rows of ROWS) tokens.push({ size: rows * LENGTH, milliseconds: (await measure(256, rows)).milliseconds });
  const parameters: Point[] = [];
  for (const width of WIDTHS) {
    const { milliseconds, parameters: size } = await measure(width, 4);
    parameters.push({ size, milliseconds });
  }
  return { tokens, parameters };
}

function report({ tokens, parameters }: Awaited<ReturnType<typeof measureAll>>): string {
  const processor = os.cpus()[0]?.model.trim() ?? os.arch();
  const load = os.loadavg()[0]!.toFixed(1);
  return `# How the step's time grows

Written by \`npm run bench -- curves\`, which overwrites this file; every figure is as it came.

${new Date().toISOString().slice(0, 10)} · ${processor}, ${os.cpus().length} cores · load during the run ${load} (about ${os.cpus().length} where nothing else ran)

A distillation step with the teacher run in it, on onnxruntime's CPU kernels: GPT-2 style, the teacher twice as wide (8 layers) as
its student (4 layers), vocabulary ${VOCABULARY.toLocaleString('en')}, rows of ${LENGTH} tokens, median of ${STEPS} steps.

![Milliseconds a step over tokens and over parameters](curves.svg)

With the tokens of a batch (student 256 wide) the time grows to the power ${exponent(tokens).toFixed(2)}; 1 is linear.

${table('tokens', tokens)}

With the parameters of both models together (4 rows) it grows to the power ${exponent(parameters).toFixed(2)}.

${table('parameters', parameters)}
`;
}

async function main(): Promise<void> {
  const measured = await measureAll();
  const series: Series[] = [
    { title: 'tokens of a batch', points: measured.tokens },
    { title: 'parameters', points: measured.parameters },
  ];
  await writeFile('bench/curves.svg', chart(series));
  const text = report(measured);
  await writeFile('bench/CURVES.md', text);
  console.log(text);
}

void main();
