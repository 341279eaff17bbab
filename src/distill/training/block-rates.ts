/** @file Learning rates that differ by block: smaller the deeper a block lies, none for the lowest. For models that were trained before. */

import type { Architecture } from '../../model/architecture';
import { layoutOf } from '../../model/layouts/families';

export interface BlockRates {
  /** The rate of a block over that of the one above it: 1 for all alike. */
  layerDecay: number;
  /** The lowest blocks, and the embeddings below them, that stay as they are. More than there are: all, and the head alone learns. */
  frozenBlocks: number;
}

/**
 * What the learning rate is multiplied by for a parameter: layerDecay ^ (L + 1 − depth), where the embeddings have depth 0, the blocks 1
 * to L, and what lies above them, the head among it, L + 1 (as BEiT does; Bao et al., 2022, after Howard and Ruder, 2018). 0 for what is
 * frozen.
 */
export function rateFactors(a: Architecture, { layerDecay, frozenBlocks }: BlockRates): (name: string) => number {
  if (layerDecay === 1 && frozenBlocks === 0) return () => 1;
  const depths = depthsOf(a);
  const above = a.layers + 1;
  const frozen = Math.min(frozenBlocks, a.layers);
  return (name) => {
    // What is trained beside the model, as the projections of hidden states, is above it.
    const depth = depths.get(name) ?? above;
    return frozen > 0 && depth <= frozen ? 0 : layerDecay ** (above - depth);
  };
}

/** Of each parameter. A layout names embeddings before its blocks, and what is above them after. */
function depthsOf(a: Architecture): Map<string, number> {
  const layout = layoutOf(a.family);
  const depths = new Map<string, number>();
  let depth = 0;
  for (const name of Object.keys(layout.axes(a))) {
    const block = Array.from({ length: a.layers }, (_, index) => index).find((index) =>
      name.startsWith(layout.layerPrefix(index)),
    );
    if (block === undefined) depth = depth === 0 ? 0 : a.layers + 1;
    else depth = block + 1;
    depths.set(name, depth);
  }
  return depths;
}
