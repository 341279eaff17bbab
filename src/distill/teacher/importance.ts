/**
 * @file How important the units of a teacher are, by what they say on some examples (Muralidharan et al., 2024): heads by the length of
 * what they read from the values, MLP units by what they give to the second matrix, dimensions of the hidden states by what the norms make
 * of them, which is what the blocks' matrices read.
 */

import * as tf from '@tensorflow/tfjs-core';
import { watchingLinear } from '../../engine/graph/ops';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import type { LoadedProgram } from '../../engine/executor';
import type { Batch } from '../../dataset/batches';
import { type Architecture, headSizeOf } from '../../model/architecture';
import { backbone, classificationLogits, classifiedRows } from '../../model/computations/transformer';
import { layoutOf } from '../../model/layouts/families';
import type { Importance } from '../../model/pruning';
import type { Task } from '../../protocol/records';
import { batchInputs, ByShape } from '../batch-inputs';
import { prefixed, withPrefix } from '../named';
import { modelInputs } from '../prediction';
import { isLanguageModel, parameterSpecs, predictsTokens, tokenSpecs, type BatchShape } from '../specs';
import type { FrozenTeacher } from './teacher';

/**
 * Runs the teacher on these batches; of them only sums are kept.
 * @param recorded its `importanceProgram`s
 */
export async function measureImportance(
  teacher: FrozenTeacher,
  batches: Iterable<Batch>,
  task: Task,
  recorded: (shape: BatchShape) => Program = (shape) => importanceProgram(teacher.architecture, shape),
): Promise<Importance> {
  const { executor, architecture } = teacher;
  const programs = new ByShape<Promise<LoadedProgram>>((shape) => executor.load(recorded(shape)));
  const sums = new Map<string, Float64Array>();
  for (const batch of batches) {
    const { shape, tensors } = batchInputs(batch, task);
    const outputs = await (await programs.get(shape)).run({ ...tensors, ...teacher.parameters });
    for (const [name, { data }] of Object.entries(outputs)) {
      const sum = sums.get(name) ?? new Float64Array(data.length);
      sums.set(
        name,
        sum.map((value, i) => value + data[i]!),
      );
    }
  }
  for (const program of programs.all()) await (await program).release();
  return importanceOf(architecture, sums);
}

/** The norm over the examples; of dimensions added up over all places where they are read. */
function importanceOf(a: Architecture, sums: ReadonlyMap<string, Float64Array>): Importance {
  const norm = (name: string): Float64Array => sums.get(name)!.map(Math.sqrt);
  const width = new Float64Array(a.hiddenSize);
  for (const name of sums.keys()) {
    if (name.startsWith('width.')) norm(name).forEach((value, i) => (width[i]! += value));
  }
  return {
    blocks: Array.from({ length: a.layers }, (_, block) => ({
      heads: norm(`heads.${block}`),
      inner: norm(`inner.${block}`),
    })),
    width,
    ...(sums.has('pooled') && { pooled: norm('pooled') }),
  };
}

/** Forward pass of the teacher: tokens → for each kind of unit Σ over the rows of the square of its mean over the row's tokens. */
export function importanceProgram(a: Architecture, shape: BatchShape): Program {
  const inputs = { ...tokenSpecs(shape), ...prefixed('teacher.', parameterSpecs(a)) };
  const layout = layoutOf(a.family);
  const axes = layout.axes(a);
  return record(`importance-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const parameters = withPrefix('teacher.', tensors);
    const names = new Map(Object.entries(parameters).map(([name, tensor]) => [tensor, name]));
    const tokens = modelInputs(tensors);
    const outputs: Record<string, tf.Tensor> = {};
    const real = tf.max(tokens.attentionMask, 1, true); // [B, 1]: 0 for filler rows, which count for nothing
    /** Several matrices read the same. */
    const seen = new Set<tf.Tensor>();
    const readByBlocks = (x: tf.Tensor): void => {
      if (x.rank !== 3 || seen.has(x)) return;
      outputs[`width.${seen.size}`] = overRows(tf.abs(x), tokens.attentionMask);
      seen.add(x);
    };
    watchingLinear(
      (x, weight, matrix) => {
        const name = names.get(weight);
        if (name === undefined) return;
        const units = axes[name]![matrix === 'out-in' ? 1 : 0];
        const block = Array.from({ length: a.layers }, (_, index) => index).find((index) =>
          name.startsWith(layout.layerPrefix(index)),
        );
        if (units === 'width') readByBlocks(x);
        else if (units === 'inner') outputs[`inner.${block}`] = overRows(tf.abs(x), tokens.attentionMask);
        else if (units === 'queries') outputs[`heads.${block}`] = overRows(lengths(a, x), tokens.attentionMask);
        else if (units === 'pooled') {
          const counts = predictsTokens(a) ? tf.reshape(tokens.attentionMask, [-1, 1]) : real;
          outputs.pooled = tf.sum(tf.square(tf.mul(x, counts)), 0);
        }
      },
      () => {
        const last = backbone(a, parameters, tokens).hiddenStates[a.layers]!;
        readByBlocks(last);
        if (isLanguageModel(a)) return;
        const rows = predictsTokens(a) ? tf.reshape(last, [-1, a.hiddenSize]) : classifiedRows(a, tokens)(last);
        classificationLogits(a, parameters, rows as tf.Tensor2D);
      },
    );
    return outputs;
  });
}

/** Of each head's context. [B, L, H · d] → [B, L, H] */
function lengths(a: Architecture, context: tf.Tensor): tf.Tensor {
  const [batch, length] = context.shape as [number, number];
  const heads = tf.reshape(context, [batch, length, a.heads, headSizeOf(a)]);
  return tf.sqrt(tf.sum(tf.square(heads), -1));
}

/** values [B, L, N], mask [B, L] → Σ over rows of (mean over real tokens)², [N] */
function overRows(values: tf.Tensor, mask: tf.Tensor2D): tf.Tensor {
  const [batch, length, units] = values.shape as [number, number, number];
  const counts = tf.maximum(tf.sum(mask, 1, true), 1); // [B, 1]
  const shares = tf.reshape(tf.div(mask, counts), [batch, 1, length]);
  const means = tf.reshape(tf.matMul(shares, values), [batch, units]);
  return tf.sum(tf.square(means), 0);
}
