/** @file Two or more sides on one case: proof that they do the same work, then blocks of steps in turn. */

import type { Precision } from '../src/protocol/engines';
import type { Block, Ready, Side, StepLosses } from './side';
import { mean, relativeDifference } from './statistics';

/** Steps that are compared before any is timed; they also warm both sides up. */
export const COMPARED_STEPS = 3;

/** When two losses are called equal. */
export interface Tolerance {
  /** Largest relative difference. */
  relative: number;
  /** Smaller losses are mostly rounding of the logarithms that they are differences of, so they are compared as if so large. */
  smallest: number;
}

/** From float32's losses, by the precision of the side. bfloat16 has 8 bits. */
export const TOLERANCES: Readonly<Record<Precision, Tolerance>> = {
  float32: { relative: 1e-4, smallest: 0.01 },
  bfloat16: { relative: 5e-2, smallest: 0.1 },
};

export interface SideResult extends Ready {
  name: string;
  precision: Precision;
  /** Largest relative difference of its first losses from those of the first side; 0 of that side itself. */
  lossDifference: number;
  /** Milliseconds a step, one number a block. */
  blocks: number[];
  /** Mean total loss, one number a block. */
  losses: number[];
  peakMegabytes: number;
  /** Share of the computed tokens that were padding, where it tells. */
  padding?: number | undefined;
}

export interface Contender {
  side: Side;
  precision: Precision;
  /** Relative, of its losses, in place of its precision's. */
  tolerance?: number;
}

/**
 * Only one side computes at any time.
 * @param contenders the first is what the others' losses are compared to
 * @param untimed further steps of each side before any is timed, where its batches have several shapes
 * @throws Error where the first losses differ: then the sides do not do the same work
 */
export async function compare(
  contenders: readonly Contender[],
  blocks: number,
  stepsPerBlock: number,
  untimed = 0,
): Promise<SideResult[]> {
  const results: SideResult[] = [];
  let reference: Block | undefined;
  for (const { side, precision, tolerance } of contenders) {
    const ready = await side.ready;
    const first = await side.run(COMPARED_STEPS);
    reference ??= first;
    const allowed = { ...TOLERANCES[precision], ...(tolerance !== undefined && { relative: tolerance }) };
    const lossDifference = difference(reference.losses, first.losses, side.name, allowed);
    results.push({ name: side.name, precision, ...ready, lossDifference, blocks: [], losses: [], peakMegabytes: 0 });
  }
  for (const { side } of untimed > 0 ? contenders : []) await side.run(untimed);
  for (let block = 0; block < blocks; block++) {
    for (const [index, { side }] of contenders.entries()) {
      const { milliseconds, losses, peakMegabytes, padding } = await side.run(stepsPerBlock);
      const result = results[index]!;
      result.blocks.push(milliseconds / stepsPerBlock);
      result.losses.push(mean(losses.map(({ total }) => total)));
      result.peakMegabytes = peakMegabytes;
      result.padding = padding;
    }
  }
  return results;
}

/**
 * Largest relative difference of the losses of two sides.
 * @throws Error, with the name of the other side, where one exceeds the tolerance
 */
export function difference(
  reference: readonly StepLosses[],
  other: readonly StepLosses[],
  name: string,
  { relative, smallest }: Tolerance,
): number {
  let largest = 0;
  for (const [step, loss] of reference.entries()) {
    for (const component of ['total', 'soft', 'hard'] as const) {
      const apart = relativeDifference(loss[component], other[step]![component], smallest);
      if (!(apart <= relative)) {
        const values = `${loss[component]} with the first side, ${other[step]![component]} with ${name}`;
        throw new Error(`the ${component} loss of step ${step} is ${values}: not the same work`);
      }
      largest = Math.max(largest, apart);
    }
  }
  return largest;
}
