/** @file Planned figures against what is recorded here: bytes exactly, operations and activations of the same step's graph. */

import { describe, expect, it } from 'vitest';
import { networks, deviceNamed, devices } from '../../src/distill/planning/devices';
import { activationBytesOfToken, forwardOperations } from '../../src/distill/planning/model-costs';
import {
  allReduceBytes,
  batchOperations,
  CHUNK_MATRICES,
  gatherBytes,
  planScaling,
  type StrategyPlan,
  predictionsOf,
  ringRate,
  type ScalingCase,
} from '../../src/distill/planning/scaling';
import type { Pairing } from '../../src/distill/pairing';
import { trainedSpecs, type BatchShape } from '../../src/distill/specs';
import { teacherProgram } from '../../src/distill/teacher/teacher-program';
import { predictPeakBytes } from '../../src/distill/training/memory-plan';
import { gradientsProgram } from '../../src/distill/training/gradients-program';
import { bytesOf } from '../../src/engine/graph/graph-memory';
import { operationsOf } from '../../src/engine/graph/operations';
import { workingBytes } from '../../src/engine/graph/working-memory';
import { createArchitecture } from '../../src/model/layouts/config';
import type { Task } from '../../src/protocol/records';

/** What a recorded step may have beside the products that are counted, or without: a decoder's few rows that predict have no gradient elsewhere. */
const OPERATIONS_TOLERANCE = 0.002;

/** Between what gradients are made of, counted by hand, and what a recorded graph holds at its peak. */
const ACTIVATIONS_TOLERANCE = 0.3;

/** Of all that a training takes beside libraries and the teacher's weights and pass, to the plan of the engines here: these read dropout's masks as inputs. */
const MEMORY_TOLERANCE = 0.35;

/** What that plan adds for recording and executors' own forms (training/memory-plan). */
const LOCAL_OVERHEAD = 64 * 2 ** 20;

const objective = {
  divergence: 'forward-kl' as const,
  beta: 0.5,
  scaleByTemperatureSquared: true,
  temperature: 2,
  alpha: 0.5,
};

const sizes = { hiddenSize: 64, heads: 4, vocabularySize: 320, maxPositions: 64 };
const encoder = { ...sizes, family: 'bert', head: 'sequence-classification', labels: ['no', 'yes'] } as const;
const models = {
  'text-classification': {
    student: createArchitecture({ ...encoder, labels: ['no', 'yes'], layers: 2 }),
    teacher: createArchitecture({ ...encoder, labels: ['no', 'yes'], layers: 3, hiddenSize: 96 }),
  },
  'token-classification': {
    student: createArchitecture({ ...encoder, head: 'token-classification', labels: ['O', 'B-X'], layers: 2 }),
    teacher: createArchitecture({
      ...encoder,
      head: 'token-classification',
      labels: ['O', 'B-X'],
      layers: 3,
      hiddenSize: 96,
    }),
  },
  'masked-lm': {
    student: createArchitecture({ ...sizes, family: 'bert', head: 'masked-lm', layers: 2 }),
    teacher: createArchitecture({ ...sizes, family: 'modernbert', head: 'masked-lm', layers: 3, hiddenSize: 96 }),
  },
  'causal-lm': {
    student: createArchitecture({ ...sizes, family: 'llama', head: 'causal-lm', layers: 2, keyValueHeads: 2 }),
    teacher: createArchitecture({ ...sizes, family: 'gpt2', head: 'causal-lm', layers: 3, hiddenSize: 96 }),
  },
};
/** Those that `torchrun` trains. */
type Planned = keyof typeof models;

const tasks = Object.keys(models) as Planned[];

const LENGTH = 48;

const caseOf = (task: Planned, more: Partial<ScalingCase> = {}): ScalingCase => ({
  student: models[task].student,
  teachers: [models[task].teacher],
  teacher: 'asked',
  objective,
  task,
  length: LENGTH,
  batchSize: 8,
  gradientAccumulation: 1,
  precision: 'float32',
  rows: 1000,
  epochs: 2,
  stored: { values: 'auto' },
  ...more,
});

const shapeOf = (task: Task, rows: number): BatchShape => ({
  rows,
  length: LENGTH,
  predictions: predictionsOf(task, rows, LENGTH),
});

const h100 = deviceNamed('H100')!;
const bytesNamed = (terms: readonly { name: string; bytes: number }[], name: string): number | undefined =>
  terms.find((term) => term.name === name)?.bytes;

describe('steps on the student’s own texts', () => {
  const onPolicy = (fraction: number, maxNewTokens = 16): Partial<ScalingCase> => ({
    objective: { ...objective, onPolicy: { fraction, maxNewTokens, temperature: 1 } },
    teacher: 'kept',
  });
  const planOf = (more: Partial<ScalingCase>) =>
    planScaling(caseOf('causal-lm', more), { device: h100, devices: 1, hosts: 1 }).chosen;

  it('take the time of writing, of each token all weights, and have the teacher compute in them', () => {
    const [never, half, all] = [planOf(onPolicy(0)), planOf(onPolicy(0.5)), planOf(onPolicy(1))];
    expect(never).toEqual(planOf({ teacher: 'kept' }));
    expect(never.writingSeconds).toBe(0);
    expect(half.writingSeconds).toBeGreaterThan(0);
    expect(all.writingSeconds).toBeCloseTo(2 * half.writingSeconds, 12);
    expect(planOf(onPolicy(1, 8)).writingSeconds).toBeCloseTo(half.writingSeconds, 12);
    expect(all.stepSeconds - all.computeSeconds - all.updateSeconds).toBeCloseTo(all.writingSeconds, 12);
    // All steps as where it is asked in every one.
    expect(all.operations).toBe(planOf({ teacher: 'asked' }).operations);
    expect(half.operations).toBeCloseTo((never.operations + all.operations) / 2, 0);
    // Keys and values: 2 layers of 2 heads, 16 wide.
    expect(bytesNamed(all.memory, 'keys and values of written texts')).toBe(2 * 2 * 8 * LENGTH * 2 * 16 * 4);
    expect(bytesNamed(half.memory, 'teacher weights')).toBe(
      bytesNamed(planOf({ teacher: 'asked' }).memory, 'teacher weights'),
    );
    expect(bytesNamed(never.memory, 'activations of the teacher')).toBeUndefined();
  });
});

describe.each(tasks)('a step of %s', (task) => {
  const planned = caseOf(task);
  const pairing: Pairing = { student: planned.student, teacher: models[task].teacher, objective };

  it('has as many operations as the recorded programs', () => {
    const shape = shapeOf(task, 8);
    const recorded =
      operationsOf(gradientsProgram(pairing, shape).graph) +
      operationsOf(teacherProgram({ teacher: models[task].teacher, blocks: [] }, shape).graph);
    expect(Math.abs(batchOperations(planned, shape, false) / recorded - 1)).toBeLessThan(OPERATIONS_TOLERANCE);
  });

  it('takes the bytes of its weights, gradients and moments exactly, divided among devices by fsdp alone', () => {
    const bytes = Object.values(trainedSpecs(pairing)).reduce((sum, spec) => sum + bytesOf(spec), 0);
    const machines = { device: h100, devices: 4, hosts: 2 };
    for (const [strategy, share] of [
      ['ddp', 1],
      ['fsdp', 8],
    ] as const) {
      const { memory } = planScaling(planned, machines, strategy).chosen;
      expect(bytesNamed(memory, 'student weights')).toBe(Math.ceil(bytes / share));
      expect(bytesNamed(memory, 'gradients')).toBe(Math.ceil(bytes / share));
      expect(bytesNamed(memory, 'moments')).toBe(Math.ceil((2 * bytes) / share));
    }
  });

  it('holds as much of each further row as the recorded program, within a named share', () => {
    // Without the constant part: gradients, the sums of the head.
    const of = (rows: number): number => workingBytes(gradientsProgram(pairing, shapeOf(task, rows)).graph);
    const recorded = (of(32) - of(16)) / (16 * LENGTH);
    const { student } = planned;
    const token = activationBytesOfToken(student, LENGTH, { productBytes: 4, keepsProbabilities: true });
    // So small a vocabulary is one chunk.
    const logits = task === 'text-classification' ? 0 : CHUNK_MATRICES * 4 * student.vocabularySize;
    const ofToken = student.layers * token + (logits * shapeOf(task, 16).predictions) / (16 * LENGTH);
    expect(Math.abs(ofToken / recorded - 1)).toBeLessThan(ACTIVATIONS_TOLERANCE);
  });
});

describe('memory', () => {
  it.each(tasks)('of %s is near what is planned for the engines here from the recorded programs', (task) => {
    // With dropout in it attention's probabilities exist on both.
    const student = { ...models[task].student, attentionDropout: 0.1 };
    const rows = 32;
    const planned = caseOf(task, { student, batchSize: rows });
    const { memory } = planScaling(planned, { device: h100, devices: 1, hosts: 1 }).chosen;
    const apart = ['libraries', 'teacher weights', 'activations of the teacher'];
    const trained = memory.filter(({ name }) => !apart.includes(name));
    const shapes = [shapeOf(task, rows)];
    const here = predictPeakBytes({
      pairing: { student, teacher: models[task].teacher, objective },
      shapes,
      evaluationShapes: [shapeOf(task, 1)],
      workingMemory: 'freed',
      moments: 'float32',
      accumulates: false,
      runsTeacher: true,
      evaluatedRows: 0,
      heldBytes: -LOCAL_OVERHEAD,
    });
    const bytes = trained.reduce((sum, one) => sum + one.bytes, 0);
    expect(Math.abs(bytes / here - 1)).toBeLessThan(MEMORY_TOLERANCE);
  });
});

it('of what is added by distance as much stays as of probabilities, which no kernel then does without', () => {
  const student = createArchitecture({ ...sizes, family: 'mpnet', head: 'masked-lm', layers: 2, attentionDropout: 0 });
  const machines = { device: h100, devices: 1, hosts: 1 };
  const { memory } = planScaling(caseOf('masked-lm', { student }), machines).chosen;
  const token = activationBytesOfToken(student, LENGTH, { productBytes: 4, keepsProbabilities: true });
  const rows = { tokens: 8 * LENGTH, predictions: shapeOf('masked-lm', 8).predictions };
  const bytes = bytesNamed(memory, 'activations of the student');
  expect(bytes).toBe(rows.tokens * 2 * token + 4 * rows.predictions * student.hiddenSize);
  // Nor would it be spared without dropout, as it is in a model that has nothing by distance.
  const spared = (family: 'bert' | 'mpnet'): boolean => {
    const base = createArchitecture({
      ...student,
      family,
      hiddenSize: 768,
      layers: 12,
      heads: 12,
      attentionDropout: 0.1,
    });
    const { notes } = planScaling(caseOf('masked-lm', { student: base, length: 512 }), machines);
    return notes.some((note) => note.includes('"dropout": 0 would spare'));
  };
  expect([spared('bert'), spared('mpnet')]).toEqual([true, false]);
});

it('of blocks that are computed again only inputs stay, and one forward pass more is computed', () => {
  const planned = caseOf('causal-lm');
  const machines = { device: h100, devices: 1, hosts: 1 };
  const [kept, again] = [planned, { ...planned, recomputesBlocks: true }].map(
    (one) => planScaling(one, machines).chosen,
  );
  const bytes = [kept!, again!].map(({ memory }) => bytesNamed(memory, 'activations of the student')!);
  const token = activationBytesOfToken(planned.student, LENGTH, { productBytes: 4, keepsProbabilities: false });
  const { layers, hiddenSize } = planned.student;
  const tokens = planned.batchSize * LENGTH;
  expect(bytes[0]! - bytes[1]!).toBe(tokens * ((layers - 1) * token - 4 * layers * hiddenSize));
  const { backbone } = forwardOperations(planned.student, shapeOf('causal-lm', planned.batchSize));
  expect(again!.operations - kept!.operations).toBeCloseTo(backbone, -1);
});

it('of relations two matrices a head and kind of vectors stay, the teacher’s vectors, and what their products take', () => {
  const relations = { of: ['queries', 'values'] as const, heads: 4, layers: 'last' as const, weight: 0.1 };
  const planned = caseOf('causal-lm');
  const [without, related] = [planned, { ...planned, objective: { ...objective, relations } }].map(
    (one) => planScaling(one, { device: h100, devices: 1, hosts: 1 }).chosen,
  );
  const more = (name: string): number => bytesNamed(related!.memory, name)! - bytesNamed(without!.memory, name)!;
  const tokens = planned.batchSize * LENGTH;
  expect(more('activations of the student')).toBe(2 * 4 * tokens * LENGTH * 2 * 4);
  // Queries and values: 64 and, of half as many heads, 32 wide in the student, 96 each in its teacher.
  expect(more('the teacher’s answers')).toBe(4 * tokens * (96 + 96));
  const products = 2 * tokens * LENGTH * (3 * (64 + 32) + (96 + 96));
  expect(related!.operations - without!.operations).toBeCloseTo(products, -1);
});

describe('communication', () => {
  it('is that of a ring: twice the gradients under ddp once a step, three times the weights under fsdp in each batch', () => {
    const planned = caseOf('causal-lm', { gradientAccumulation: 4 });
    const bytes = Object.values(trainedSpecs({ student: planned.student })).reduce(
      (sum, spec) => sum + bytesOf(spec),
      0,
    );
    const machines = { device: h100, devices: 8, hosts: 1 };
    expect(allReduceBytes(800, 8)).toBe(1400);
    expect(gatherBytes(800, 8)).toBe(700);
    expect(planScaling(planned, machines, 'ddp').chosen.communicationBytes).toBe((2 * 7 * bytes) / 8);
    expect(planScaling(planned, machines, 'fsdp').chosen.communicationBytes).toBe((4 * 3 * 7 * bytes) / 8);
    expect(planScaling(planned, { ...machines, devices: 1 }).chosen.communicationBytes).toBe(0);
  });

  it('goes at the rate of the slowest link of the ring, all adapters of a host together', () => {
    const rate = (devices: number, hosts: number, network?: keyof typeof networks): number =>
      ringRate({ device: h100, devices, hosts, ...(network && { network: networks[network] }) });
    expect(rate(8, 1)).toBe(450e9);
    expect(rate(8, 4)).toBe(400e9);
    expect(rate(2, 4)).toBe(100e9);
    expect(rate(8, 4, 'ethernet-100g')).toBe(12.5e9);
    expect(rate(1, 4)).toBe(50e9);
  });
});

describe('the strategy', () => {
  const student = createArchitecture({
    family: 'llama',
    head: 'causal-lm',
    hiddenSize: 4096,
    layers: 32,
    heads: 32,
    keyValueHeads: 8,
    intermediateSize: 14336,
    vocabularySize: 128256,
    maxPositions: 4096,
  });
  const large = caseOf('causal-lm', {
    student: { ...student, attentionDropout: 0, dropout: 0 },
    teachers: [{ ...student, layers: 80 }],
    length: 4096,
    batchSize: 64,
    precision: 'bfloat16',
  });
  const machines = { device: deviceNamed('H200')!, devices: 8, hosts: 1 };

  it('is ddp for what fits whole, and says what is left', () => {
    const { chosen, reason } = planScaling(caseOf('text-classification'), machines);
    expect(chosen.strategy).toBe('ddp');
    expect(reason).toMatch(/^ddp: fits with \d+ GB of 141 GB to spare/);
    expect(chosen.memoryBytes + chosen.freeBytes).toBeCloseTo(0.9 * 141e9, 0);
  });

  it('divides student and teacher where neither has room whole, in batches that fit', () => {
    const plan = planScaling(large, machines);
    expect(plan.chosen).toMatchObject({ strategy: 'fsdp with the teacher divided', fits: true });
    expect(plan.chosen.batchSize * plan.chosen.gradientAccumulation).toBe(64);
    expect(plan.notes.join(' ')).toContain(`"batchSize": ${plan.chosen.batchSize}`);
    expect(plan.others.every(({ fits }) => !fits)).toBe(true);
  });

  it('divides a teacher whose answers are kept too, and sends nothing of it in a step', () => {
    const [divided, whole] = ['fsdp with the teacher divided', 'fsdp'].map((strategy) => {
      const { chosen, others } = planScaling({ ...large, teacher: 'kept' }, machines, 'fsdp');
      return [chosen, ...others].find((plan) => plan.strategy === strategy)!;
    });
    const sentOf = (plan: StrategyPlan): number => plan.communicationBytes / plan.gradientAccumulation;
    expect(sentOf(divided!)).toBe(sentOf(whole!));
    expect(bytesNamed(divided!.memory, 'teacher weights')).toBeLessThan(bytesNamed(whole!.memory, 'teacher weights')!);
  });

  it('is told to be none where nothing fits, with what it would take', () => {
    const { chosen, reason } = planScaling(large, { device: deviceNamed('l4')!, devices: 2, hosts: 1 });
    expect(chosen.fits).toBe(false);
    expect(reason).toContain('does not fit');
  });

  it('needs nothing of a teacher where a server answers, and no step of it where its answers are kept', () => {
    const [asked, kept, elsewhere] = (['asked', 'kept', 'elsewhere'] as const).map(
      (teacher) => planScaling({ ...large, teacher }, machines, 'fsdp').chosen,
    );
    const weights = [asked, kept, elsewhere].map((plan) => bytesNamed(plan!.memory, 'teacher weights'));
    expect(weights).toEqual([weights[0], weights[0], undefined]);
    expect(bytesNamed(kept!.memory, 'activations of the teacher')).toBeUndefined();
    expect(kept!.operations / kept!.batchSize).toBeLessThan(asked!.operations / asked!.batchSize);
    expect(elsewhere!.operations).toBeLessThan(kept!.operations);
  });
});

it('kept answers pay from more passes on the slower they are read, and never where asking is quicker', () => {
  const machines = { device: h100, devices: 8, hosts: 1 };
  const { kept } = planScaling(caseOf('causal-lm', { precision: 'bfloat16' }), machines);
  const [own, logits] = kept;
  // A tiny teacher answers faster than a disk does.
  expect([own!.passes, logits!.passes]).toEqual([undefined, undefined]);
  expect(logits!.bytesOfToken).toBeCloseTo((2 * sizes.vocabularySize * (LENGTH - 1)) / LENGTH, 6);
  expect(own!.bytesOfToken).toBeCloseTo((4 * 96 * (LENGTH - 1)) / LENGTH, 6);
  expect(planScaling(caseOf('masked-lm'), machines).kept).toEqual([]);
});

it('each device has rates that belong together, and a source', () => {
  for (const { operations, memoryRate, link, source, memoryBytes } of devices) {
    expect(operations.bfloat16).toBeGreaterThan(operations.float32);
    expect(memoryRate).toBeGreaterThan(link.rate / 2);
    expect(memoryBytes).toBeGreaterThan(1e10);
    expect(source).toMatch(/data sheet|white paper/);
  }
});
