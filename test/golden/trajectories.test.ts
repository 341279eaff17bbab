import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import { Trainer, type TrainingOptions } from '../../src/distill/training/trainer';
import type { Pairing } from '../../src/distill/pairing';
import type { Engine } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { readSafetensors, toFloat32, type StoredTensor } from '../../src/model/files/safetensors';
import type { Batch } from '../../src/dataset/batches';
import { describeOnEach } from '../engine/executors';
import { allOr, torture } from '../torture';

const PROJECTION = 'projection.0';
const TOLERANCE = { total: 1e-5, weights: 1e-5 };

interface TrajectoryStep {
  lr: number;
  counted: number;
  total: number;
  soft: number;
  hard: number;
  hidden?: number;
  gradNorm: number;
}

interface Trajectory {
  oneStep: TrajectoryStep;
  steps: TrajectoryStep[];
}

const folder = (path: string): string => fileURLToPath(new URL(`data/distillation/${path}`, import.meta.url));

async function tensors(path: string): Promise<Record<string, StoredTensor>> {
  return readSafetensors(folder(path));
}

const options: TrainingOptions = {
  learningRate: 1e-3,
  schedule: 'linear',
  warmup: 4,
  weightDecay: 0.01,
  decayBiasAndNorm: true,
  clipNorm: 1,
  seed: 1,
};

/** The eight stored batches of [4, 12] tokens; step s uses batch s mod 8. */
async function storedBatches(family: string, classes: boolean): Promise<Batch[]> {
  const stored = await tensors(`${family}/batches.safetensors`);
  const part = (name: string, index: number, size: number): Int32Array =>
    Int32Array.from((stored[name]?.data ?? new Int32Array(8 * size)) as Int32Array, Number).subarray(
      index * size,
      (index + 1) * size,
    );
  return Array.from({ length: 8 }, (_, index) => {
    const mask = Float32Array.from(part('attention_mask', index, 48));
    return {
      rows: 4,
      length: 12,
      inputIds: part('input_ids', index, 48),
      typeIds: part('token_type_ids', index, 48),
      attentionMask: mask,
      labels: part('labels', index, classes ? 4 : 48),
      indices: Int32Array.of(0, 1, 2, 3),
      tokens: mask.reduce((a, b) => a + b, 0),
    };
  });
}

async function trainerOf(
  executor: Executor,
  family: 'bert' | 'gpt2',
  variant: 'logits' | 'hidden',
  steps: number,
): Promise<Trainer> {
  const [teacher, student] = [
    await loadCheckpoint(folder(`${family}/teacher`)),
    await loadCheckpoint(folder(`${family}/student`)),
  ];
  const pairing: Pairing = {
    student: student.architecture,
    teacher: teacher.architecture,
    objective: {
      divergence: 'forward-kl',
      beta: 0.5,
      scaleByTemperatureSquared: true,
      temperature: 2,
      alpha: 0.7,
      hidden: variant === 'hidden' ? { loss: 'mse', layers: [[1, 0]], weight: 0.1 } : undefined,
    },
  };
  const batches = await storedBatches(family, family === 'bert');
  const projection =
    variant === 'hidden'
      ? Object.values(await tensors(`${family}/hidden/projection.safetensors`)).map(toFloat32)[0]
      : undefined;
  return new Trainer({
    executor,
    task: family === 'bert' ? 'text-classification' : 'causal-lm',
    pairing,
    teacher: new FrozenTeacher(executor, teacher.architecture, teacher.parameters),
    source: { steps, stepsPerEpoch: 8, batchesOf: (step) => [batches[step % 8]!] },
    options: steps === 1 ? { ...options, schedule: 'constant', warmup: 0 } : options,
    initial: { ...student.parameters, ...(projection && { [PROJECTION]: projection }) },
  });
}

/** Key biases without rotary positions have a true gradient of 0; what is stored is rounding noise that Adam magnifies. */
function withoutKeyBias(family: string, name: string, values: Float32Array): Float32Array {
  if (name.endsWith('key.bias')) return new Float32Array();
  if (family === 'gpt2' && name.endsWith('attn.c_attn.bias')) {
    const third = values.length / 3;
    return Float32Array.from([...values.subarray(0, third), ...values.subarray(2 * third)]);
  }
  return values;
}

async function expectWeights(family: string, path: string, trainer: Trainer): Promise<void> {
  const expected = await tensors(path);
  const { parameters } = await trainer.state();
  const compared = Object.entries(expected).map(([stored, tensor]) => {
    const name = stored.startsWith('projection') ? PROJECTION : stored;
    const [ours, theirs] = [parameters[name]!, toFloat32(tensor)!].map((v) => withoutKeyBias(family, name, v)) as [
      Float32Array,
      Float32Array,
    ];
    expect(ours.length, name).toBe(theirs.length);
    // `not <` rather than `>=`, so that a NaN is a difference.
    const first = ours.findIndex((value, i) => !(Math.abs(value - theirs[i]!) < TOLERANCE.weights));
    expect(first, `${name}[${first}]: ${ours[first]}, PyTorch ${theirs[first]}`).toBe(-1);
    return name;
  });
  expect(compared.sort()).toEqual(Object.keys(parameters).sort());
}

const variants = [
  ['bert', 'logits'],
  ['bert', 'hidden'],
  ['gpt2', 'logits'],
  ['gpt2', 'hidden'],
] as const;

/** Those that imitate hidden states compute all that the others do. Shaders are compiled for minutes where the processor imitates the GPU. */
const followed = allOr(
  variants,
  variants.filter(
    ([family, variant]) =>
      variant === 'hidden' && (family === 'gpt2' || process.env.DISTILLERY_TEST_ENGINE !== 'webgpu'),
  ),
);

/**
 * Whether all 20 steps are taken: of tfjs's backends and WebGPU, where a step takes ten times as long, on the fastest by one family; else each stored batch
 * once.
 */
const takesAll = (engine: Engine, family: string): boolean =>
  torture || engine === 'cpu' || engine === 'openvino' || (engine === 'tfjs-wasm' && family === 'bert');

describeOnEach('distillation follows PyTorch', (executor, engine) =>
  describe.each(followed)('%s (%s)', (family, variant) => {
    const trajectory = JSON.parse(readFileSync(folder(`${family}/${variant}/trajectory.json`), 'utf8')) as Trajectory;

    const all = takesAll(engine, family);
    const [steps, after] = all ? [20, ', and in the weights after them'] : [8, ''];
    it(`in every loss component, gradient norm and rate of ${steps} steps${after}`, async () => {
      const trainer = await trainerOf(executor(), family, variant, 20);
      for (const expected of trajectory.steps.slice(0, steps)) {
        const { loss, learningRate, gradientNorm } = await trainer.step();
        expect(Math.abs(loss.total - expected.total)).toBeLessThan(TOLERANCE.total);
        expect(Math.abs(loss.soft! - expected.soft)).toBeLessThan(TOLERANCE.total);
        expect(Math.abs(loss.hard! - expected.hard)).toBeLessThan(TOLERANCE.total);
        if (expected.hidden === undefined) expect(loss.hidden).toBeUndefined();
        else expect(Math.abs(loss.hidden! - expected.hidden) / expected.hidden).toBeLessThan(TOLERANCE.total);
        expect(Math.abs(gradientNorm - expected.gradNorm) / expected.gradNorm).toBeLessThan(1e-4);
        expect(learningRate).toBeCloseTo(expected.lr, 10);
      }
      if (all) await expectWeights(family, `${family}/${variant}/after-20-steps.safetensors`, trainer);
    });

    it('in the weights after one step at the full rate', async () => {
      const trainer = await trainerOf(executor(), family, variant, 1);
      const { loss } = await trainer.step();
      expect(Math.abs(loss.total - trajectory.oneStep.total)).toBeLessThan(TOLERANCE.total);
      await expectWeights(family, `${family}/${variant}/after-1-step.safetensors`, trainer);
    });
  }),
);
