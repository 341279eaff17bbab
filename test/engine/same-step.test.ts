/** @file One distillation step on every engine: loss components, gradients and update are those of onnxruntime on the CPU. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { batchInputs, scalar } from '../../src/distill/batch-inputs';
import { divergences } from '../../src/distill/losses/divergences';
import type { Divergence } from '../../src/protocol/divergences';
import { mapValues, prefixed, withPrefix } from '../../src/distill/named';
import { decaysByDefault } from '../../src/distill/training/optimizer';
import { gradientsProgram } from '../../src/distill/training/gradients-program';
import { teacherProgram } from '../../src/distill/teacher/teacher-program';
import { parameterSpecs, projectionShapes, trainedSpecs } from '../../src/distill/specs';
import { imitatedOf, type DistilledPair } from '../../src/distill/pairing';
import { inverseOf } from '../../src/distill/losses/shift';
import { Updates } from '../../src/distill/training/updates';
import type { HostTensor } from '../../src/engine/array';
import { keepMasks } from '../../src/engine/graph/dropout';
import { openExecutor } from '../../src/engine/engines';
import type { Executor, GraphInput } from '../../src/engine/executor';
import type { Architecture } from '../../src/model/architecture';
import { createArchitecture, type ArchitectureOptions } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { Program } from '../../src/engine/graph/program';
import type { Task } from '../../src/protocol/records';
import type { Batch } from '../../src/dataset/batches';
import { randomStream } from '../../src/engine/random';
import { allOr } from '../torture';
import { describeOnEach } from './executors';

/**
 * Relative to the largest value of the kind; of parameters and moments absolute. Engines add in different orders, in float32: of a norm of 1,500 gradients
 * OpenVINO has up to 5.2e-7 of it more or less than float64 has, the others 1.4e-7, over all cases.
 */
const TOLERANCE = { loss: 1e-5, targets: 1e-5, gradient: 1e-5, update: 1e-6, norm: 1e-6 };

type Tensors = Record<string, HostTensor>;

interface Family {
  task: Task;
  model: Pick<ArchitectureOptions, 'family' | 'head' | 'labels' | 'embeddingSize'>;
}

const families: Record<string, Family> = {
  'bert classification': {
    task: 'text-classification',
    model: { family: 'bert', head: 'sequence-classification', labels: ['a', 'b', 'c'] },
  },
  'bert masked-lm': { task: 'masked-lm', model: { family: 'bert', head: 'masked-lm' } },
  'electra masked-lm': { task: 'masked-lm', model: { family: 'electra', head: 'masked-lm', embeddingSize: 6 } },
  'gpt2 causal-lm': { task: 'causal-lm', model: { family: 'gpt2', head: 'causal-lm' } },
};

const everyCase = Object.keys(families).flatMap((family) =>
  // A head whose rows are of another width than the hidden states differs in no divergence.
  (family === 'electra masked-lm' ? (['forward-kl'] as const) : (Object.keys(divergences) as Divergence[])).map(
    (divergence) => [family, divergence] as const,
  ),
);

/**
 * Every family, and with one of them one that imitates no hidden states and one that imitates their direction. What differs between divergences is their
 * loss: that and its gradients on each executor are those of `test/distill/recorded.test.ts`.
 */
const cases = allOr(
  everyCase,
  everyCase.filter(
    ([family, divergence]) =>
      divergence === 'forward-kl' ||
      (family === 'bert classification' && (divergence === 'reverse-kl' || divergence === 'jsd')) ||
      (family === 'gpt2 causal-lm' && divergence === 'reverse-kl'),
  ),
);

const VOCABULARY = 40;
const SHAPE = { rows: 3, length: 8 };

function architecture({ model }: Family, size: { layers: number; hiddenSize: number }): Architecture {
  const rates = { dropout: 0.1, attentionDropout: 0.1, embeddingDropout: 0.1, initializerRange: 0.3 };
  return createArchitecture({ ...model, ...size, ...rates, heads: 2, vocabularySize: VOCABULARY, maxPositions: 16 });
}

/** Not all: without it, a last layer computes only the rows that predict. */
const imitatesHidden = (divergence: Divergence): boolean => divergence !== 'reverse-kl';

function pairingOf(family: Family, divergence: Divergence): DistilledPair<Architecture> {
  return {
    student: architecture(family, { layers: 1, hiddenSize: 8 }),
    teacher: architecture(family, { layers: 2, hiddenSize: 12 }),
    objective: {
      divergence,
      beta: 0.3,
      scaleByTemperatureSquared: true,
      temperature: 2,
      alpha: 0.6,
      hidden: imitatesHidden(divergence)
        ? { loss: divergence === 'jsd' ? 'cosine' : 'mse', layers: [[1, 0]], weight: 0.5 }
        : undefined,
    },
  };
}

/** Rows of 8, 6 and 5 tokens, padded; every other token of a language model is predicted. */
function batchOf(task: Task): Batch {
  const { rows, length } = SHAPE;
  const random = randomStream(5);
  const lengths = [8, 6, 5];
  const positions = Array.from({ length: rows * length }, (_, i) => [Math.floor(i / length), i % length] as const);
  const tokens = Int32Array.from(positions, () => Math.floor(random() * VOCABULARY));
  const isReal = positions.map(([row, column]) => column < lengths[row]!);
  return {
    rows,
    length,
    inputIds: tokens,
    typeIds: Int32Array.from(positions, ([, column]) => (task === 'causal-lm' || column < 4 ? 0 : 1)),
    attentionMask: Float32Array.from(isReal, Number),
    labels:
      task === 'text-classification'
        ? Int32Array.of(2, 0, 1)
        : tokens.map((token, i) => (isReal[i] && i % 2 === 0 ? (token * 7) % VOCABULARY : -100)),
    indices: Int32Array.of(0, 1, 2),
    tokens: isReal.filter(Boolean).length,
  };
}

/** Initial weights, moved so that no bias is 0 and no norm is 1. */
function weights(a: Architecture, seed: number): Tensors {
  const random = randomStream(seed, 9);
  const initial = initializeParameters(a, seed);
  return mapValues(parameterSpecs(a), (spec, name) => ({
    ...spec,
    data: initial[name]!.map((value) => value + 0.2 * (random() - 0.5)),
  }));
}

/** Values between `from` and `to` in the same shapes. */
function filled(tensors: Tensors, seed: number, from: number, to: number): Tensors {
  const random = randomStream(seed);
  return mapValues(tensors, ({ shape, dtype, data }) => ({
    shape,
    dtype,
    data: Float32Array.from(data, () => from + (to - from) * random()),
  }));
}

/** A step's programs and inputs, the same for every engine. */
function stepOf(family: Family, divergence: Divergence) {
  const pairing = pairingOf(family, divergence);
  const batch = batchInputs(batchOf(family.task), family.task);
  const projections = mapValues(projectionShapes(pairing), (shape) => ({
    shape,
    dtype: 'float32' as const,
    data: new Float32Array(shape[0] * shape[1]),
  }));
  const trained = { ...weights(pairing.student, 1), ...filled(projections, 2, -0.5, 0.5) };
  const gradients = gradientsProgram(pairing, batch.shape);
  return {
    trained,
    teacher: teacherProgram(imitatedOf(pairing), batch.shape),
    gradients,
    specs: trainedSpecs(pairing),
    inputs: {
      ...batch.tensors,
      ...prefixed('teacher.', weights(pairing.teacher, 3)),
      ...prefixed('student.', trained),
      ...keepMasks(gradients.graph, 4, 0),
      temperature: scalar(2),
      alpha: scalar(0.6),
      inverseCount: scalar(inverseOf(batch.count)),
      inverseLabelled: scalar(inverseOf(batch.labelledCount)),
      inverseTokens: scalar(inverseOf(batch.tokens)),
    },
  };
}

type Step = ReturnType<typeof stepOf>;

async function run(executor: Executor, program: Program, inputs: Record<string, GraphInput>): Promise<Tensors> {
  const loaded = await executor.load(program);
  const outputs = await loaded.run(inputs);
  await loaded.release();
  return outputs;
}

const targetsOn = (executor: Executor, { teacher, inputs }: Step): Promise<Tensors> => run(executor, teacher, inputs);

const gradientsOn = (executor: Executor, { gradients, inputs }: Step, targets: Tensors): Promise<Tensors> =>
  run(executor, gradients, { ...inputs, ...prefixed('target.', targets) });

/** Parameters, moments and gradient norms after two updates with the same gradients. */
async function updatesOn(executor: Executor, { trained, specs }: Step, gradients: Tensors): Promise<Tensors> {
  const initial = mapValues(trained, ({ data }) => data as Float32Array);
  const constants = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decays: decaysByDefault };
  const updates = new Updates(executor, specs, constants, initial);
  for (const [name, { data }] of Object.entries(withPrefix('gradient.', gradients)))
    updates.gradients[name]!.write(data);
  const rates = { learningRate: 0.01, clipNorm: 0.5 };
  const norms = [
    await updates.apply({ ...rates, update: 1 }, false),
    await updates.apply({ ...rates, update: 2 }, false),
  ];
  const groups = { parameter: updates.parameters, first: updates.first, second: updates.second };
  const state: Tensors = {};
  for (const [group, { tensors }] of Object.entries(groups)) {
    for (const [name, tensor] of Object.entries(tensors)) {
      state[`${group}.${name}`] = { shape: tensor.shape, dtype: tensor.dtype, data: await tensor.read() };
    }
  }
  await updates.release();
  return { ...state, ...mapValues({ 'norm.0': norms[0]!, 'norm.1': norms[1]! }, scalar) };
}

const largest = (tensors: Tensors): number =>
  Math.max(...Object.values(tensors).flatMap(({ data }) => Array.from(data, Math.abs)));

/** Names of tensors that differ by more than `within`, with how much. A NaN differs. */
function differences(actual: Tensors, expected: Tensors, within: number): string[] {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  return Object.entries(expected).flatMap(([name, { data }]) => {
    const worst = Math.max(...Array.from(data, (value, i) => Math.abs(value - actual[name]!.data[i]!)));
    return worst <= within ? [] : [`${name}: ${worst}`];
  });
}

describe.each(cases)('a step of %s with %s', (family, divergence) => {
  const step = stepOf(families[family]!, divergence);
  let expected: { targets: Tensors; outputs: Tensors; state: Tensors };

  beforeAll(async () => {
    const executor = await openExecutor('cpu', { threads: 1 });
    const targets = await targetsOn(executor, step);
    const outputs = await gradientsOn(executor, step, targets);
    expected = { targets, outputs, state: await updatesOn(executor, step, outputs) };
  });

  describeOnEach('is the same', (executor) => {
    it('in what the teacher says', async () => {
      const targets = await targetsOn(executor(), step);
      expect(differences(targets, expected.targets, TOLERANCE.targets * largest(expected.targets))).toEqual([]);
    });

    it('in every loss component and gradient, and leaves no tensor behind', async () => {
      const before = tf.engine().state.numTensors;
      const outputs = await gradientsOn(executor(), step, expected.targets);
      expect(tf.engine().state.numTensors).toBe(before);
      const losses = withPrefix('loss.', expected.outputs);
      const hidden = imitatesHidden(divergence) ? ['hidden'] : [];
      expect(Object.keys(losses).sort()).toEqual(['hard', ...hidden, 'soft', 'total']);
      expect(differences(withPrefix('loss.', outputs), losses, TOLERANCE.loss * largest(losses))).toEqual([]);
      const gradients = withPrefix('gradient.', expected.outputs);
      const within = TOLERANCE.gradient * largest(gradients);
      expect(differences(withPrefix('gradient.', outputs), gradients, within)).toEqual([]);
    });

    it('in parameters, moments and gradient norms of two updates', async () => {
      const state = await updatesOn(executor(), step, expected.outputs);
      for (const kind of ['parameter', 'first', 'second', 'norm']) {
        const wanted = withPrefix(`${kind}.`, expected.state);
        const within = kind === 'norm' ? TOLERANCE.norm * largest(wanted) : TOLERANCE.update;
        expect(differences(withPrefix(`${kind}.`, state), wanted, within), kind).toEqual([]);
      }
    });
  });
});
