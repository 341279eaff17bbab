/** @file A model without the tokens that are not used: rows of its embeddings, and of a language model's head. */

import { sizeOf } from '../engine/array';
import type { Architecture } from './architecture';
import { parameterShapes } from './layouts/config';
import { layoutOf } from './layouts/families';
import type { FrozenModel, FrozenParameters, FrozenValues, Model } from './parameters';

/**
 * What it says of texts of the kept tokens is the same: of a classifier the same logits, of a language model the same logits of the kept
 * tokens, whose softmax is its distribution given that the token is one of them.
 * @param kept the earlier id of each token, ascending
 */
export function cutVocabulary(model: Model, kept: Int32Array): Model;
export function cutVocabulary(model: FrozenModel, kept: Int32Array): FrozenModel;
export function cutVocabulary({ architecture, parameters }: FrozenModel, kept: Int32Array): FrozenModel {
  const cut = cutArchitecture(architecture, kept);
  const layout = layoutOf(architecture.family);
  const shapes = parameterShapes(architecture);
  const result: FrozenParameters = {};
  for (const [name, [first]] of Object.entries(layout.axes(architecture))) {
    const values = parameters[name]!;
    const width = sizeOf(shapes[name]!.slice(1));
    if (first === 'vocabulary') {
      const rows = zerosLike(values, kept.length * width);
      kept.forEach((old, id) => rows.set(values.subarray(old * width, (old + 1) * width), id * width));
      result[name] = rows;
    } else if (first === 'positions' && layout.firstPosition) {
      // Counted from the padding token's id.
      const [from, to] = [layout.firstPosition(architecture), layout.firstPosition(cut)];
      const rows = zerosLike(values, (to + architecture.maxPositions) * width);
      rows.set(values.subarray(from * width), to * width);
      result[name] = rows;
    } else result[name] = values;
  }
  return { architecture: cut, parameters: result };
}

const zerosLike = (values: FrozenValues, length: number): FrozenValues =>
  values instanceof Uint16Array ? new Uint16Array(length) : new Float32Array(length);

/** Ids of tokens that are gone are no longer named. */
function cutArchitecture({ padId, bosId, eosId, ...a }: Architecture, kept: Int32Array): Architecture {
  const ids = Object.entries({ padId, bosId, eosId }).flatMap(([key, id]) => {
    const now = id === undefined ? -1 : kept.indexOf(id);
    return now < 0 ? [] : [[key, now] as const];
  });
  return { ...a, ...Object.fromEntries(ids), vocabularySize: kept.length };
}
