/** @file The element-wise programs at the end of a step: sum of squares, update, accumulation. They know no batch, only tensors. */

import * as tf from '@tensorflow/tfjs-core';
import type { TensorSpec } from '../../engine/array';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { mapValues, prefixed, withPrefix } from '../named';
import { adamw, updateFactorNames, type AdamWOptions, type UpdateFactors } from './optimizer';
import { scalarSpecs } from '../specs';

type Specs = Readonly<Record<string, TensorSpec>>;

/** `squares` = the sum of the squares of all `gradient.NAME`. */
export function squaresProgram(specs: Specs): Program {
  return record('squares', prefixed('gradient.', specs), (tensors) => ({
    squares: Object.values(withPrefix('gradient.', tensors))
      .map((gradient) => tf.sum(tf.square(gradient)))
      .reduce((sum, squares) => tf.add(sum, squares)),
  }));
}

/**
 * One AdamW update. Inputs: `parameter.`, `first.`, `second.`, `gradient.` NAME and the update's factors. Outputs: `next.`
 * and the first three, which may be written over their inputs.
 */
export function updateProgram(specs: Specs, options: AdamWOptions): Program {
  const groups = ['parameter.', 'first.', 'second.', 'gradient.'];
  const inputs = Object.assign(
    {},
    scalarSpecs(updateFactorNames(options)),
    ...groups.map((group) => prefixed(group, specs)),
  ) as Specs;
  return record('update', inputs, (tensors) => {
    const state = {
      parameters: withPrefix('parameter.', tensors),
      firstMoments: withPrefix('first.', tensors),
      secondMoments: withPrefix('second.', tensors),
      gradients: withPrefix('gradient.', tensors),
    };
    const factors = mapValues(scalarSpecs(updateFactorNames(options)), (_, name) => tensors[name] as tf.Scalar);
    const updated = adamw(state, factors as UpdateFactors<tf.Scalar>, options);
    return {
      ...prefixed('next.parameter.', updated.parameters),
      ...prefixed('next.first.', updated.firstMoments),
      ...prefixed('next.second.', updated.secondMoments),
    };
  });
}

/** `next.sum.NAME` = `sum.NAME` + `gradient.NAME`, for gradient accumulation; may be written over `sum.NAME`. */
export function accumulateProgram(specs: Specs): Program {
  const inputs = { ...prefixed('sum.', specs), ...prefixed('gradient.', specs) };
  return record('accumulate', inputs, (tensors) =>
    prefixed(
      'next.sum.',
      mapValues(specs, (_, name) => tf.add(tensors[`sum.${name}`]!, tensors[`gradient.${name}`]!)),
    ),
  );
}
