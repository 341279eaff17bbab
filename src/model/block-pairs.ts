/** @file Which block of a student is compared with which of its teacher, and by how many relation heads. */

import {
  type BlockPairs,
  type BlockRule,
  eachImitation,
  type Imitation,
  type ImitationName,
  type Imitations,
  type ImitationSettings,
  type VectorKind,
} from '../protocol/imitation';
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

/** A teacher and a student of it. */
export type Models = Readonly<Record<'teacher' | 'student', Architecture>>;

/** What one of two models makes of a token: `width` elements. */
export interface Vectors {
  role: keyof Models;
  kind: VectorKind;
  width: number;
}

/** All that relations of these kinds are made of. Each is divided into as many relation heads, whatever its width. */
export const relatedVectors = (kinds: readonly VectorKind[], models: Models): Vectors[] =>
  (['teacher', 'student'] as const).flatMap((role) =>
    kinds.map((kind) => ({ role, kind, width: vectorWidth(models[role], kind) })),
  );

export const relationHeads = ({ heads }: Imitation['relations'], student: Pick<Architecture, 'heads'>): number =>
  heads ?? student.heads;

/** Whether blocks of two models can be compared so; those without an entry compare any two. */
const limits: { [Name in ImitationName]?: (settings: Imitation[Name], models: Models) => boolean } = {
  attention: (_, { teacher, student }) => teacher.heads === student.heads,
  relations: (settings, models) => {
    const heads = relationHeads(settings, models.student);
    return relatedVectors(settings.of, models).every(({ width }) => width % heads === 0);
  },
};

/** What of it these two models can be compared by: their blocks are there, and as alike as they must be. The others are undefined. */
export function comparable(imitations: Imitations, models: Models): Imitations {
  const { teacher, student } = models;
  const kept = eachImitation(imitations, (name, settings): [string, ImitationSettings | undefined] => {
    const areThere = pairBlocks(settings.layers, teacher, student).every(([, block]) => block < student.layers);
    return [name, areThere && (limits[name]?.(settings, models) ?? true) ? settings : undefined];
  });
  return Object.fromEntries(kept);
}

/** With what follows from the two models: pairs of blocks in place of a rule, and a number of relation heads. */
export function settled(imitations: Imitations, { teacher, student }: Models): Imitations {
  const paired = eachImitation(imitations, (name, settings): [string, ImitationSettings] => {
    return [name, { ...settings, layers: pairBlocks(settings.layers, teacher, student) }];
  });
  const made = Object.fromEntries(paired) as Imitations;
  const { relations } = made;
  if (!relations) return made;
  const of = [...new Set(relations.of)];
  return { ...made, relations: { ...relations, of, heads: relationHeads(relations, student) } };
}
