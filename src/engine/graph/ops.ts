/** @file The fused pieces of a transformer, each one kernel with its closed-form gradient, on any tfjs backend. */

import * as tf from '@tensorflow/tfjs-core';
import './gradients';

/** How a linear layer's matrix lies: PyTorch's Linear is [out, in], GPT-2's Conv1D is [in, out]. */
export type LinearLayout = 'out-in' | 'in-out';

/** tfjs declares that a kernel is always found; it is not. */
function ownKernel(kernel: string): tf.KernelConfig | undefined {
  return tf.getKernel(kernel, tf.getBackend());
}

/** A backend with a kernel of its own runs that; any other runs the same mathematics composed of ordinary ops. */
function fused<T>(kernel: string, run: () => T, composed: () => T): T {
  return ownKernel(kernel) ? run() : composed();
}

function runKernel(kernel: string, inputs: Record<string, tf.Tensor>, attributes: Record<string, number | string>) {
  return tf.engine().runKernel(kernel, inputs, attributes);
}

/** Told what each linear layer reads, and by which matrix. */
export type LinearWatcher = (x: tf.Tensor, weight: tf.Tensor, layout: LinearLayout) => void;

let watcher: LinearWatcher | undefined;

/** Runs a synchronous piece of work in which every linear layer tells what it reads. */
export function watchingLinear<T>(watch: LinearWatcher, work: () => T): T {
  const outer = watcher;
  watcher = watch;
  try {
    return work();
  } finally {
    watcher = outer;
  }
}

/**
 * x · W + b over the last axis.
 * @param x [..., in]
 * @param weight [out, in] or [in, out], as `layout` says
 * @param bias [out], or null
 * @returns [..., out]
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | null, layout: LinearLayout): tf.Tensor {
  watcher?.(x, weight, layout);
  const transposed = layout === 'out-in';
  const [inFeatures, outFeatures] = transposed
    ? [weight.shape[1]!, weight.shape[0]]
    : (weight.shape as [number, number]);
  const rows = tf.reshape(x, [-1, inFeatures]); // [N, in]
  const product = bias ? affine(rows, weight, bias, transposed) : tf.matMul(rows, weight, false, transposed);
  return tf.reshape(product, [...x.shape.slice(0, -1), outFeatures]);
}

const affine = (rows: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, transposed: boolean): tf.Tensor =>
  tf.customGrad((x, w, b, save) => {
    const [x2, w2, b2] = [x as tf.Tensor2D, w as tf.Tensor2D, b as tf.Tensor1D];
    const value = fused(
      'Affine',
      () => runKernel('Affine', { x: x2, w: w2, b: b2 }, { transposed: transposed ? 1 : 0 }) as tf.Tensor,
      () => tf.add(tf.matMul(x2, w2, false, transposed), b2),
    );
    (save as tf.GradSaveFunc)([x2, w2]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, [sx, sw]: tf.Tensor[]) => {
        const d = dy as tf.Tensor2D;
        return [
          tf.matMul(d, sw as tf.Tensor2D, false, !transposed),
          transposed ? tf.matMul(d, sx as tf.Tensor2D, true) : tf.matMul(sx as tf.Tensor2D, d, true),
          tf.sum(d, 0),
        ];
      },
    };
  })(rows, weight, bias);

/**
 * Layer normalization over the last axis (Ba et al., 2016): γ · (x − mean) / √(variance + ε) + β.
 * @param x [..., D]; gamma and beta [D]
 */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.customGrad((input, scale, offset, save) => {
    const [x1, g1, b1] = [input as tf.Tensor, scale as tf.Tensor, offset as tf.Tensor];
    const [y, mean, inverse] = fused(
      'LayerNormalization',
      () => runKernel('LayerNormalization', { x: x1, gamma: g1, beta: b1 }, { epsilon }) as tf.Tensor[],
      () => {
        const average = tf.mean(x1, -1, true);
        const centred = tf.sub(x1, average);
        const inverseDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
        return [tf.add(tf.mul(tf.mul(centred, inverseDeviation), g1), b1), average, inverseDeviation];
      },
    ) as [tf.Tensor, tf.Tensor, tf.Tensor];
    (save as tf.GradSaveFunc)([x1, g1, mean, inverse]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [sx, sg, sMean, sInverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const normalized = tf.mul(tf.sub(sx, sMean), sInverse);
        const scaled = tf.mul(dy, sg);
        // dx = (dŷ − mean(dŷ) − x̂ · mean(dŷ · x̂)) / σ, with dŷ = dy · γ
        const projected = tf.mul(normalized, tf.mean(tf.mul(scaled, normalized), -1, true));
        const dx = tf.mul(sInverse, tf.sub(tf.sub(scaled, tf.mean(scaled, -1, true)), projected));
        const rows = (t: tf.Tensor): tf.Tensor => tf.reshape(t, [-1, sg.size]);
        return [dx, tf.sum(rows(tf.mul(dy, normalized)), 0), tf.sum(rows(dy), 0)];
      },
    };
  })(x, gamma, beta);
}

/**
 * Root mean square normalization over the last axis (Zhang and Sennrich, 2019): γ · x / √(mean of x² + ε).
 * @param x [..., D]; gamma [D]
 */
export function rmsNorm(x: tf.Tensor, gamma: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.customGrad((input, scale, save) => {
    const [x1, g1] = [input as tf.Tensor, scale as tf.Tensor];
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x1), -1, true), epsilon)); // [..., 1]
    (save as tf.GradSaveFunc)([x1, g1, inverse]);
    return {
      value: tf.mul(tf.mul(x1, inverse), g1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [sx, sg, sInverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const normalized = tf.mul(sx, sInverse);
        const scaled = tf.mul(dy, sg);
        // dx = (dŷ − x̂ · mean(dŷ · x̂)) / r, with dŷ = dy · γ
        const projected = tf.mul(normalized, tf.mean(tf.mul(scaled, normalized), -1, true));
        const rows = tf.reshape(tf.mul(dy, normalized), [-1, sg.size]);
        return [tf.mul(sInverse, tf.sub(scaled, projected)), tf.sum(rows, 0)];
      },
    };
  })(x, gamma);
}

const SQRT_HALF = Math.SQRT1_2;
const INVERSE_SQRT_TAU = 1 / Math.sqrt(2 * Math.PI);
const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

/** Gaussian error linear unit (Hendrycks and Gimpel, 2016): exact by erf, or its tanh approximation (GPT-2's `gelu_new`). */
export function gelu(x: tf.Tensor, approximation: 'erf' | 'tanh'): tf.Tensor {
  return tf.customGrad((input, save) => {
    const x1 = input as tf.Tensor;
    const value = fused(
      'Gelu',
      () => runKernel('Gelu', { x: x1 }, { approximation }) as tf.Tensor,
      () => tf.mul(x1, approximation === 'erf' ? normalCumulative(x1) : tanhGate(x1).gate),
    );
    (save as tf.GradSaveFunc)([x1, value]);
    const slope = approximation === 'erf' ? erfSlope : tanhSlope;
    return { value, gradFunc: (dy: tf.Tensor, [sx, sy]: tf.Tensor[]) => tf.mul(dy, slope(sx!, sy!)) };
  })(x);
}

/** Φ(x) */
const normalCumulative = (x: tf.Tensor): tf.Tensor => tf.mul(tf.add(tf.erf(tf.mul(x, SQRT_HALF)), 1), 0.5);

/** Φ(x) + x · φ(x) */
function erfSlope(x: tf.Tensor): tf.Tensor {
  const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), INVERSE_SQRT_TAU);
  return tf.add(normalCumulative(x), tf.mul(x, density));
}

/**
 * The tanh approximation as x · σ(x · p): ½ (1 + tanh u) = σ(2u), with u = √(2/π) (x + 0.044715 x³) and p = 2u / x. In this form the
 * slope takes a third fewer passes over x than with tanh.
 */
function tanhGate(x: tf.Tensor): { gate: tf.Tensor; p: tf.Tensor } {
  const p = tf.add(tf.mul(tf.square(x), 2 * TANH_SCALE * TANH_CUBIC), 2 * TANH_SCALE);
  return { gate: tf.sigmoid(tf.mul(x, p)), p };
}

/** σ + y (1 − σ) · (2u)′, where y = x σ and (2u)′ = 3 p − 4 √(2/π). */
function tanhSlope(x: tf.Tensor, y: tf.Tensor): tf.Tensor {
  const { gate, p } = tanhGate(x);
  const inner = tf.sub(tf.mul(p, 3), 4 * TANH_SCALE);
  return tf.add(gate, tf.mul(tf.sub(y, tf.mul(y, gate)), inner));
}

/** Sigmoid linear unit, x · σ(x); also called swish. */
export function silu(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((input, save) => {
    const x1 = input as tf.Tensor;
    (save as tf.GradSaveFunc)([x1]);
    return {
      value: tf.mul(x1, tf.sigmoid(x1)),
      // σ + x σ (1 − σ)
      gradFunc: (dy: tf.Tensor, [sx]: tf.Tensor[]) => {
        const gate = tf.sigmoid(sx!);
        const y = tf.mul(sx!, gate);
        return tf.mul(dy, tf.add(gate, tf.sub(y, tf.mul(y, gate))));
      },
    };
  })(x);
}

/**
 * Rows of a table.
 * @param table [V, D]; ids int32 [...]
 * @returns [..., D]
 */
export function embedding(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  const flat = tf.reshape(ids, [ids.size]);
  return tf.reshape(tf.gather(table, flat as tf.Tensor1D), [...ids.shape, table.shape[1]!]);
}
