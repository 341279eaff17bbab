/** @file Which block of a student is compared with which of its teacher. */

import type { AttentionLayerRule } from '../protocol/divergences';
import type { Architecture } from './architecture';

/** [teacher block, student block], counted from 0. */
export type BlockPairs = readonly (readonly [number, number])[];

/**
 * "last": the last of both (MiniLM, Wang et al., 2020). "uniform": the k-th of S student blocks, from 1, with the ⌈k · T / S⌉-th of the teacher's T, and
 * so the last with the last (TinyBERT, Jiao et al., 2020). Or the pairs as they are given.
 */
export function pairBlocks(
  layers: BlockPairs | AttentionLayerRule,
  teacher: Pick<Architecture, 'layers'>,
  student: Pick<Architecture, 'layers'>,
): BlockPairs {
  if (typeof layers === 'object') return layers;
  if (layers === 'last') return [[teacher.layers - 1, student.layers - 1]];
  const blockFor = (k: number): number => Math.ceil(((k + 1) * teacher.layers) / student.layers) - 1;
  return Array.from({ length: student.layers }, (_, k) => [blockFor(k), k] as const);
}
