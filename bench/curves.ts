/** @file `npm run bench -- curves`: how the step's time grows with the tokens of a batch and with the parameters of the models; writes bench/CURVES.md and its chart. */

import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { Architecture } from '../src/model/architecture';
import { createArchitecture, parameterCount } from '../src/model/layouts/config';
import { initializeParameters } from '../src/model/parameters';
import type { Batch } from '../src/dataset/batches';
import { chart, type Panel } from './curve-chart';
import { createTrainer, objectiveOf } from './ours';
import type { Setup } from './setup';
import { median, straightLine } from './statistics';

const VOCABULARY = 2048;
const LENGTH = 128;
const WARM_UP = 2;
const STEPS = 7;

const ENGINES: readonly { engine: Engine; name: string }[] = [
  { engine: 'cpu', name: 'onnxruntime' },
  { engine: 'openvino', name: 'OpenVINO' },
];

const ROWS = [1, 2, 4, 6, 8, 12, 16];
/** Widths of the student; its teacher is twice as wide and deep. */
const WIDTHS = [64, 128, 192, 256, 320, 384];

interface Point {
  /** Tokens of the batch, or parameters of teacher and student together. */
  size: number;
  /** Medians of the steps, in the order of ENGINES. */
  milliseconds: number[];
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

const parametersOf = (width: number): number =>
  parameterCount(decoder(width, 4)) + parameterCount(decoder(2 * width, 8));

/** Median of the steps of a student of that width, in milliseconds. */
async function measure(engine: Engine, width: number, rows: number): Promise<number> {
  const executor = await openExecutor(engine);
  const [student, teacher] = [decoder(width, 4), decoder(2 * width, 8)];
  const setup: Setup = {
    task: 'causal-lm',
    threads: os.availableParallelism(),
    ...{ temperature: 2, alpha: 0.5, learningRate: 1e-4, weightDecay: 0.01, clipNorm: 1 },
  };
  const trainer = createTrainer(
    {
      setup,
      pairing: { student, teacher, objective: objectiveOf(setup) },
      teacher: initializeParameters(teacher, 1),
      student: initializeParameters(student, 2),
      batches: [batchOf(rows)],
    },
    executor,
  );
  const times: number[] = [];
  for (let step = 0; step < WARM_UP + STEPS; step++) {
    const started = performance.now();
    await trainer.step();
    if (step >= WARM_UP) times.push(performance.now() - started);
  }
  await trainer.release();
  return median(times);
}

async function measureAll(width: number, rows: number): Promise<number[]> {
  const milliseconds: number[] = [];
  for (const { engine } of ENGINES) milliseconds.push(await measure(engine, width, rows));
  console.error(`${width} wide, ${rows} rows: ${milliseconds.map((time) => time.toFixed(0)).join(', ')} ms`);
  return milliseconds;
}

const seriesOf = (points: readonly Point[], engine: number): { size: number; milliseconds: number }[] =>
  points.map(({ size, milliseconds }) => ({ size, milliseconds: milliseconds[engine]! }));

/** What a straight line through an engine's points says. */
function growth(points: readonly Point[], engine: number, unit: { size: number; name: string }): string {
  const line = straightLine(seriesOf(points, engine).map(({ size, milliseconds }) => ({ x: size, y: milliseconds })));
  const share = `${(line.explained * 100).toFixed(1)} %`;
  const slope = (line.slope * unit.size).toPrecision(3);
  return `- ${ENGINES[engine]!.name}: ${line.fixed.toFixed(0)} ms and ${slope} ms for each ${unit.name}; the line explains ${share} of the differences.`;
}

function section(title: string, points: readonly Point[], unit: { size: number; name: string }): string {
  const rows = points.map(({ size, milliseconds }) =>
    [size.toLocaleString('en'), ...milliseconds.map((time) => time.toFixed(1))].join(' | '),
  );
  const names = ENGINES.map(({ name }) => `${name}, ms a step`);
  return `${ENGINES.map((_, engine) => growth(points, engine, unit)).join('\n')}

| ${[title, ...names].join(' | ')} |
|${' ---: |'.repeat(1 + names.length)}
${rows.map((row) => `| ${row} |`).join('\n')}`;
}

function report(tokens: readonly Point[], parameters: readonly Point[], load: number): string {
  const processor = os.cpus()[0]?.model.trim() ?? os.arch();
  return `# How the step's time grows

Written by \`npm run bench -- curves\`, which overwrites this file; every figure is as it came.

${new Date().toISOString().slice(0, 10)} · ${processor}, ${os.cpus().length} cores · load before the run ${load.toFixed(1)}

A distillation step with the teacher run in it: GPT-2 style, the teacher twice as wide (8 layers) as its student (4 layers), vocabulary
${VOCABULARY.toLocaleString('en')}, rows of ${LENGTH} tokens, median of ${STEPS} steps. The broken lines of the chart are straight lines through the points by least squares.

![Milliseconds a step over tokens and over parameters](curves.svg)

## Tokens of a batch, student 256 wide

${section('tokens', tokens, { size: 128, name: '128 tokens' })}

## Parameters of teacher and student together, 4 rows

${section('parameters', parameters, { size: 1e6, name: 'million parameters' })}
`;
}

async function main(): Promise<void> {
  const [load] = os.loadavg();
  const [tokens, parameters]: [Point[], Point[]] = [[], []];
  for (const rows of ROWS) tokens.push({ size: rows * LENGTH, milliseconds: await measureAll(256, rows) });
  for (const width of WIDTHS) parameters.push({ size: parametersOf(width), milliseconds: await measureAll(width, 4) });
  const panel = (title: string, points: readonly Point[]): Panel => ({
    title,
    series: ENGINES.map(({ name }, engine) => ({ name, points: seriesOf(points, engine) })),
  });
  await writeFile('bench/curves.svg', chart([panel('tokens of a batch', tokens), panel('parameters', parameters)]));
  const text = report(tokens, parameters, load!);
  await writeFile('bench/CURVES.md', text);
  console.log(text);
}

void main();
