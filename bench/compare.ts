/** @file Two or more sides on one case: proof that they do the same work, then blocks of steps in turn. */

import type { Block, Ready, Side, StepLosses } from './side';
import { relativeDifference } from './statistics';

/** Steps that are compared before any is timed; they also warm both sides up. */
const COMPARED_STEPS = 3;

/** Largest relative difference of a loss that is called equal. */
const TOLERANCE = 1e-4;

/** Smaller losses are mostly float32's rounding of the logarithms that they are differences of, so they are compared as if so large. */
const SMALLEST_LOSS = 0.01;

export interface SideResult extends Ready {
  name: string;
  /** Milliseconds a step, one number a block. */
  blocks: number[];
  peakMegabytes: number;
}

export interface Comparison {
  sides: SideResult[];
  /** Largest relative difference of the first losses. */
  lossDifference: number;
}

/**
 * Only one side computes at any time.
 * @throws Error where the first losses differ: then the sides do not do the same work
 */
export async function compare(sides: readonly Side[], blocks: number, stepsPerBlock: number): Promise<Comparison> {
  const results: SideResult[] = [];
  const first: Block[] = [];
  for (const side of sides) {
    results.push({ name: side.name, ...(await side.ready), blocks: [], peakMegabytes: 0 });
    first.push(await side.run(COMPARED_STEPS));
  }
  const lossDifference = Math.max(
    ...first.slice(1).map(({ losses }, other) => difference(first[0]!.losses, losses, sides[other + 1]!.name)),
  );
  for (let block = 0; block < blocks; block++) {
    for (const [index, side] of sides.entries()) {
      const { milliseconds, peakMegabytes } = await side.run(stepsPerBlock);
      results[index]!.blocks.push(milliseconds / stepsPerBlock);
      results[index]!.peakMegabytes = peakMegabytes;
    }
  }
  return { sides: results, lossDifference };
}

/** Largest relative difference of the losses of two sides. */
export function difference(ours: readonly StepLosses[], theirs: readonly StepLosses[], name: string): number {
  let largest = 0;
  for (const [step, loss] of ours.entries()) {
    for (const component of ['total', 'soft', 'hard'] as const) {
      const apart = relativeDifference(loss[component], theirs[step]![component], SMALLEST_LOSS);
      if (!(apart <= TOLERANCE)) {
        const values = `${loss[component]} here, ${theirs[step]![component]} with ${name}`;
        throw new Error(`the ${component} loss of step ${step} is ${values}: not the same work`);
      }
      largest = Math.max(largest, apart);
    }
  }
  return largest;
}
