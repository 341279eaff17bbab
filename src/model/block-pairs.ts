/** @file Which block of a student is compared with which of its teacher, and by how many relation heads. */

import type { BlockPairs, BlockRule, VectorKind } from '../protocol/imitation';
import { type Architecture, vectorWidth } from './architecture';

/**
 * "last": the last of both (MiniLM, Wang et al., 2020). "uniform": the k-th of S student blocks, from 1, with the ⌈k · T / S⌉-th of the teacher's T, and
 * so the last with the last (TinyBERT, Jiao et al., 2020). Or the pairs as they are given.
 */
export function pairBlocks(
  layers: BlockPairs | BlockRule,
  teacher: Pick<Architecture, 'layers'>,
  student: Pick<Architecture, 'layers'>,
): BlockPairs {
  if (typeof layers === 'object') return layers;
  if (layers === 'last') return [[teacher.layers - 1, student.layers - 1]];
  const blockFor = (k: number): number => Math.ceil(((k + 1) * teacher.layers) / student.layers) - 1;
  return Array.from({ length: student.layers }, (_, k) => [blockFor(k), k] as const);
}

/** What one of two models makes of a token: `width` elements. */
export interface Vectors {
  role: 'teacher' | 'student';
  kind: VectorKind;
  width: number;
}

/** All that relations of these kinds are made of. Each is divided into as many relation heads, whatever its width. */
export const relatedVectors = (
  kinds: readonly VectorKind[],
  models: Readonly<Record<Vectors['role'], Architecture>>,
): Vectors[] =>
  (['teacher', 'student'] as const).flatMap((role) =>
    kinds.map((kind) => ({ role, kind, width: vectorWidth(models[role], kind) })),
  );
