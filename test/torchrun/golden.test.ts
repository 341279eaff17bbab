/** Each family, task and objective on the recorded engine and in Python: the same losses, gradient norms, evaluations and weights. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import type { TokenExample } from '../../src/dataset/examples';
import { Evaluator } from '../../src/distill/evaluation/evaluator';
import {
  controlOf,
  imitatedOf,
  type DistilledPair,
  type Imitated,
  type Objective,
  type Pairing,
} from '../../src/distill/pairing';
import { FrozenTeacher, inHostMemory } from '../../src/distill/teacher/teacher';
import { batchInputs } from '../../src/distill/batch-inputs';
import { CachedTargets, fillCache } from '../../src/distill/teacher/cache';
import { layoutCache, type CacheLayout } from '../../src/distill/teacher/cache-layout';
import type { StoredValues } from '../../src/distill/teacher/records';
import { Trainer } from '../../src/distill/training/trainer';
import { openExecutor } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { randomStream } from '../../src/engine/random';
import type { TrainingSpec } from '../../src/experiment/file/blocks/training';
import { experimentSchema } from '../../src/experiment/file/schema';
import type { Architecture, ProblemType } from '../../src/model/architecture';
import { readSafetensors, toFloat32 } from '../../src/model/files/safetensors';
import { createArchitecture } from '../../src/model/layouts/config';
import { type Family, familyLayouts, familyNames } from '../../src/model/layouts/families';
import { initializeParameters, type Model, type Parameters } from '../../src/model/parameters';
import type { ControlName } from '../../src/protocol/controls';
import { divergenceNames } from '../../src/protocol/divergences';
import type { Metrics, MetricsRecord, Task } from '../../src/protocol/records';
import { listCaches, TeacherCacheFiles, teacherCaches } from '../../src/run-directory/teacher-cache-files';
import { runPaths } from '../../src/run-directory/run-paths';
import { describeCache } from '../../src/runner/run/cache-location';
import { initialProjections } from '../../src/runner/run/models';
import { batchesOf, trainingBatches, type PreparedRun } from '../../src/runner/run/prepared-run';
import { writeJob } from '../../src/runner/torchrun/job';
import { imitations } from '../distill/imitations';
import { allOr, torture } from '../torture';
import { difference, evaluationsOf, hasCompiler, hasPython, metricsOf, python } from './python';

const VOCABULARY = 40;
const MASK = 4;

interface Case {
  name: string;
  task: Exclude<Task, 'sentence-embedding'>;
  family: Family;
  problemType?: ProblemType;
  objective?: Partial<Objective>;
  /** What is trained, in place of the student. */
  control?: ControlName;
  training?: Partial<TrainingSpec>;
  /** Width of the student; the teacher has 16. */
  width?: number;
  unlabelled?: boolean;
  poolsMean?: true;
  torchrun?: { activationCheckpointing?: true; compile?: true };
  precision?: 'bfloat16';
  dropout?: number;
  /** The teacher's answers are kept: by Python, or by the recorded engine before it. */
  kept?: { by: 'python' | 'here'; values: StoredValues };
}

const isEncoder = (family: Family): boolean => !('causal-lm' in familyLayouts[family].classNames);
const encoder = { task: 'text-classification', family: 'bert' } as const;
const hidden = { loss: 'mse' as const, layers: [[1, 0]] as [number, number][], weight: 0.1 };
const scores = { loss: 'mse' as const, layers: 'uniform' as const, weight: 0.3 };
const attended = { loss: 'ce' as const, layers: 'last' as const, weight: 0.3 };
const relations = { of: ['queries', 'keys', 'values'] as const, heads: 4, layers: 'last' as const, weight: 0.3 };

const all: Case[] = [
  ...divergenceNames.map((divergence): Case => ({ ...encoder, name: divergence, objective: { divergence } })),
  ...familyNames
    .filter((family) => !isEncoder(family))
    .map((family): Case => ({
      name: `${family}, causal-lm`,
      task: 'causal-lm',
      family,
      objective: { hidden, relations },
    })),
  ...familyNames.filter(isEncoder).flatMap((family): Case[] => [
    { name: `${family}, masked-lm`, task: 'masked-lm', family, dropout: 0.1, objective: { relations } },
    { name: `${family}, classes`, task: 'text-classification', family, dropout: 0.1, objective: { relations } },
    { name: `${family}, words`, task: 'token-classification', family, dropout: 0.1, objective: { hidden } },
  ]),
  { name: 'modernbert, mean', task: 'text-classification', family: 'modernbert', dropout: 0.1, poolsMean: true },
  { name: 'gpt2, classes', task: 'text-classification', family: 'gpt2' },
  { name: 'qwen2, classes', task: 'text-classification', family: 'qwen2' },
  { name: 'gemma2, classes', task: 'text-classification', family: 'gemma2', dropout: 0.1 },
  { ...encoder, name: 'several labels', problemType: 'multi-label' },
  { ...encoder, name: 'several labels, tvd', problemType: 'multi-label', objective: { divergence: 'tvd' } },
  { ...encoder, name: 'numbers', problemType: 'regression', objective: { divergence: 'mse-logits' } },
  {
    ...encoder,
    name: 'hidden cosine of another width',
    width: 8,
    objective: { hidden: { ...hidden, loss: 'cosine' } },
  },
  {
    ...encoder,
    name: 'last hidden state of another width',
    width: 8,
    objective: {
      hidden: {
        ...hidden,
        layers: [
          [0, 1],
          [1, 1],
        ],
      },
    },
  },
  { ...encoder, name: 'attention by distance', family: 'mpnet', objective: { attention: scores } },
  { ...encoder, name: 'rows without labels', unlabelled: true },
  { name: 'smoothed tokens', task: 'causal-lm', family: 'gemma2', control: 'label-smoothing' },
  { ...encoder, name: 'smoothed classes', control: 'label-smoothing', unlabelled: true },
  { ...encoder, name: 'several smoothed labels', control: 'label-smoothing', problemType: 'multi-label' },
  {
    ...encoder,
    name: 'schedules of T and α, without T²',
    objective: {
      temperature: { from: 8, to: 2, schedule: 'linear' },
      alpha: { from: 1, to: 0.25, schedule: 'linear' },
      scaleByTemperatureSquared: false,
    },
  },
  {
    ...encoder,
    // What all its blocks share lies below them.
    family: 'mpnet',
    name: 'layer decay, frozen blocks, all decays',
    training: { layerDecay: 0.8, frozenBlocks: 1, decayBiasAndNorm: true, clipNorm: 0 },
  },
  {
    name: 'accumulation',
    task: 'causal-lm',
    family: 'gpt2',
    dropout: 0.2,
    training: { gradientAccumulation: 2, batchSize: 3, schedule: 'linear', minLearningRateRatio: 0.25 },
    objective: { attention: scores, relations: { ...relations, layers: 'uniform' } },
  },
];

const again: Case = {
  name: 'blocks that are computed again',
  task: 'masked-lm',
  family: 'electra',
  dropout: 0.1,
  objective: imitations,
  torchrun: { activationCheckpointing: true },
};
all.push(again);

const keptCases: Case[] = [
  {
    name: 'answers that Python keeps',
    task: 'causal-lm',
    family: 'llama',
    kept: { by: 'python', values: 'float32' },
    objective: { attention: scores, relations },
  },
  {
    name: 'words that Python keeps',
    task: 'token-classification',
    family: 'bert',
    kept: { by: 'python', values: 'float32' },
  },
  { name: 'answers that were kept here', task: 'causal-lm', family: 'gpt2', kept: { by: 'here', values: 'float32' } },
  {
    ...encoder,
    name: 'classes that were kept here',
    unlabelled: true,
    width: 8,
    kept: { by: 'here', values: 'float16' },
    objective: { attention: attended, relations: { ...relations, of: ['queries', 'values'] } },
  },
  {
    ...encoder,
    name: 'classes that Python keeps, one hidden layer in float16',
    kept: { by: 'python', values: 'auto' },
  },
];
all.push(...keptCases.map((one): Case => ({ ...one, objective: { hidden, ...one.objective } })));

/** As long as all the others together. */
if (torture && hasCompiler) {
  all.push({
    name: 'blocks that are compiled',
    task: 'causal-lm',
    family: 'llama',
    dropout: 0.1,
    objective: { hidden },
    torchrun: { compile: true },
  });
}

/** The recorded engine computes it in float32 all the same. */
const rounded: Case = {
  name: 'bfloat16',
  task: 'causal-lm',
  family: 'gemma3_text',
  objective: { hidden },
  precision: 'bfloat16',
};

/** One of each kind that could go wrong by itself. */
const cases = allOr(
  all,
  all.filter(({ name }) =>
    [
      'jsd',
      'gemma2, causal-lm',
      'bert, masked-lm',
      'distilbert, classes',
      'distilbert, words',
      'attention by distance',
      'words that Python keeps',
      'rows without labels',
      'smoothed tokens',
      again.name,
      'accumulation',
      ...keptCases.map((one) => one.name),
    ].includes(name),
  ),
);

const training: TrainingSpec = {
  ...experimentSchema.shape.training.parse({}),
  epochs: 2,
  batchSize: 4,
  learningRate: 2e-3,
  warmup: 2,
  dropout: 0,
  seed: 5,
};

function architectureOf(one: Case, width: number, layers: number): Architecture {
  const { task, family, problemType, dropout = 0, poolsMean } = one;
  const head = {
    'text-classification': 'sequence-classification',
    'causal-lm': 'causal-lm',
    'masked-lm': 'masked-lm',
    'token-classification': 'token-classification',
  } as const;
  const sizes = {
    hiddenSize: width,
    layers,
    heads: 2,
    intermediateSize: 2 * width,
    vocabularySize: VOCABULARY,
    maxPositions: 24,
  };
  const rates = { dropout, attentionDropout: dropout, embeddingDropout: dropout, classifierDropout: dropout };
  const made = createArchitecture({
    family,
    ...sizes,
    ...(task === 'text-classification' && {
      labels: problemType === 'regression' ? ['n'] : ['a', 'b', 'c'],
      problemType,
    }),
    ...(task === 'token-classification' && { labels: ['O', 'B-X', 'I-X'] }),
    ...rates,
    head: head[task],
    initializerRange: 0.2,
    padId: familyLayouts[family].padsWith ?? 0,
  });
  return {
    ...made,
    // So small that they do something to rows of 24 tokens and to weights as small as these.
    ...(made.slidingWindow !== undefined && { slidingWindow: 6 }),
    ...(made.scoreCap !== undefined && { scoreCap: 0.5 }),
    ...(made.logitCap !== undefined && { logitCap: 1 }),
    ...(family === 'electra' && { embeddingSize: 12 }),
    ...(poolsMean && { poolsMean }),
  };
}

/** Rows of 3 to 24 random tokens. */
function examplesOf({ task, problemType, unlabelled }: Case, count: number, seed: number): TokenExample[] {
  const random = randomStream(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  return Array.from({ length: count }, (_, row) => {
    const length = 3 + below(22);
    const inputIds = Int32Array.from({ length }, () => 5 + below(VOCABULARY - 5));
    const labelOf = (): TokenExample['labels'] => {
      if (task === 'token-classification') return inputIds.map((id, i) => (i > 0 && i % 3 !== 2 ? id % 3 : -100));
      if (task !== 'text-classification') return inputIds.map((id, i) => (i < 2 ? -100 : id));
      if (problemType === 'multi-label') return Float32Array.from({ length: 3 }, () => below(2));
      if (problemType === 'regression') return Float32Array.of(4 * random());
      return unlabelled && row >= count - 5 ? -100 : below(3);
    };
    return { inputIds, typeIds: new Int32Array(length), labels: labelOf() };
  });
}

/** As much of a run as trainings look at. */
function runOf(one: Case, directory: string, executor: Executor): PreparedRun {
  const train = examplesOf(one, 14, 3);
  const labelled = one.unlabelled ? train.slice(0, -5) : train;
  const validation = examplesOf({ ...one, unlabelled: false }, 9, 4);
  const tokenizer = { padId: 0, vocabularySize: VOCABULARY, special: { mask: MASK } };
  return {
    executor,
    paths: runPaths(directory),
    experiment: {
      task: one.task,
      dataset: { maxLength: 24 },
      precision: one.precision ?? 'float32',
      distillation: {},
      torchrun: { dropout: 'exact', ...one.torchrun },
      teacher: {
        source: 'path',
        path: 'teacher',
        precision: 'float32',
        cache: one.kept ? { values: one.kept.values, maxGigabytes: 1, logits: 'all' } : false,
      },
    },
    torchrun: {},
    data: { tokenizer, train, labelled, validation, leftOut: 0 },
  } as unknown as PreparedRun;
}

interface Outcome {
  records: MetricsRecord[];
  evaluations: Metrics[];
  parameters: Record<string, Float32Array>;
  run: PreparedRun;
  pairing: DistilledPair;
  teacher: Model;
}

/** What the recorded engine does; the folder then holds what Python is to do. */
async function train(one: Case, directory: string, executor: Executor): Promise<Outcome> {
  mkdirSync(directory, { recursive: true });
  const run = runOf(one, directory, executor);
  const student = architectureOf(one, one.width ?? 16, 2);
  const teacher = architectureOf({ ...one, dropout: 0 }, 16, 2);
  const weights = initializeParameters(teacher, 11);
  const pairing: DistilledPair = {
    student,
    teacher,
    objective: {
      temperature: 2,
      alpha: 0.6,
      divergence: 'forward-kl',
      beta: 0.3,
      scaleByTemperatureSquared: true,
      ...one.objective,
    },
  };
  const spec = { ...training, ...one.training };
  const initial = { ...initializeParameters(student, spec.seed), ...initialProjections(pairing, spec.seed) };
  const frozen = new FrozenTeacher(executor, teacher, weights);
  if (one.kept?.by === 'here') await keepHere(one, run, pairing, frozen, weights);
  const trained: Pairing = one.control ? controlOf(pairing, one.control) : pairing;
  const role = one.control ? 'control' : 'student';
  await writeJob(
    run,
    {
      role,
      name: 'student',
      pairing: trained,
      teacher: { architecture: teacher, parameters: weights },
      initial: () => Promise.resolve(initial),
      paths: run.paths,
      spec,
    },
    {
      shared: path.join(directory, 'torchrun'),
      folder: path.join(directory, 'torchrun', 'student'),
      strategy: 'ddp',
      runner: process.pid,
    },
  );
  const source = trainingBatches(run, spec, role);
  const trainer = new Trainer({
    executor,
    task: one.task,
    pairing: trained,
    teacher: trained.objective && frozen,
    source,
    options: spec,
    initial,
  });
  const evaluator = new Evaluator({
    executor,
    task: one.task,
    model: student,
    teacher: frozen,
    batches: batchesOf(run, run.data.validation),
  });
  const evaluations = [await evaluator.evaluate(trainer.trained)];
  const records: MetricsRecord[] = [];
  while (trainer.position < trainer.steps) records.push(await trainer.step());
  evaluations.push(await evaluator.evaluate(trainer.trained));
  const { parameters } = await trainer.state();
  await trainer.release();
  await evaluator.release();
  frozen.release();
  return { records, evaluations, parameters, run, pairing, teacher: { architecture: teacher, parameters: weights } };
}

interface KeptHere {
  layout: CacheLayout;
  imitated: Imitated;
  files: TeacherCacheFiles;
}

/** The cache of an engine, as the runner opens it. */
async function openKept(
  { kept, task }: Case,
  run: PreparedRun,
  pairing: DistilledPair,
  model: Model,
  engine: string,
): Promise<KeptHere> {
  const values = kept!.values;
  const imitated = imitatedOf(pairing);
  const layout = layoutCache(run.data.train, { imitated, task, maxLength: 24, values });
  const { directory, record } = describeCache(run, { model, values, layout }, engine);
  return { layout, imitated, files: await TeacherCacheFiles.open(directory, record, layout.blocks) };
}

async function keepHere(
  one: Case,
  run: PreparedRun,
  pairing: DistilledPair,
  frozen: FrozenTeacher,
  parameters: Parameters,
): Promise<void> {
  const model = { architecture: frozen.architecture, parameters };
  const { layout, imitated, files } = await openKept(one, run, pairing, model, 'cpu');
  const teacher = frozen.targets(imitated);
  const { task } = one;
  const mayGoOn = () => Promise.resolve(true);
  await fillCache({ layout, store: files, task, imitated, examples: run.data.train, padId: 0, teacher, mayGoOn });
  await teacher.release();
  await files.close();
}

const script = fileURLToPath(new URL('../../python/tests/jobs.py', import.meta.url));

describe.skipIf(!hasPython)('a training on PyTorch is that of the recorded engine', () => {
  const folders = mkdtempSync(path.join(os.tmpdir(), 'distillery-torchrun-'));
  const folderOf = (one: Case): string => path.join(folders, String(all.indexOf(one)), '.distillery', 'runs', 'run');
  const trained = [...cases, rounded];
  const outcomes = new Map<Case, Outcome>();
  beforeAll(async () => {
    const executor = await openExecutor('cpu', { threads: 1 });
    for (const one of trained) outcomes.set(one, await train(one, folderOf(one), executor));
    const jobs = trained.map((one) => path.join(folderOf(one), 'torchrun', 'student'));
    await promisify(execFile)(python, [script, ...jobs], { env: { ...process.env, OMP_NUM_THREADS: '1' } });
  }, 600_000);

  it.each(cases)('$name: losses, gradient norms and rates of each step', (one) => {
    const { records } = outcomes.get(one)!;
    const theirs = metricsOf(folderOf(one));
    expect(theirs.length).toBe(records.length);
    for (const [i, own] of records.entries()) {
      const other = theirs[i]!;
      expect(Object.keys(other.loss).sort()).toEqual(Object.keys(own.loss).sort());
      // What was rounded to float16 is another number.
      const near = one.kept && one.kept.values !== 'float32' ? 10 : 1;
      for (const [name, value] of Object.entries(own.loss) as [keyof typeof own.loss, number][]) {
        expectNear(other.loss[name]!, value, `${name} of step ${i}`, near * 1e-4);
      }
      expectNear(other.gradientNorm, own.gradientNorm, `gradient norm of step ${i}`, near * 1e-3);
      for (const name of ['step', 'epoch', 'tokens', 'learningRate', 'temperature', 'alpha', 'padding'] as const) {
        // A control has no temperature.
        expect(other[name] ?? 0, name).toBeCloseTo(own[name] ?? 0, 12);
      }
      expect(Object.keys(other).sort()).toEqual(Object.keys(own).sort());
    }
  });

  it('the learning rate falls to its least, which the update after the last would have', () => {
    const one = cases.find(({ training: own }) => own?.minLearningRateRatio)!;
    const [before, last] = outcomes
      .get(one)!
      .records.slice(-2)
      .map(({ learningRate }) => learningRate);
    expect(last! - (before! - last!)).toBeCloseTo(one.training!.minLearningRateRatio! * training.learningRate, 12);
  });

  it.each(cases)('$name: metrics of evaluations', (one) => {
    const evaluations = evaluationsOf(folderOf(one));
    const theirs = [evaluations.at(0)!, evaluations.at(-1)!].map(({ metrics }) => metrics); // it looks once before the end too
    for (const [i, own] of outcomes.get(one)!.evaluations.entries()) {
      expect(Object.keys(theirs[i]!).sort()).toEqual(Object.keys(own).sort());
      for (const [name, value] of Object.entries(own)) {
        expectNear(theirs[i]![name as keyof Metrics]!, value as number, name, 2e-3);
      }
    }
  });

  it.each(keptCases)('$name: one cache for both', async ({ name }) => {
    const one = cases.find((other) => other.name === name)!;
    const { run, pairing, teacher } = outcomes.get(one)!;
    const caches = await listCaches(teacherCaches(path.dirname(folderOf(one))));
    const engine = one.kept!.by === 'here' ? 'cpu' : 'torchrun';
    expect(caches.map(({ computedBy, blocks }) => [computedBy, blocks])).toEqual([
      [[engine, 'float32', 'float32'], expect.any(Number)],
    ]);
    const kept = await openKept(one, run, pairing, teacher, engine);
    expect(kept.files.directory).toBe(caches[0]!.directory);
    expect((await kept.files.filled()).size).toBe(kept.layout.blocks.length);
    const planned = { length: 24, indices: Array.from({ length: run.data.train.length }, (_, i) => i) };
    const batch = collate(run.data.train, planned, { task: one.task, batchSize: planned.indices.length, padId: 0 });
    const inputs = batchInputs(batch, one.task);
    const read = await new CachedTargets({ ...kept, store: kept.files, task: one.task }).of(inputs);
    const frozen = new FrozenTeacher(
      await openExecutor('cpu', { threads: 1 }),
      teacher.architecture,
      teacher.parameters,
    );
    const asked = frozen.targets(kept.imitated);
    const said = await asked.of(inputs);
    for (const [output, target] of Object.entries(read)) {
      const [own, theirs] = [(await inHostMemory(target)).data, (await inHostMemory(said[output]!)).data];
      const counts = own.map((value, i) => (value === 0 ? 0 : Math.abs(value - theirs[i]!)));
      const isExact = one.kept!.values === 'float32' || (one.kept!.values === 'auto' && output === 'prediction');
      expect(Math.max(...counts), output).toBeLessThan(isExact ? 1e-5 : 5e-3);
      expect(own.filter((value) => value !== 0).length, output).toBeGreaterThan(planned.indices.length);
    }
    await asked.release();
    frozen.release();
    await kept.files.close();
  });

  it('in bfloat16 follows float32 within 2 %, and is something else', () => {
    const [own, theirs] = [outcomes.get(rounded)!.records, metricsOf(folderOf(rounded))];
    expect(theirs.length).toBe(own.length);
    expect(difference(theirs, own)).toBeLessThan(0.02);
    expect(difference(theirs, own)).toBeGreaterThan(1e-4);
  });

  it.each(cases)('$name: weights and moments after the last step', async (one) => {
    const last = path.join(folderOf(one), 'checkpoints', 'last');
    const stored = {
      ...(await readSafetensors(path.join(last, 'optimizer.safetensors'))),
      ...(await readSafetensors(path.join(last, 'model.safetensors'))),
    };
    const { parameters } = outcomes.get(one)!;
    for (const [name, own] of Object.entries(parameters)) {
      // Without rotary positions the true gradient of a key's bias is 0; what Adam magnifies is rounding.
      if (/key\.bias$|c_attn\.bias$|k_proj\.bias$|k_lin\.bias$|attn\.k\.bias$/.test(name)) continue;
      const theirs = toFloat32(stored[name]!)!;
      const most = own.reduce((largest: number, value, i) => Math.max(largest, Math.abs(value - theirs[i]!)), 0);
      expect(most, name).toBeLessThan(one.kept && one.kept.values !== 'float32' ? 2e-3 : 5e-5);
      expect(stored).toHaveProperty([`first.${name}`]);
      expect(stored).toHaveProperty([`second.${name}`]);
    }
  });
});

it('has each family', () => {
  const namesIn = (file: string, table: string): string[] => {
    const source = readFileSync(new URL(`../../python/distillery_torch/${file}.py`, import.meta.url), 'utf8');
    const entries = source.slice(source.indexOf(`${table}: dict`)).split('\n}\n')[0]!;
    return [...entries.matchAll(/^ {4}"([\w-]+)":/gm)].map(([, name]) => name!);
  };
  expect([
    ...namesIn('encoders', 'ENCODERS'),
    ...namesIn('models', 'FAMILIES'),
    ...namesIn('decoders', 'DECODERS'),
  ]).toEqual([...familyNames]);
});

/** Relative to the value, or to a thousandth where that is less: rounding of a divergence near 0 is as large as it. */
function expectNear(found: number, wanted: number, what: string, tolerance: number): void {
  expect(Math.abs(found - wanted) / Math.max(Math.abs(wanted), 1e-3), `${what}: ${found}, not ${wanted}`).toBeLessThan(
    tolerance,
  );
}
