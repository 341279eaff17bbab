/** @file Curves over T: entropy, KL and gradient of one position or the mean of several. Pure but for the pauses it makes. */

import { softenedAs } from '../../src/protocol/independent-labels';
import type { LabelKind } from '../../src/protocol/records';
import { fromFraction } from '../tokens/temperature-scale';

/** Places along the slider, evenly spread on its logarithmic scale. */
const intervals = 80;

export const curveTemperatures: readonly number[] = Array.from({ length: intervals + 1 }, (_, i) =>
  fromFraction(i / intervals),
);

/** One value for each of `curveTemperatures`. */
export interface CurveSet {
  teacherEntropy: number[];
  studentEntropy: number[];
  kl: number[];
  gradient: number[];
}

/** Logits of teacher and student at one position. */
export type LogitPair = readonly [Float32Array, Float32Array];

/** @param breathe waited for after each T; false ends the work, which is then worth nothing */
export async function curveSet(
  pairs: readonly LogitPair[],
  breathe: () => Promise<boolean>,
  labels: LabelKind = 'single',
): Promise<CurveSet | undefined> {
  const curves: CurveSet = { teacherEntropy: [], studentEntropy: [], kl: [], gradient: [] };
  const scratch = new Float64Array(2 * (pairs[0]?.[0].length ?? 0));
  for (const temperature of curveTemperatures) {
    const mean = { teacherEntropy: 0, studentEntropy: 0, kl: 0, gradient: 0 };
    for (const [teacher, student] of pairs) {
      const { entropy, kl, gradientNorm } = softenedAs(labels, teacher, student, temperature, scratch);
      mean.teacherEntropy += entropy.teacher / pairs.length;
      mean.studentEntropy += entropy.student / pairs.length;
      mean.kl += kl / pairs.length;
      mean.gradient += gradientNorm / pairs.length;
      if (!(await breathe())) return undefined;
    }
    for (const key of Object.keys(mean) as (keyof CurveSet)[]) curves[key].push(mean[key]);
  }
  return curves;
}
