/**
 * @file `npm run bench -- torchrun [--case NAME]`: a step of the engine `torchrun` with 1 and 2 processes, beside that of a script as one would write it with
 * PyTorch and transformers (bench/peer.py), on the same models and on rows of the same size.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { randomStream } from '../src/engine/random';
import { openExecutor } from '../src/engine/engines';
import type { TrainingSpec } from '../src/experiment/file/blocks/training';
import { experimentSchema } from '../src/experiment/file/schema';
import { initializeParameters } from '../src/model/parameters';
import type { MetricsRecord } from '../src/protocol/records';
import { runPaths } from '../src/run-directory/run-paths';
import type { PreparedRun } from '../src/runner/run/prepared-run';
import { writeJob } from '../src/runner/torchrun/job';
import { cases, type Case } from './cases';
import { writeSetup } from './setup';
import { median, relativeSpread } from './statistics';

const { values: options } = parseArgs({
  options: {
    case: { type: 'string', default: 'small-decoder' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '40' },
  },
});
const threads = Number(options.threads);
const steps = Number(options.steps);

/** Of each round: what is compiled and allocated once. */
const WARM_UP = 5;

const PYTHON = resolve('test/peers/.venv/bin/python');

/** As of bench/setup.ts. */
const settings: Pick<TrainingSpec, 'learningRate' | 'weightDecay' | 'clipNorm' | 'schedule' | 'warmup'> = {
  learningRate: 5e-4,
  weightDecay: 0.01,
  clipNorm: 1,
  schedule: 'linear',
  warmup: 0,
};

/** A job of so many steps on random rows; two of validation are evaluated before the first step and at the end, outside of what is timed. */
async function writeOurs(folder: string, { task, teacher, student, rows, length }: Case): Promise<string> {
  const random = randomStream(3);
  const examples = (count: number) =>
    Array.from({ length: count }, () => {
      const inputIds = Int32Array.from({ length }, () => Math.floor(random() * teacher.vocabularySize));
      return { inputIds, typeIds: new Int32Array(length), labels: inputIds };
    });
  const train = examples(rows * steps);
  const tokenizer = { padId: 0, vocabularySize: teacher.vocabularySize, special: {} };
  const run = {
    executor: await openExecutor('cpu', { threads: 1 }),
    paths: runPaths(folder),
    // The script asks its teacher in each step.
    experiment: { task, dataset: { maxLength: length }, precision: 'float32', teacher: { cache: false } },
    data: { tokenizer, train, labelled: train, validation: examples(2), leftOut: 0 },
  } as unknown as PreparedRun;
  const spec: TrainingSpec = {
    ...experimentSchema.shape.training.parse({}),
    ...settings,
    epochs: 1,
    batchSize: rows,
    groupByLength: false,
    dropout: 0,
    seed: 2,
    evaluateEvery: steps,
    checkpointEvery: steps,
  };
  const objective = {
    temperature: 2,
    alpha: 0.5,
    divergence: 'forward-kl',
    beta: 0.5,
    scaleByTemperatureSquared: true,
  } as const;
  const job = join(folder, 'torchrun', 'student');
  await writeJob(
    run,
    {
      role: 'student',
      name: 'student',
      pairing: { student, teacher, objective },
      teacher: { architecture: teacher, parameters: initializeParameters(teacher, 1) },
      initial: () => Promise.resolve(initializeParameters(student, 2)),
      paths: run.paths,
      spec,
    },
    { shared: join(folder, 'torchrun'), folder: job, strategy: 'ddp', runner: process.pid },
  );
  return job;
}

/** Standard output of a program under torchrun. */
async function underTorchrun(processes: number, program: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    PYTHONPATH: resolve('python'),
    OMP_NUM_THREADS: String(Math.max(1, Math.floor(threads / processes))),
    GLOO_SOCKET_IFNAME: 'lo',
  };
  const elastic = ['-m', 'torch.distributed.run', '--standalone', '--nnodes=1', `--nproc-per-node=${processes}`];
  const { stdout } = await promisify(execFile)(PYTHON, [...elastic, ...program], { env, maxBuffer: 1 << 28 });
  return stdout;
}

/** Milliseconds from one step's record to the next one's: all that a step takes. */
async function ours(folder: string, job: string, processes: number): Promise<number[]> {
  await Promise.all(
    ['checkpoints', 'metrics.jsonl', 'evaluations.jsonl', 'probes'].map((name) =>
      rm(join(folder, name), { recursive: true, force: true }),
    ),
  );
  await underTorchrun(processes, ['-m', 'distillery_torch', job]);
  const records = (await readFile(join(folder, 'metrics.jsonl'), 'utf8')).trimEnd().split('\n');
  const times = records.map((line) => Date.parse((JSON.parse(line) as MetricsRecord).time));
  return times.slice(1).map((time, i) => time - times[i]!);
}

async function peers(folder: string, processes: number): Promise<number[]> {
  const output = await underTorchrun(processes, ['bench/peer.py', folder, '--steps', String(steps)]);
  return (JSON.parse(output.trim().split('\n').at(-1)!) as { milliseconds: number[] }).milliseconds;
}

async function main(): Promise<void> {
  const benchCase = cases.find(({ name, task }) => name === options.case && task === 'causal-lm');
  if (!benchCase) throw new Error(`no case ${options.case} of a language model`);
  const folder = await mkdtemp(join(os.tmpdir(), 'distillery-bench-torchrun-'));
  try {
    console.log(`${benchCase.title}; ${threads} threads in all, ${options.rounds} rounds of ${steps} steps`);
    const job = await writeOurs(folder, benchCase);
    for (const processes of [1, 2]) {
      await writeSetup(join(folder, 'peer'), benchCase, Math.max(1, Math.floor(threads / processes)));
      const medians: { own: number; peer: number }[] = [];
      for (let round = 0; round < Number(options.rounds); round++) {
        const peer = median((await peers(join(folder, 'peer'), processes)).slice(WARM_UP));
        medians.push({ peer, own: median((await ours(folder, job, processes)).slice(WARM_UP)) });
      }
      const of = (side: 'own' | 'peer'): string => {
        const values = medians.map((one) => one[side]);
        return `${median(values).toFixed(1)} ms ± ${(100 * relativeSpread(values)).toFixed(0)} %`;
      };
      const ratio = median(medians.map(({ own, peer }) => own / peer));
      const name = processes === 1 ? '1 process' : `${processes} processes`;
      console.log(`${name}: torchrun ${of('own')} a step, by hand ${of('peer')}: ${ratio.toFixed(3)} times as long`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

void main();
