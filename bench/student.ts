/**
 * @file `npm run bench -- student [SAMPLE…] [--rounds N] [--side TEXT]`: how long it takes from files to a good student, the program's start included,
 * beside scripts that one writes with PyTorch and transformers; writes the samples' tables in bench/STUDENT.md. What makes ours quick is switched on in
 * turn. With `--side`, those sides alone whose names have the text, and the first script's best as `--good`; nothing is written then.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parse } from 'jsonc-parser';
import { ownChapter, writeOwnChapter } from './chapters';
import { samples, type Sample, type Side } from './student-samples';
import { startRun } from './fresh-run';
import { median } from './statistics';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    side: { type: 'string', multiple: true },
    good: { type: 'string' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const rounds = Number(options.rounds);
const threads = os.availableParallelism();
const REPORT = 'bench/STUDENT.md';

/** What is good: this part of what the first script has in the end. */
const GOOD = 0.98;

/** When an evaluation was there, in seconds since the side's process was started. */
interface Point {
  seconds: number;
  /** Of the processor until then; NaN where the system does not say. */
  processor: number;
  step: number;
  quality: number;
}

interface Experiment {
  task: string;
  dataset: { train: string; unlabelled?: string; validation: string; maxLength: number };
  teacher: { path: string; cache?: unknown };
  student: { architecture: object; initialize?: { layers?: number[] } };
  distillation: { temperature: number; alpha: number };
  training: Record<string, number | string>;
}

function experimentOf(folder: string, { file }: Sample, { epochs }: Side): Experiment {
  const experiment = parse(readFileSync(path.join(folder, file), 'utf8')) as Experiment;
  if (epochs !== undefined) experiment.training.epochs = epochs;
  return experiment;
}

/** What a process has had of the processor, its threads together. */
function processorSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return NaN;
  }
}

/** A second, as Linux counts processes' time. */
const TICKS = 100;

async function peerPoints(folder: string, sample: Sample, side: Side, initial: string | undefined): Promise<Point[]> {
  const { task, dataset, teacher, student, distillation, training } = experimentOf(folder, sample, side);
  const place = (file: string): string => path.join(folder, file);
  const special = readFileSync(place(path.join(teacher.path, 'tokenizer_config.json')), 'utf8');
  const setup = {
    ...training,
    ...distillation,
    task,
    threads,
    metric: sample.metric,
    maxLength: dataset.maxLength,
    train: [dataset.train, dataset.unlabelled].filter((file) => file !== undefined).map(place),
    validation: [place(dataset.validation)],
    teacher: place(teacher.path),
    endOfText: (JSON.parse(special) as { eos_token?: string }).eos_token,
    architecture: student.architecture,
    layers: student.initialize?.layers,
    initial,
  };
  writeFileSync(place('setup.json'), JSON.stringify(setup));
  const started = performance.now();
  const child = spawn('test/peers/.venv/bin/python', ['bench/peer_student.py', place('setup.json'), ...side.peer!], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const points: Point[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const seconds = (performance.now() - started) / 1000;
    const processor = processorSeconds(child.pid!);
    points.push({ seconds, processor, ...(JSON.parse(line) as { step: number; quality: number }) });
  });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`PyTorch's script ended with ${code}`);
  return points;
}

function writeExperiment(folder: string, sample: Sample, side: Side): string {
  const experiment = experimentOf(folder, sample, side);
  const { cache, pack, distillation, student, ...others } = side.changes ?? {};
  const whole = {
    ...experiment,
    ...others,
    teacher: { ...experiment.teacher, ...(cache !== undefined && { cache }) },
    student: { ...experiment.student, ...(student as object | undefined) },
    distillation: { ...experiment.distillation, ...(distillation as object | undefined) },
    training: { ...experiment.training, ...(pack !== undefined && { pack }) },
    threads,
    controls: [],
    priority: 'normal',
  };
  const file = path.join(folder, 'bench.distill.json');
  writeFileSync(file, JSON.stringify(whole));
  return file;
}

/** Runs an experiment, and looks ten times a second at the folder of its run. */
async function run(folder: string, file: string, look: (run: string, child: ChildProcess) => void): Promise<void> {
  const runs = path.join(folder, '.distillery', 'runs');
  const known = existsSync(runs) ? readdirSync(runs) : [];
  const child = startRun(folder, file);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const lookNow = (): void => {
    const name = existsSync(runs) ? readdirSync(runs).find((one) => !known.includes(one)) : undefined;
    if (name !== undefined) look(path.join(runs, name), child);
  };
  const looking = setInterval(lookNow, 100);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(looking);
  lookNow();
  if (code !== 0) throw new Error(`the run ended with ${code}: ${said}`);
}

function studentEvaluations(run: string): EvaluationLine[] {
  const file = path.join(run, 'evaluations.jsonl');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const all = lines.map((line) => JSON.parse(line) as EvaluationLine);
  return all.filter(({ split, role }) => split === 'validation' && role === 'student');
}

async function ourPoints(folder: string, sample: Sample, side: Side): Promise<Point[]> {
  const file = writeExperiment(folder, sample, side);
  const started = performance.now();
  const points: Point[] = [];
  await run(folder, file, (directory, child) => {
    const seconds = (performance.now() - started) / 1000;
    for (const { step, metrics } of studentEvaluations(directory)) {
      if (step === 0 || points.some((point) => point.step === step)) continue;
      points.push({ seconds, processor: processorSeconds(child.pid!), step, quality: metrics[sample.metric]! });
    }
  });
  return points;
}

/** The student that starts from its teacher, as it is before its first step: of a run that is stopped when it has been evaluated. */
async function pruned(folder: string, sample: Sample): Promise<string> {
  const changes = { engine: 'openvino', student: { initialize: { from: 'teacher' } } };
  const file = writeExperiment(folder, sample, { name: 'pruned', changes });
  let directory = '';
  let isStopped = false;
  await run(folder, file, (found, child) => {
    directory = found;
    // A second signal would end it at once.
    if (isStopped || studentEvaluations(found).length === 0) return;
    isStopped = child.kill('SIGTERM');
  });
  return path.join(directory, 'checkpoints', 'best');
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
  /** Seconds of the processor until then, or to the end where none is. */
  processor: number[];
  /** To the last step's evaluation. */
  whole: number[];
  quality: number[];
}

const isGood = ({ metric }: Sample, quality: number, reference: number): boolean =>
  metric === 'macroF1' ? quality >= reference * GOOD : quality <= reference / GOOD;

const isChosen = ({ name }: Side): boolean => options.side?.some((text) => name.includes(text)) ?? true;

async function measure(sample: Sample): Promise<Result[]> {
  const sides = sample.sides.filter(isChosen);
  const results = sides.map((side): Result => ({ side, good: [], processor: [], whole: [], quality: [] }));
  for (let round = 0; round < rounds; round++) {
    let folder = '';
    let reference = options.good === undefined ? undefined : Number(options.good);
    for (const result of results) {
      const { side } = result;
      if (side.again !== true || folder === '') {
        rmSync(folder, { recursive: true, force: true });
        folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-student-'));
        await sample.make(folder);
      }
      const initial = side.peerFromTeacher ? await pruned(folder, sample) : undefined;
      const points = await (side.peer ? peerPoints(folder, sample, side, initial) : ourPoints(folder, sample, side));
      const last = points.at(-1)!;
      // The best checkpoint is what one takes away.
      const best = (sample.metric === 'macroF1' ? Math.max : Math.min)(...points.map(({ quality }) => quality));
      reference ??= best;
      const bar = reference;
      const good = points.find(({ quality }) => isGood(sample, quality, bar));
      result.good.push(good?.seconds ?? Infinity);
      result.processor.push((good ?? last).processor);
      result.whole.push(last.seconds);
      result.quality.push(best);
      const when = good
        ? `good after ${good.seconds.toFixed(1)} s (${good.processor.toFixed(1)} of the processor)`
        : 'never good';
      console.error(`  ${side.name}: ${when}, ${best.toFixed(3)} after ${last.seconds.toFixed(1)} s`);
    }
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

const qualities = {
  macroF1: 'macro-F1 on validation',
  loss: 'nats a token on validation',
  teacherKl: 'KL from the teacher on validation, nats',
};

function table(sample: Sample, results: readonly Result[], load: number): string {
  const script = (keeps: boolean): number => {
    const scripts = results.filter(({ side }) => side.peer?.includes('--keep') === keeps && !side.peerFromTeacher);
    return Math.min(...scripts.map(({ good }) => median(good)));
  };
  const [asking, keeping] = [script(false), script(true)];
  const rows = results.map(({ side, good, processor, whole, quality }) => [
    side.name,
    isFinite(median(good)) ? median(good).toFixed(1) : 'never',
    isNaN(median(processor)) ? '–' : median(processor).toFixed(1),
    median(whole).toFixed(1),
    median(quality).toFixed(3),
    ...[asking, keeping].map((seconds) =>
      isFinite(median(good) + seconds) ? `${(seconds / median(good)).toFixed(2)} ×` : '–',
    ),
  ]);
  const head = [
    'side',
    'good after, s',
    'of the processor, s',
    'all steps, s',
    qualities[sample.metric],
    '× asking',
    '× keeping',
  ];
  const lines = [head, head.map(() => '---'), ...rows].map((line) => `| ${line.join(' | ')} |`);
  const day = new Date().toISOString().slice(0, 10);
  const measured = `${day} · ${os.cpus()[0]?.model.trim() ?? os.arch()}, ${threads} threads on each side · load before ${load.toFixed(1)} · ${told(rounds)}`;
  return [`### ${sample.title}`, measured, ...(sample.about ? [sample.about] : []), lines.join('\n')].join('\n\n');
}

const told = (count: number): string => (count === 1 ? '1 round' : `the median of ${count} rounds`);

async function main(): Promise<void> {
  const chosen = samples.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (chosen.length === 0) throw new Error(`there is no such sample: ${samples.map(({ name }) => name).join(', ')}`);
  for (const sample of chosen) {
    console.error(`${sample.title} …`);
    const load = os.loadavg()[0]!;
    const measured = table(sample, await measure(sample), load);
    console.log(`${measured}\n`);
    if (options.write && options.side === undefined) write(sample, measured);
  }
}

/** In place of the sample's table that is there. */
function write(sample: Sample, measured: string): void {
  const before = ownChapter(REPORT)
    .split(/^(?=### )/m)
    .slice(1);
  const tables = samples.flatMap((one) => {
    const kept = one === sample ? measured : before.find((text) => text.startsWith(`### ${one.title}\n`));
    return kept === undefined ? [] : [kept.trimEnd()];
  });
  writeOwnChapter(REPORT, HEAD, tables.join('\n\n'));
}

const HEAD = `# Time to a good student, beside PyTorch

Written by \`npm run bench -- student [SAMPLE…]\`, which overwrites the samples' tables in the chapter of the processor that it runs on; every figure is as it came.

From files to a student: reading, tokenizing, asking the teacher, training, an evaluation now and then. Time begins with the
start of the process, so that loading PyTorch or compiling our graphs counts. *Good after*: until the first evaluation whose quality on validation is 98 %
of the best of the first script (a loss or KL: 2 % more). The learning rate falls to nothing at the last step, so that this comes late on every side. Quality is that of
the best checkpoint, on the same tokens on every side. Sides take turns.

PyTorch's side is [one script](peer_student.py), written as one writes it: transformers' models, batches padded to their longest row, rows of one length together, fused AdamW, no write to the disk.
Ours is \`distillery run\` without a control; *again* finds the teacher's answers and compiled graphs of the run before. *× asking* and *× keeping* say how many times as soon as the faster of the two scripts of that kind
it has a good student, scripts that do what the experiment says.

*From the pruned teacher*: the samples' students are narrower than their teachers and start from random weights. With \`"initialize": { "from": "teacher" }\` they start as their teacher's most important heads, units and
dimensions ([decision 49](../docs/decisions/0049-narrower-students.md)), and fewer epochs are enough. To find these is part of our time. The script has nothing of the kind; it is given our pruned student
as a folder, which costs it nothing, and as many epochs: what is left between it and ours is the machine's work alone.
`;

void main();
