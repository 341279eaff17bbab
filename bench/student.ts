/**
 * @file `npm run bench -- student [SAMPLE…]`: how long it takes from files to a good student, the program's start included, beside scripts
 * that one writes with PyTorch and transformers; writes bench/STUDENT.md. What makes ours quick is switched on in turn.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parse } from 'jsonc-parser';
import { median } from './statistics';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    epochs: { type: 'string' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const rounds = Number(options.rounds);
const threads = os.availableParallelism();

/** What is good: this part of what the first script has in the end. */
const GOOD = 0.98;

interface Sample {
  name: string;
  file: string;
  title: string;
  /** Of the metric on validation; a loss is better where it is less. */
  metric: 'macroF1' | 'loss';
  sides: readonly Side[];
}

interface Side {
  name: string;
  /** What PyTorch's script is told. */
  peer?: readonly string[];
  /** What the experiment says besides. */
  changes?: Record<string, unknown>;
  /** In the folder of the side before it, with what that has kept of the teacher. */
  again?: boolean;
}

const peers: Side[] = [
  { name: 'PyTorch, teacher asked in each step', peer: [] },
  { name: 'PyTorch bf16, teacher asked in each step', peer: ['--bf16'] },
  { name: 'PyTorch, its answers kept by hand', peer: ['--keep'] },
  { name: 'PyTorch bf16, its answers kept by hand', peer: ['--keep', '--bf16'] },
];

const openvino = { engine: 'openvino' };
const bf16 = { ...openvino, precision: 'bfloat16' };

/** What makes it quick, one after the other. */
const ours: Side[] = [
  { name: 'onnxruntime, teacher asked in each step', changes: { engine: 'cpu', cache: false } },
  { name: 'onnxruntime', changes: { engine: 'cpu' } },
  { name: 'OpenVINO', changes: openvino },
  { name: 'OpenVINO bf16', changes: bf16 },
];

const packed: Side = { name: 'OpenVINO bf16, packed', changes: { ...bf16, pack: true } };

const samples: Sample[] = [
  {
    name: 'definitions',
    file: 'definitions.distill.json',
    title: 'Definitions: BERT style, 2.7 million parameters to 0.63 million, 20,500 short rows',
    metric: 'macroF1',
    sides: [...peers, ...ours, { name: 'OpenVINO bf16, again', changes: bf16, again: true }, packed],
  },
  {
    name: 'language-model',
    file: 'language-model.distill.json',
    title: 'Language model: GPT-2 style, 2.6 million parameters to 0.62 million, 4,000 short rows',
    metric: 'loss',
    sides: [
      ...peers,
      ...ours,
      { name: 'OpenVINO bf16, 48 tokens kept of each answer', changes: { ...bf16, cache: { logits: { top: 48 } } } },
      { name: 'OpenVINO bf16, again', changes: bf16, again: true },
      packed,
      { name: 'OpenVINO bf16, alpha 1', changes: { ...bf16, distillation: { alpha: 1 } } },
      {
        name: "OpenVINO bf16, alpha 1, a third of the positions by the teacher's entropy",
        changes: { ...bf16, distillation: { alpha: 1, positions: { fraction: 1 / 3, by: 'teacher-entropy' } } },
      },
    ],
  },
];

/** When an evaluation was there, in seconds since the side's process was started. */
interface Point {
  seconds: number;
  step: number;
  quality: number;
}

interface Experiment {
  task: string;
  dataset: { train: string; unlabelled?: string; validation: string; maxLength: number };
  teacher: { path: string; cache?: unknown };
  student: { architecture: object };
  distillation: { temperature: number; alpha: number };
  training: Record<string, number | string>;
  controls: string[];
}

function experimentOf(folder: string, { file }: Sample): Experiment {
  const experiment = parse(readFileSync(path.join(folder, file), 'utf8')) as Experiment;
  if (options.epochs !== undefined) experiment.training.epochs = Number(options.epochs);
  return experiment;
}

async function peerPoints(folder: string, sample: Sample, args: readonly string[]): Promise<Point[]> {
  const { task, dataset, teacher, student, distillation, training } = experimentOf(folder, sample);
  const place = (file: string): string => path.join(folder, file);
  const setup = {
    ...training,
    ...distillation,
    task,
    threads,
    maxLength: dataset.maxLength,
    train: [dataset.train, dataset.unlabelled].filter((file) => file !== undefined).map(place),
    validation: [place(dataset.validation)],
    teacher: place(teacher.path),
    architecture: student.architecture,
  };
  writeFileSync(place('setup.json'), JSON.stringify(setup));
  const started = performance.now();
  const child = spawn('test/peers/.venv/bin/python', ['bench/peer_student.py', place('setup.json'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const points: Point[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const seconds = (performance.now() - started) / 1000;
    points.push({ seconds, ...(JSON.parse(line) as { step: number; quality: number }) });
  });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`PyTorch's script ended with ${code}`);
  return points;
}

/** Evaluations are read as they come: ten times a second the file is looked at. */
async function ourPoints(folder: string, sample: Sample, changes: Record<string, unknown>): Promise<Point[]> {
  const experiment = experimentOf(folder, sample);
  const { cache, pack, distillation: objective, ...others } = changes;
  const distillation = { ...experiment.distillation, ...(objective as object | undefined) };
  const teacher = { ...experiment.teacher, ...(cache !== undefined && { cache }) };
  const file = path.join(folder, 'bench.distill.json');
  const training = { ...experiment.training, ...(pack !== undefined && { pack }) };
  const whole = {
    ...experiment,
    ...others,
    teacher,
    distillation,
    training,
    threads,
    controls: [],
    priority: 'normal',
  };
  writeFileSync(file, JSON.stringify(whole));
  const runs = path.join(folder, '.distillery', 'runs');
  const known = existsSync(runs) ? readdirSync(runs) : [];
  const started = performance.now();
  const env = { ...process.env, DISTILLERY_DATA: path.join(folder, '.data') };
  const child = spawn(process.execPath, ['dist/runner.js', 'run', file], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const points: Point[] = [];
  const look = (): void => {
    const run = existsSync(runs) ? readdirSync(runs).find((name) => !known.includes(name)) : undefined;
    const evaluations = run === undefined ? '' : path.join(runs, run, 'evaluations.jsonl');
    if (!existsSync(evaluations)) return;
    const seconds = (performance.now() - started) / 1000;
    for (const line of readFileSync(evaluations, 'utf8').split('\n').slice(0, -1)) {
      const { step, split, role, metrics } = JSON.parse(line) as EvaluationLine;
      if (split !== 'validation' || role !== 'student' || step === 0) continue;
      if (!points.some((point) => point.step === step))
        points.push({ seconds, step, quality: metrics[sample.metric]! });
    }
  };
  const looking = setInterval(look, 100);
  const [code] = (await once(child, 'close')) as [number];
  clearInterval(looking);
  look();
  if (code !== 0) throw new Error(`the run ended with ${code}: ${said}`);
  return points;
}

interface EvaluationLine {
  step: number;
  split: string;
  role: string;
  metrics: Record<string, number>;
}

/** What came of a side, over all rounds. */
interface Result {
  side: Side;
  /** To the first evaluation that is good; where none is, Infinity. */
  good: number[];
  /** To the last step's evaluation. */
  whole: number[];
  quality: number[];
}

const isGood = ({ metric }: Sample, quality: number, reference: number): boolean =>
  metric === 'loss' ? quality <= reference / GOOD : quality >= reference * GOOD;

async function measure(sample: Sample): Promise<Result[]> {
  const results = sample.sides.map((side): Result => ({ side, good: [], whole: [], quality: [] }));
  for (let round = 0; round < rounds; round++) {
    let folder = '';
    let reference: number | undefined;
    for (const result of results) {
      const { name, peer, changes = {}, again = false } = result.side;
      if (!again) {
        rmSync(folder, { recursive: true, force: true });
        folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-student-'));
        cpSync('examples', folder, { recursive: true });
      }
      const points = peer ? await peerPoints(folder, sample, peer) : await ourPoints(folder, sample, changes);
      const last = points.at(-1)!;
      // The best checkpoint is what one takes away.
      const best = (sample.metric === 'loss' ? Math.min : Math.max)(...points.map(({ quality }) => quality));
      reference ??= best;
      const bar = reference;
      result.good.push(points.find(({ quality }) => isGood(sample, quality, bar))?.seconds ?? Infinity);
      result.whole.push(last.seconds);
      result.quality.push(best);
      console.error(
        `  ${name}: good after ${result.good.at(-1)!.toFixed(1)} s, ${best.toFixed(3)} after ${last.seconds.toFixed(1)} s`,
      );
    }
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

function table(sample: Sample, results: readonly Result[]): string {
  const script = (keeps: boolean): number =>
    Math.min(...results.filter(({ side }) => side.peer?.includes('--keep') === keeps).map(({ good }) => median(good)));
  const [asking, keeping] = [script(false), script(true)];
  const rows = results.map(({ side, good, whole, quality }) => [
    side.name,
    ...[median(good), median(whole)].map((seconds) => (seconds === Infinity ? 'never' : seconds.toFixed(1))),
    median(quality).toFixed(3),
    ...[asking, keeping].map((seconds) => (isFinite(median(good)) ? `${(seconds / median(good)).toFixed(2)} ×` : '–')),
  ]);
  const quality = sample.metric === 'loss' ? 'nats a token' : 'macro-F1';
  const head = ['side', 'good after, s', 'all steps, s', `${quality} on validation`, '× asking', '× keeping'];
  return [`### ${sample.title}`, '', head, head.map(() => '---'), ...rows]
    .map((line) => (typeof line === 'string' ? line : `| ${line.join(' | ')} |`))
    .join('\n');
}

async function main(): Promise<void> {
  const load = os.loadavg()[0]!;
  const chosen = samples.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (chosen.length === 0) throw new Error(`there is no such sample: ${samples.map(({ name }) => name).join(', ')}`);
  const tables: string[] = [];
  for (const sample of chosen) {
    console.error(`${sample.title} …`);
    tables.push(table(sample, await measure(sample)));
    console.log(`${tables.at(-1)!}\n`);
  }
  if (chosen.length < samples.length || options.epochs !== undefined) return;
  writeFileSync('bench/STUDENT.md', report(tables, load));
  console.log('Written to bench/STUDENT.md.');
}

function report(tables: readonly string[], load: number): string {
  return `# Time to a good student, beside PyTorch

Written by \`npm run bench -- student\`, which overwrites this file; every figure is as it came.

${new Date().toISOString().slice(0, 10)} · ${os.cpus()[0]?.model.trim() ?? os.arch()}, ${threads} threads on each side · load before ${load.toFixed(1)}

From files to a student, on the samples as they come: reading, tokenizing, asking the teacher, training, an evaluation now and then. Time begins with the
start of the process, so that loading PyTorch or compiling our graphs counts. *Good after*: until the first evaluation whose quality on validation is 98 %
of the best of the first script (a loss: 2 % more). The learning rate falls to nothing at the last step, so that this comes late on every side. Quality is that of the best checkpoint. Sides take
turns; of ${rounds} round${rounds === 1 ? '' : 's'} the median counts.

PyTorch's side is [one script](peer_student.py), written as one writes it: transformers' models, batches padded to their longest row, rows of one length together, fused AdamW, no write to the disk.
Ours is \`distillery run\` without a control; *again* finds the teacher's answers and compiled graphs of the run before. *× asking* and *× keeping* say how many times as soon as the faster of the two scripts of that kind it has a good student.

${tables.join('\n\n')}
`;
}

void main();
