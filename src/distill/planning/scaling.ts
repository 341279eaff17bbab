/**
 * @file What a training on PyTorch's engine takes on so many devices, by arithmetic alone: memory, communication, operations, time, and which
 * strategy is to be had for it. Terms are those of python/distillery_torch as it is; what is assumed has a name here.
 */

import { sizeOf } from '../../engine/array';
import { type Architecture, headSizeOf, isOpaque, keyValueHeadsOf, type TeacherModel } from '../../model/architecture';
import { hasRelativeBias } from '../../model/layouts/config';
import type { Task } from '../../protocol/records';
import { imitationCosts } from '../losses/imitation-losses';
import { maskedCapacity } from '../losses/shift';
import { type BlockReading, imitatedOf, keptOf, onPolicyOf, readOfStudent, type Objective } from '../pairing';
import { chunkRows } from '../prediction';
import { insideSpecs, isLanguageModel, logitsWidth, projectionShapes, type BatchShape } from '../specs';
import { canBeKept, recordParts, recordSize, type StoredValues } from '../teacher/records';
import { topBytes } from '../teacher/top-logits';
import { type Device, type Link, type Network, networks } from './devices';
import {
  activationBytesOfToken,
  forwardBytes,
  forwardOperations,
  matricesOf,
  parameterGroups,
  parametersOf,
  probabilityBytes,
} from './model-costs';

/** Of a device's peak, what a training reaches: Llama 3 had 0.38 to 0.43 on 8,192 and 16,384 H100 (Grattafiori et al., 2024, table 4), small models less. */
export const SHARE_OF_PEAK = 0.3;

/** Of a link's rate, what a collective reaches. */
export const SHARE_OF_LINK = 0.7;

/** Of a memory's rate, what the element-wise update reaches. */
const SHARE_OF_MEMORY_RATE = 0.7;

/** Of a device's memory, what may be planned for: the rest is the allocator's gaps. */
const SHARE_OF_MEMORY = 0.9;

/** How much longer than the fastest a simpler strategy may take: less than what the arithmetic leaves out. */
const ALIKE = 1.02;

/** CUDA's context, libraries' workspaces, NCCL's buffers. */
const LIBRARY_BYTES = 1.5e9;

/** Read or written of kept answers, for each host, in bytes a second: a shared file system, or one NVMe disk. */
const STORAGE_RATE = 2e9;

/** Draws of a position where the teacher's answers are sampled (Anshumann et al., 2025); all of them different is the most. */
const DRAWS = 50;

const FLOAT = 4;

/** Moments of AdamW. */
const MOMENTS = 2;

/** Bytes a parameter that AdamW reads and writes: weight, gradient and moments in, weight and moments out. */
const UPDATE_BYTES = 7 * FLOAT;

/** Matrices [chunk, V] in float32 that exist at once: both models' logits, their log-probabilities, the product of both, the gradient. */
export const CHUNK_MATRICES = 6;

export type Strategy = 'ddp' | 'fsdp' | 'fsdp with the teacher divided';

/** Whether the teacher computes in every step, its kept answers are read, or a server is asked. */
export type TeacherAccess = 'asked' | 'kept' | 'elsewhere';

export interface ScalingCase {
  student: Architecture;
  /** Several: an ensemble; none: a training on hard labels alone. */
  teachers: readonly TeacherModel[];
  teacher: TeacherAccess;
  objective: Objective;
  task: Task;
  /** Tokens a row, padding included. */
  length: number;
  batchSize: number;
  gradientAccumulation: number;
  precision: 'float32' | 'bfloat16';
  /** Rows of an epoch. */
  rows: number;
  epochs: number;
  stored: { values: StoredValues; top?: number | undefined };
  /** Whether a block keeps its input alone and is computed again in the backward pass. */
  recomputesBlocks?: boolean | undefined;
}

export interface Machines {
  device: Device;
  /** Of each host. */
  devices: number;
  hosts: number;
  /** In place of the device's own. */
  link?: Link | undefined;
  network?: Network | undefined;
}

interface MemoryTerm {
  name: string;
  bytes: number;
}

/** What a strategy comes to. */
export interface StrategyPlan {
  strategy: Strategy;
  /** As the experiment would have them: the file's, or a smaller batch and more of them, which is the same step. */
  batchSize: number;
  gradientAccumulation: number;
  rowsPerDevice: number;
  memory: MemoryTerm[];
  memoryBytes: number;
  fits: boolean;
  /** Of the device's memory, without what is left for the allocator. */
  freeBytes: number;
  /** Of one device, in a step. */
  operations: number;
  /** Sent by each device in a step. */
  communicationBytes: number;
  computeSeconds: number;
  communicationSeconds: number;
  updateSeconds: number;
  /** Of the student, where it learns from its own texts: in the mean of all steps. */
  writingSeconds: number;
  stepSeconds: number;
}

interface KeptAnswers {
  name: string;
  bytesOfToken: number;
  bytes: number;
  /** More passes over the rows (epochs of all runs) than this take less time with kept answers than asking; absent: none do, reading is slower. */
  passes?: number | undefined;
}

export interface ScalingPlan {
  chosen: StrategyPlan;
  reason: string;
  others: StrategyPlan[];
  parameters: { trained: number; teacher: number };
  /** Tokens that a step sees, padding included. */
  tokensOfStep: number;
  steps: number;
  seconds: number;
  kept: KeptAnswers[];
  notes: string[];
}

export const predictionsOf = (task: Task, rows: number, length: number): number =>
  ({
    'text-classification': rows,
    'causal-lm': rows * (length - 1),
    'masked-lm': maskedCapacity(rows, length),
    'token-classification': rows * length,
    'sentence-embedding': rows,
  })[task];

const shapeOf = ({ task, length }: Pick<ScalingCase, 'task' | 'length'>, rows: number): BatchShape => ({
  rows,
  length,
  predictions: predictionsOf(task, rows, length),
});

/** Share of the steps in which the teacher computes. */
function askedShare({ teacher, objective }: Pick<ScalingCase, 'teacher' | 'objective'>): number {
  return { asked: 1, kept: onPolicyOf(objective)?.fraction ?? 0, elsewhere: 0 }[teacher];
}

/** Of one behind a server nothing is known, and nothing of it lies or is computed here. */
const countOf = (model: TeacherModel): number => (isOpaque(model) ? (model.parameters ?? 0) : parametersOf(model));

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Everything that is trained: the student, and projections of hidden states whose widths differ. */
function trainedParameters({ student, teachers: [teacher], objective }: ScalingCase): number {
  const projections = Object.values(projectionShapes({ student, teacher: teacher!, objective }));
  return parametersOf(student) + sum(projections.map(sizeOf));
}

const teacherParameters = ({ teachers }: ScalingCase): number => sum(teachers.map(countOf));

/**
 * Operations of one batch on one device.
 * @param logitsAgain whether logits of several chunks are computed again in the backward pass
 */
export function batchOperations(
  planned: Pick<ScalingCase, 'student' | 'teachers' | 'teacher' | 'objective' | 'recomputesBlocks'>,
  shape: BatchShape,
  logitsAgain: boolean,
): number {
  const { student, teachers, teacher, objective, recomputesBlocks } = planned;
  const asked = askedShare(planned);
  const pairing = { student, teacher: teachers[0]!, objective };
  const isWhole = (a: Architecture, blocks: readonly BlockReading[]): boolean =>
    blocks.some(({ reading, block }) => reading === 'hidden' && block === a.layers - 1);
  const own = forwardOperations(student, shape, isWhole(student, readOfStudent(pairing)));
  const again = logitsAgain && isLanguageModel(student) ? 1 : 0;
  const ofTeachers = teachers.map((one) => {
    if (teacher === 'elsewhere') return 0;
    // As nothing more is known: each weight once a token.
    if (isOpaque(one)) return asked * 2 * countOf(one) * shape.rows * shape.length;
    const theirs = forwardOperations(one, shape, isWhole(one, imitatedOf(pairing).blocks));
    // Of kept answers the logits are still made: what is kept is what they are made of.
    return asked * theirs.backbone + (1 + again) * theirs.logits;
  });
  const widths = Object.values(projectionShapes({ student, teacher: teachers[0]!, objective })).map(sizeOf);
  const projections = 2 * shape.rows * shape.length * sum(widths);
  const passes = recomputesBlocks ? 4 : 3;
  const comparing = shape.rows * shape.length * imitationCosts(pairing, shape.length).operations;
  return passes * own.backbone + 3 * projections + comparing + (3 + again) * own.logits + sum(ofTeachers);
}

/**
 * Seconds of a step, in the mean of all, in which the student writes on one device: each token of a batch's texts reads all weights, and computes
 * one of each text.
 */
function writingSeconds({ student, objective, length, precision }: ScalingCase, device: Device, rows: number): number {
  const onPolicy = onPolicyOf(objective);
  if (!onPolicy) return 0;
  const tokens = Math.min(onPolicy.maxNewTokens, length - 1);
  const { backbone, logits } = forwardOperations(student, { rows, length, predictions: rows * length });
  const computing = (backbone + logits) / length / (SHARE_OF_PEAK * device.operations[precision]);
  const reading = (FLOAT * parametersOf(student)) / (SHARE_OF_MEMORY_RATE * device.memoryRate);
  return onPolicy.fraction * tokens * Math.max(computing, reading);
}

/** Keys and values of the texts that the student writes. */
function writtenBytes({ student, objective, length }: ScalingCase, rows: number): number {
  if (!onPolicyOf(objective)) return 0;
  return 2 * FLOAT * student.layers * rows * length * keyValueHeadsOf(student) * headSizeOf(student);
}

/** Bytes that each of n devices sends in a ring's all-reduce (Patarasuk and Yuan, 2009): a reduce-scatter and an all-gather. */
export const allReduceBytes = (bytes: number, n: number): number => (2 * (n - 1) * bytes) / n;

/** Of an all-gather, or a reduce-scatter, of so many bytes in all. */
export const gatherBytes = (bytes: number, n: number): number => ((n - 1) * bytes) / n;

/** Bytes a second between devices that form one ring: the slower of a device's link and all adapters of a host together. */
export function ringRate({ device, devices, hosts, link, network }: Machines): number {
  const within = devices > 1 ? (link ?? device.link).rate : Infinity;
  const { rate, each } = network ?? networks[device.network];
  return Math.min(within, hosts > 1 ? rate * (each === 'device' ? devices : 1) : Infinity);
}

/**
 * Whether all probabilities of attention exist: without dropout in it a fused kernel does without, which is given the mask. What is learned by distance is
 * in that mask, and kernels keep as much of it where it has a gradient.
 */
const hasProbabilities = (student: Architecture): boolean => student.attentionDropout > 0 || hasRelativeBias(student);

function memoryOf(planned: ScalingCase, machines: Machines, strategy: Strategy, rowsPerDevice: number): MemoryTerm[] {
  const { student, teachers, precision, length, recomputesBlocks } = planned;
  const asked = askedShare(planned) > 0;
  const n = machines.devices * machines.hosts;
  const shape = shapeOf(planned, rowsPerDevice);
  const tokens = rowsPerDevice * length;
  const productBytes = precision === 'bfloat16' ? 2 : FLOAT;
  const trained = trainedParameters(planned);
  const isDivided = strategy !== 'ddp';
  const share = isDivided ? n : 1;
  const divided = (bytes: number): number => Math.ceil(bytes / share);
  const { block, outside } = parameterGroups(student);
  // A block that is computed, the next that is fetched, and what is outside the blocks, which stays; as much again of gradients for the largest.
  const gathered = FLOAT * (2 * block + outside + Math.max(block, outside));
  const { projections, others, ofTokens, ofPredictions, vocabulary } = matricesOf(student);
  const products = student.layers * (projections + others) + ofTokens + ofPredictions + vocabulary;
  const ours = teachers.flatMap((one) => (isOpaque(one) ? [] : [one]));
  // Of kept answers logits are made by its head, and all of it stays.
  const held = { asked: teachers, kept: asked ? teachers : ours, elsewhere: [] }[planned.teacher];
  const teacherBytes = FLOAT * sum(held.map(countOf));
  // As of the student, but without gradients.
  const gatheredOfTeacher = Math.max(
    0,
    ...ours.map(parameterGroups).map((one) => FLOAT * (2 * one.block + one.outside)),
  );
  const isTeacherDivided = strategy === 'fsdp with the teacher divided';
  const keepsProbabilities = hasProbabilities(student);
  const ofToken = activationBytesOfToken(student, length, { productBytes, keepsProbabilities });
  // Computed again, all blocks have their inputs, and one of them the rest.
  const keptOfBlocks = recomputesBlocks
    ? student.layers * FLOAT * student.hiddenSize + ofToken
    : student.layers * ofToken;
  const mask = keepsProbabilities ? 0 : length * productBytes;
  const head = FLOAT * shape.predictions * student.hiddenSize;
  const pairing = { student, teacher: teachers[0]!, objective: planned.objective };
  const inside = teachers.length > 0 ? insideSpecs(imitatedOf(pairing), shape) : {};
  const chunk = Math.min(shape.predictions, chunkRows(student.vocabularySize));
  const logits = isLanguageModel(student)
    ? CHUNK_MATRICES * chunk * student.vocabularySize
    : CHUNK_MATRICES * shape.predictions * logitsWidth(student);
  const terms: MemoryTerm[] = [
    { name: 'student weights', bytes: divided(FLOAT * trained) },
    { name: 'gradients', bytes: divided(FLOAT * trained) },
    { name: 'moments', bytes: divided(MOMENTS * FLOAT * trained) },
    { name: 'weights in bfloat16', bytes: precision === 'bfloat16' ? 2 * products : 0 },
    // DDP sums gradients in buckets of its own.
    { name: 'communication buffers', bytes: n === 1 ? 0 : isDivided ? gathered : FLOAT * trained },
    {
      name: 'teacher weights',
      bytes: isTeacherDivided ? Math.ceil(teacherBytes / n) + gatheredOfTeacher : teacherBytes,
    },
    {
      name: 'activations of the student',
      bytes: tokens * (keptOfBlocks + mask + FLOAT * imitationCosts(pairing, length).numbers) + head,
    },
    {
      name: 'activations of the teacher',
      bytes: asked ? Math.max(0, ...ours.map((one) => forwardBytes(one, shape, productBytes))) : 0,
    },
    {
      name: 'the teacher’s answers',
      bytes:
        sum(ours.map((one) => (isLanguageModel(one) ? FLOAT * shape.predictions * one.hiddenSize : 0))) +
        FLOAT * sum(Object.values(inside).map(({ shape: one }) => sizeOf(one))),
    },
    { name: 'logits chunks', bytes: FLOAT * logits },
    { name: 'keys and values of written texts', bytes: writtenBytes(planned, rowsPerDevice) },
    { name: 'libraries', bytes: LIBRARY_BYTES },
  ];
  return terms.filter(({ bytes }) => bytes > 0);
}

function communicationOf(planned: ScalingCase, n: number, strategy: Strategy, batches: number): number {
  const bytes = FLOAT * trainedParameters(planned);
  // Once a step: gradients of its earlier batches stay where they are.
  if (strategy === 'ddp') return allReduceBytes(bytes, n);
  // In every batch: weights before the forward and before the backward pass, gradients after it (Rajbhandari et al., 2020, section 7).
  const teacher = strategy === 'fsdp' ? 0 : askedShare(planned) * FLOAT * teacherParameters(planned);
  return batches * (3 * gatherBytes(bytes, n) + gatherBytes(teacher, n));
}

function withStrategy(planned: ScalingCase, machines: Machines, strategy: Strategy, batchSize: number): StrategyPlan {
  const { device } = machines;
  const n = machines.devices * machines.hosts;
  const batches = Math.ceil((planned.batchSize * planned.gradientAccumulation) / batchSize);
  const rowsPerDevice = Math.ceil(batchSize / n);
  const shape = shapeOf(planned, rowsPerDevice);
  const memory = memoryOf(planned, machines, strategy, rowsPerDevice);
  const memoryBytes = sum(memory.map(({ bytes }) => bytes));
  const freeBytes = SHARE_OF_MEMORY * device.memoryBytes - memoryBytes;
  const logitsAgain = shape.predictions > chunkRows(planned.student.vocabularySize);
  const operations = batches * batchOperations(planned, shape, logitsAgain);
  const communicationBytes = communicationOf(planned, n, strategy, batches);
  const computeSeconds = operations / (SHARE_OF_PEAK * device.operations[planned.precision]);
  const communicationSeconds = n === 1 ? 0 : communicationBytes / (SHARE_OF_LINK * ringRate(machines));
  const writing = batches * writingSeconds(planned, device, rowsPerDevice);
  const updated = trainedParameters(planned) / (strategy === 'ddp' ? 1 : n);
  const updateSeconds = (UPDATE_BYTES * updated) / (SHARE_OF_MEMORY_RATE * device.memoryRate);
  return {
    strategy,
    batchSize,
    gradientAccumulation: batches,
    rowsPerDevice,
    memory,
    memoryBytes,
    fits: freeBytes >= 0,
    freeBytes,
    operations,
    communicationBytes,
    computeSeconds,
    communicationSeconds,
    updateSeconds,
    writingSeconds: writing,
    // One after the other: what is overlapped only takes less.
    stepSeconds: computeSeconds + communicationSeconds + updateSeconds + writing,
  };
}

/** With the file's batch where that fits, otherwise with the largest half, quarter … of it that does; with one row a device where none does. */
function largestThatFits(planned: ScalingCase, machines: Machines, strategy: Strategy): StrategyPlan {
  const n = machines.devices * machines.hosts;
  let batchSize = planned.batchSize;
  for (;;) {
    const plan = withStrategy(planned, machines, strategy, batchSize);
    if (plan.fits || batchSize % 2 !== 0 || batchSize / 2 < n) return plan;
    batchSize /= 2;
  }
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(bytes < 10e9 ? 1 : 0);

/**
 * @param wanted "auto": of those that fit the one that takes the least time, the simplest first where times are alike
 */
export function planScaling(
  planned: ScalingCase,
  machines: Machines,
  wanted: 'auto' | 'ddp' | 'fsdp' = 'auto',
): ScalingPlan {
  const n = machines.devices * machines.hosts;
  const canDivideTeacher = planned.teacher !== 'elsewhere' && planned.teachers.every((one) => !isOpaque(one));
  const possible: Strategy[] =
    n === 1 ? ['ddp'] : ['ddp', 'fsdp', ...(canDivideTeacher ? (['fsdp with the teacher divided'] as const) : [])];
  const asked = possible.filter((one) => n === 1 || wanted === 'auto' || one.startsWith(wanted));
  const plans = asked.map((strategy) => largestThatFits(planned, machines, strategy));
  const fitting = plans.filter(({ fits }) => fits);
  const least = Math.min(...fitting.map(({ stepSeconds }) => stepSeconds));
  // The simplest are first.
  const best =
    fitting.find(({ stepSeconds }) => stepSeconds <= ALIKE * least) ??
    plans.reduce((a, b) => (b.memoryBytes < a.memoryBytes ? b : a));
  const total = `${gigabytes(machines.device.memoryBytes)} GB`;
  const name = n === 1 ? 'one device' : best.strategy;
  const reason = best.fits
    ? `${name}: fits with ${gigabytes(best.freeBytes)} GB of ${total} to spare${otherThan(best, plans)}`
    : `${name}: does not fit, ${gigabytes(best.memoryBytes)} GB of ${total} at rows × batches of ${best.rowsPerDevice} × ${best.gradientAccumulation}`;
  const tokensOfStep = planned.batchSize * planned.gradientAccumulation * planned.length;
  const steps = planned.epochs * Math.ceil(planned.rows / (planned.batchSize * planned.gradientAccumulation));
  return {
    chosen: best,
    reason,
    others: plans.filter((plan) => plan !== best),
    parameters: { trained: trainedParameters(planned), teacher: teacherParameters(planned) },
    tokensOfStep,
    steps,
    seconds: steps * best.stepSeconds,
    kept: canBeKept(planned.task) && teacherParameters(planned) > 0 ? keptAnswers(planned, machines) : [],
    notes: notesOn(planned, machines, best),
  };
}

function otherThan(best: StrategyPlan, plans: readonly StrategyPlan[]): string {
  const others = plans.filter((plan) => plan !== best);
  const said = others.map(({ strategy, fits, stepSeconds }) =>
    fits
      ? `${strategy} would take ${(stepSeconds / best.stepSeconds).toFixed(2)} times as long`
      : `${strategy} does not fit`,
  );
  return said.length > 0 ? `; ${said.join(', ')}` : '';
}

/** Ways to keep the teacher's answers to all rows, as the file says first. */
function keptAnswers(planned: ScalingCase, machines: Machines): KeptAnswers[] {
  const { teachers, objective, task, length, rows, student, stored } = planned;
  const [teacher] = teachers;
  const tokens = rows * length;
  const seconds = secondsOfTeacher(planned, machines);
  const withBytes = (name: string, bytesOfToken: number): KeptAnswers => {
    const bytes = bytesOfToken * tokens;
    const reading = bytes / (STORAGE_RATE * machines.hosts);
    // Asked p times: p · T. Kept: T and the writing once, then p times the reading.
    const passes = seconds > reading ? (seconds + reading) / (seconds - reading) : undefined;
    return { name, bytesOfToken, bytes, passes };
  };
  const counted = { predictions: predictionsOf(task, 1, length), tokens: length, pairs: length ** 2 };
  const imitated = keptOf({ student, teacher: teacher!, objective });
  const own = recordSize(recordParts(imitated, stored.values, stored.top), counted) * teachers.length;
  const vocabulary = isLanguageModel(student) ? student.vocabularySize : 0;
  const perToken = counted.predictions / length;
  return [
    withBytes('as the experiment keeps them', own / length),
    ...(vocabulary > 0
      ? [
          withBytes('all logits in float16', 2 * vocabulary * perToken),
          withBytes('the 64 most probable', topBytes(vocabulary, Math.min(64, vocabulary)) * perToken),
          withBytes(`${DRAWS} draws`, topBytes(vocabulary, Math.min(DRAWS, vocabulary)) * perToken),
        ]
      : []),
  ];
}

/** Of the teacher alone over all rows once, all devices at work. */
export function secondsOfTeacher({ teachers, task, length, rows, precision }: ScalingCase, machines: Machines): number {
  const shape = shapeOf({ task, length }, 1);
  const operations = teachers.map((one) =>
    isOpaque(one) ? 2 * countOf(one) * length : forwardOperations(one, shape).backbone,
  );
  const rate = SHARE_OF_PEAK * machines.device.operations[precision] * machines.devices * machines.hosts;
  return (rows * sum(operations)) / rate;
}

function notesOn(planned: ScalingCase, machines: Machines, plan: StrategyPlan): string[] {
  const { student, length, precision } = planned;
  const n = machines.devices * machines.hosts;
  const notes: string[] = [];
  if (plan.batchSize !== planned.batchSize) {
    notes.push(
      `Write "batchSize": ${plan.batchSize}, "gradientAccumulation": ${plan.gradientAccumulation}: the same step in parts that fit.`,
    );
  }
  if (n > plan.batchSize)
    notes.push(`A batch of ${plan.batchSize} rows leaves ${n - plan.batchSize} of ${n} devices idle.`);
  else if (plan.batchSize % n !== 0)
    notes.push(`${n} devices do not divide a batch of ${plan.batchSize} rows: some wait.`);
  if (student.attentionDropout > 0 && !hasRelativeBias(student)) {
    const tokens = plan.rowsPerDevice * length * student.layers;
    const bytes = tokens * probabilityBytes(student, length, precision === 'bfloat16' ? 2 : 4);
    if (bytes > 0.1 * plan.memoryBytes) {
      notes.push(
        `"dropout": 0 would spare ${gigabytes(bytes)} GB: attention's probabilities, which a fused kernel does without.`,
      );
    }
  }
  if (planned.teachers.some(isOpaque))
    notes.push('Of a teacher that another program computes only the number of weights is known.');
  return notes;
}
