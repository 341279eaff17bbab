/**
 * @file `npm run bench -- load KIND [SIZE]`: how long a run of many rows takes to its first step, and how much memory beside the models.
 * KIND is `csv` (SIZE rows), `short` (SIZE rows of JSONL of 10 to 30 words), `jsonl` (SIZE gigabytes) or `classes` (SIZE classes). The real program trains tiny models on data made
 * here, in a temporary folder that is removed; "beside the model" is what it takes more than on a thousand such rows.
 */

import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { randomStream } from '../src/engine/random';
import { cpuOf, peakOf } from './process-figures';

const runner = path.resolve('dist/runner.js');

/** Steps after which a run is told to stop: reading ahead, evaluation and a checkpoint have had their turn. */
const STEPS = 20;
const LONGEST_MS = 60 * 60_000;

type Kind = 'csv' | 'short' | 'jsonl' | 'classes';

interface Dataset {
  file: string;
  rows: number;
}

/** Words by Zipf's law, so that a tokenizer meets common and rare ones. */
function textMaker(seed: number): (words: number) => string {
  const random = randomStream(seed);
  const letters = 'etaoinshrdlucmfwypvbgk';
  const words = Array.from({ length: 20_000 }, () =>
    Array.from(
      { length: 2 + Math.floor(random() * 8) },
      () => letters[Math.floor(random() ** 2 * letters.length)],
    ).join(''),
  );
  return (count) => {
    let text = '';
    for (let i = 0; i < count; i++) text += (i > 0 ? ' ' : '') + words[Math.floor(words.length ** random()) - 1]!;
    return text;
  };
}

async function writeRows(kind: Kind, size: number, folder: string): Promise<Dataset> {
  const isJson = kind === 'jsonl' || kind === 'short';
  const file = path.join(folder, isJson ? 'rows.jsonl' : 'rows.csv');
  const stream = createWriteStream(file, { highWaterMark: 1 << 20 });
  const makeText = textMaker(1);
  const random = randomStream(2);
  const words = (): number => (kind === 'jsonl' ? 150 : kind === 'short' ? 10 + Math.floor(21 * random()) : 15);
  const classes = kind === 'classes' ? size : 4;
  const wanted = kind === 'jsonl' ? Infinity : kind === 'classes' ? 4 * size : size;
  const bytes = kind === 'jsonl' ? size * 1e9 : Infinity;
  if (!isJson) stream.write('text,label\n');
  let rows = 0;
  // A line end beside each row, and a class for each once before they are drawn.
  for (let written = 0; rows < wanted && written < bytes; rows++) {
    const text = makeText(words());
    const label = `class ${rows < classes ? rows : Math.floor(random() * classes)}`;
    const line = isJson ? `${JSON.stringify({ text, label })}\n` : `"${text}",${label}\n`;
    written += line.length;
    if (!stream.write(line)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
  return { file, rows };
}

function writeExperiment(folder: string, name: string, train: string): string {
  const architecture = { family: 'bert', hiddenSize: 32, layers: 1, heads: 2 };
  const experiment = {
    task: 'text-classification',
    dataset: { train: path.basename(train), maxLength: 64 },
    tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 4000 },
    teacher: { source: 'train', architecture, training: { epochs: 1 } },
    student: { architecture },
    training: { epochs: 1 },
    engine: 'cpu',
    threads: 1,
    priority: 'normal',
  };
  const file = path.join(folder, `${name}.distill.json`);
  writeFileSync(file, JSON.stringify(experiment));
  return file;
}

interface Outcome {
  /** Undefined where the program ended before. */
  firstStepSeconds: number | undefined;
  /** Seconds of the processor until then, which do not depend on what else the machine does. */
  cpuSeconds: number;
  peakBytes: number;
  said: string;
}

function runsIn(folder: string): string[] {
  const runs = path.join(folder, '.distillery', 'runs');
  // Their names begin with when they began.
  return existsSync(runs) ? readdirSync(runs).sort() : [];
}

/** Of the run that comes after so many others. */
function stepsIn(folder: string, others: number): number {
  const runs = path.join(folder, '.distillery', 'runs');
  const run = runsIn(folder)[others];
  const metrics = run === undefined ? '' : path.join(runs, run, 'teacher', 'metrics.jsonl');
  return existsSync(metrics) ? readFileSync(metrics, 'utf8').split('\n').length - 1 : 0;
}

async function measure(args: readonly string[], folder: string): Promise<Outcome & { seconds: number }> {
  const others = runsIn(folder).length;
  const started = performance.now();
  const env = { ...process.env, DISTILLERY_DATA: path.join(folder, '.data') };
  const child = spawn(process.execPath, [runner, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  let peakBytes = 0;
  let [firstStepSeconds, cpuSeconds]: [number | undefined, number] = [undefined, 0];
  const seconds = (): number => (performance.now() - started) / 1000;
  const looking = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid!));
    const steps = stepsIn(folder, others);
    if (firstStepSeconds === undefined) cpuSeconds = Math.max(cpuSeconds, cpuOf(child.pid!));
    if (steps > 0) firstStepSeconds ??= seconds();
    if (steps >= STEPS) child.kill('SIGTERM');
    if (performance.now() - started > LONGEST_MS) child.kill('SIGKILL');
  }, 100);
  await once(child, 'close');
  clearInterval(looking);
  return { firstStepSeconds, cpuSeconds, peakBytes, said: said.trim(), seconds: seconds() };
}

async function measureKind(kind: Kind, size: number, base: string): Promise<void> {
  const inFolder = async (name: string, dataset: Dataset, folder: string): Promise<number> => {
    const file = writeExperiment(folder, name, dataset.file);
    const validated = await measure(['validate', file], folder);
    const ran = await measure(['run', file], folder);
    const again = await measure(['run', file], folder);
    const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
    const firstOf = ({ firstStepSeconds, said }: Outcome): string =>
      firstStepSeconds?.toFixed(1) ?? `none (${said.split('\n').at(-1)})`;
    const figures = [
      ...[validated.seconds.toFixed(1), validated.cpuSeconds.toFixed(1), mebibytes(validated.peakBytes)],
      ...[firstOf(ran), ran.cpuSeconds.toFixed(1), mebibytes(ran.peakBytes)],
      ...[firstOf(again), again.cpuSeconds.toFixed(1), mebibytes(again.peakBytes)],
    ];
    console.log(`| ${name} | ${dataset.rows.toLocaleString('en')} | ${figures.join(' | ')} |`);
    return Math.max(ran.peakBytes, again.peakBytes);
  };
  console.log(
    '| data | rows | validate, s | of the processor | its peak, MiB | first step, s | of the processor | peak, MiB | first step of the next run, s | of the processor | peak, MiB |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  const small = mkdtempSync(path.join(base, 'small-'));
  const alone = await inFolder('a thousand rows', await writeRows('csv', 1000, small), small);
  const large = mkdtempSync(path.join(base, 'large-'));
  const peak = await inFolder(`${kind} ${size}`, await writeRows(kind, size, large), large);
  console.log(`beside the model: ${((peak - alone) / 2 ** 20).toFixed(0)} MiB`);
}

async function main(): Promise<void> {
  const [, , kind = 'csv', size] = process.argv;
  const sizes: Record<string, number> = { csv: 1_000_000, short: 1_000_000, jsonl: 10, classes: 50_000 };
  if (!(kind in sizes)) throw new Error(`there is no kind ${kind}: ${Object.keys(sizes).join(', ')}`);
  const base = mkdtempSync(path.join(os.tmpdir(), 'distillery-load-'));
  try {
    await measureKind(kind as Kind, Number(size ?? sizes[kind]), base);
  } finally {
    rmSync(base, { recursive: true });
  }
}

void main();
