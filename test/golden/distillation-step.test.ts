import * as tf from '@tensorflow/tfjs-core';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { classLoss } from '../../src/distill/losses/head-loss';
import { hiddenLoss } from '../../src/distill/losses/hidden-loss';
import { mapValues } from '../../src/distill/named';
import { adamw, updateFactors, type UpdateFactors } from '../../src/distill/training/optimizer';
import { learningRateAt } from '../../src/distill/training/schedules';
import { inverseOf, predictionRows } from '../../src/distill/losses/shift';
import { readSafetensors } from '../../src/model/files/safetensors';
import type { Task } from '../../src/protocol/records';
import { expectClose, onCpu, valueOf } from '../distill/numbers';

onCpu();

interface Components {
  lr: number;
  counted: number;
  countedHidden?: number;
  total: number;
  soft: number;
  hard: number;
  hidden?: number;
  gradNorm: number;
}

const BATCH = { rows: 4, length: 12 };
const HIDDEN_WEIGHT = 0.1;

const folder = (family: string): URL => new URL(`data/distillation/${family}/`, import.meta.url);

/** Float32 and int32 tensors of a file, by name. */
async function tensorsOf(path: URL): Promise<Record<string, tf.Tensor>> {
  const stored = Object.entries(await readSafetensors(fileURLToPath(path)));
  return Object.fromEntries(
    stored.map(([name, { data, shape, dtype }]) => [
      name,
      tf.tensor(data as Float32Array | Int32Array, shape, dtype === 'I32' ? 'int32' : 'float32'),
    ]),
  );
}

interface FirstStep {
  task: Task;
  labels: Int32Array;
  attentionMask: tf.Tensor2D;
  activations: Record<string, tf.Tensor>;
  /** Empty where no hidden states are compared. */
  projection: Record<string, tf.Tensor>;
  student: Record<string, tf.Tensor>;
  gradients: Record<string, tf.Tensor>;
  afterOneStep: Record<string, tf.Tensor>;
  trajectory: { oneStep: Components; steps: Components[] };
}

/** Everything stored of the first step of one variant; it uses the first of the 8 batches. */
async function firstStep(family: 'bert' | 'gpt2', variant: 'logits' | 'hidden'): Promise<FirstStep> {
  const directory = folder(family);
  const file = (name: string): URL => new URL(`${variant}/${name}`, directory);
  const batches = await tensorsOf(new URL('batches.safetensors', directory));
  const labels = await batches.labels!.data<'int32'>();
  return {
    task: family === 'bert' ? 'text-classification' : 'causal-lm',
    labels: labels.slice(0, labels.length / 8),
    attentionMask: tf.reshape(tf.cast(tf.slice(batches.attention_mask!, 0, 1), 'float32'), [BATCH.rows, BATCH.length]),
    activations: await tensorsOf(file('step0.safetensors')),
    projection: variant === 'hidden' ? await tensorsOf(file('projection.safetensors')) : {},
    student: await tensorsOf(new URL('student/model.safetensors', directory)),
    gradients: await tensorsOf(file('gradients-step0.safetensors')),
    afterOneStep: await tensorsOf(file('after-1-step.safetensors')),
    trajectory: JSON.parse(readFileSync(file('trajectory.json'), 'utf8')) as FirstStep['trajectory'],
  };
}

const variants = (['bert', 'gpt2'] as const).flatMap((family) =>
  (['logits', 'hidden'] as const).map((variant) => [family, variant] as const),
);

describe.each(variants)('distillation of %s with %s, first step as in PyTorch', (family, variant) => {
  let golden: FirstStep;
  let oneStep: Components;
  beforeAll(async () => {
    golden = await firstStep(family, variant);
    oneStep = golden.trajectory.oneStep;
  });

  it('has the same components from the same activations', () => {
    const { rows, labels, counted, count } = predictionRows({ ...BATCH, labels: golden.labels }, golden.task);
    const logitsOf = (name: string): tf.Tensor2D => {
      const logits = golden.activations[name]!;
      return tf.gather(tf.reshape<tf.Rank.R2>(logits, [-1, logits.shape.at(-1)!]), tf.tensor1d(rows, 'int32'));
    };
    const { total, soft, hard } = classLoss({
      studentLogits: logitsOf('student_logits'),
      problemType: 'single-label',
      labels: tf.tensor1d(labels, 'int32'),
      counted: tf.tensor1d(counted),
      inverseCount: tf.scalar(inverseOf(count)),
      distillation: {
        divergence: 'forward-kl',
        beta: 0.5,
        temperature: tf.scalar(2),
        alpha: tf.scalar(0.7),
        temperatureScale: tf.scalar(4),
        teacherLogits: logitsOf('teacher_logits'),
      },
    });
    expect(count).toBe(oneStep.counted);
    expectClose(soft!, [oneStep.soft], 2e-6);
    expectClose(hard, [oneStep.hard], 2e-6);
    if (variant === 'logits') expectClose(total, [oneStep.total], 5e-6);
    else {
      const hidden = hiddenLoss('mse', {
        student: golden.activations.student_hidden as tf.Tensor3D,
        teacher: golden.activations.teacher_hidden as tf.Tensor3D,
        projection: golden.projection['projection.weight'] as tf.Tensor2D,
        attentionMask: golden.attentionMask,
        inverseCount: tf.scalar(1 / oneStep.countedHidden!),
      });
      expectClose(hidden, [oneStep.hidden!], 1e-5);
      expectClose(tf.add(total, tf.mul(hidden, HIDDEN_WEIGHT)), [oneStep.total], 5e-6);
    }
  });

  it('has the same gradient norm and the same weights after one update from the same gradients', () => {
    const parameters = { ...golden.student, ...golden.projection };
    const zeros = (): Record<string, tf.Tensor> =>
      Object.fromEntries(Object.entries(parameters).map(([name, p]) => [name, tf.zeros(p.shape)]));
    const squares = Object.values(golden.gradients).map((gradient) => tf.sum<tf.Scalar>(tf.square(gradient)));
    const gradientNorm = tf.sqrt(squares.reduce((sum, square) => tf.add(sum, square)));
    const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decays: () => true };
    const values = {
      learningRate: 1e-3,
      update: 1,
      gradientNorm: valueOf(gradientNorm),
      clipNorm: 1,
    };
    const factors = mapValues(updateFactors(values, options), (value) => tf.scalar(value)) as UpdateFactors<tf.Scalar>;
    const state = { parameters, firstMoments: zeros(), secondMoments: zeros(), gradients: golden.gradients };
    const next = adamw(state, factors, options);
    expect(Object.keys(next.parameters).sort()).toEqual(Object.keys(golden.afterOneStep).sort());
    expect(valueOf(gradientNorm)).toBeCloseTo(oneStep.gradNorm, 5);
    for (const [name, after] of Object.entries(golden.afterOneStep)) {
      expectClose(next.parameters[name]!, after, 1e-6);
      expect(Math.max(...tf.abs(tf.sub(after, parameters[name]!)).dataSync())).toBeGreaterThan(1e-6);
    }
  });

  it('has the same learning rate at each of the 20 updates', () => {
    const schedule = { learningRate: 1e-3, schedule: 'linear' as const, warmup: 4, updates: 20 };
    golden.trajectory.steps.forEach(({ lr }, k) => expect(learningRateAt(k, schedule)).toBeCloseTo(lr, 12));
  });
});
