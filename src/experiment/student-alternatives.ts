/** @file Students that a teacher allows: some of its blocks, or a narrower model of its family, by how much smaller each is. */

import { type Architecture, headSizeOf, keyValueHeadsOf } from '../model/architecture';
import { parameterCount } from '../model/layouts/config';
import { initializationProblem, withSettingsOf } from '../model/parameters';
import type { Task } from '../protocol/records';
import { buildArchitecture } from './architecture';
import { spreadLayers } from './checks/check-models';
import type { ArchitectureSpec } from './file/schema';

export const alternativeNames = [
  'half the blocks',
  'a third of the blocks',
  'a quarter of the parameters',
  'at most 20 MB',
] as const;

export type AlternativeName = (typeof alternativeNames)[number];

/** As an experiment writes it. */
export interface StudentAlternative {
  name: AlternativeName;
  architecture: ArchitectureSpec;
  initialize: { from: 'teacher'; layers: number[] } | { from: 'random' };
  /** The whole of it. */
  model: Architecture;
}

/** Bytes of a parameter on disk, as students are exported. */
export const BYTES_EACH = 4;

/** Bytes on disk of the smallest one. */
export const LARGEST_SMALL = 20e6;

/**
 * Blocks of the teacher where it is one model, which the student then starts from, spread evenly from its first to its last; and
 * models of its family with its width of a head, narrower and shallower by the same share, as large as the limit allows, which start from random weights. Two that come to the same are
 * named once, and none is as large as the teacher.
 * @param isEnsemble a mean of several models has no blocks
 */
export function studentAlternatives(teacher: Architecture, task: Task, isEnsemble: boolean): StudentAlternative[] {
  const whole = parameterCount(teacher);
  const blocks = (name: AlternativeName, share: number): StudentAlternative[] => {
    const count = Math.ceil(teacher.layers * share);
    return isEnsemble || count >= teacher.layers
      ? []
      : [ofBlocks(name, teacher, task, count)].flatMap((one) => one ?? []);
  };
  const narrower = (name: AlternativeName, most: number): StudentAlternative[] => {
    const model = most < whole ? largestWithin(teacher, task, most) : undefined;
    return model ? [{ name, architecture: model.spec, initialize: { from: 'random' }, model: model.model }] : [];
  };
  const all = [
    ...blocks('half the blocks', 1 / 2),
    ...blocks('a third of the blocks', 1 / 3),
    ...narrower('a quarter of the parameters', whole / 4),
    ...narrower('at most 20 MB', LARGEST_SMALL / BYTES_EACH),
  ];
  const sizes = all.map(({ architecture, initialize }) => JSON.stringify([architecture, initialize]));
  return all.filter((_, i) => sizes.indexOf(sizes[i]!) === i);
}

/** Undefined where the family does not let its blocks be taken over. */
function ofBlocks(
  name: AlternativeName,
  teacher: Architecture,
  task: Task,
  count: number,
): StudentAlternative | undefined {
  const layers = spreadLayers(teacher.layers, count);
  const architecture = specOf(teacher, { layers: count });
  const model = withSettingsOf(teacher, build(teacher, task, architecture), layers);
  if (initializationProblem(model, teacher, layers) !== undefined) return undefined;
  return { name, architecture, initialize: { from: 'teacher', layers }, model };
}

/** Of models narrower and shallower by like shares, the one with the most parameters up to a limit; undefined where even the smallest has more. */
function largestWithin(
  teacher: Architecture,
  task: Task,
  most: number,
): { spec: ArchitectureSpec; model: Architecture } | undefined {
  const size = headSizeOf(teacher);
  let best: { spec: ArchitectureSpec; model: Architecture; parameters: number } | undefined;
  for (let heads = 1; heads <= teacher.heads; heads++) {
    const share = heads / teacher.heads;
    // Blocks a little fewer or more than the width's share, so that the limit is come near to.
    for (const layers of [0.75, 1, 1.25].map((more) => Math.round(teacher.layers * share * more))) {
      if (layers < 1 || layers > teacher.layers) continue;
      const spec = specOf(teacher, {
        layers,
        heads,
        hiddenSize: heads * size,
        intermediateSize: Math.max(1, Math.round(teacher.intermediateSize * share)),
        keyValueHeads: keyValueHeadsFor(teacher, heads),
      });
      const model = build(teacher, task, spec);
      const parameters = parameterCount(model);
      if (parameters <= most && parameters > (best?.parameters ?? 0)) best = { spec, model, parameters };
    }
  }
  return best;
}

/** As many queries share keys and values as in the teacher, where the heads can be divided so. */
function keyValueHeadsFor(teacher: Architecture, heads: number): number | undefined {
  if (keyValueHeadsOf(teacher) === teacher.heads) return undefined;
  const shared = teacher.heads / keyValueHeadsOf(teacher);
  return heads % shared === 0 ? heads / shared : undefined;
}

function specOf(teacher: Architecture, changes: Partial<ArchitectureSpec>): ArchitectureSpec {
  const { family, hiddenSize, layers, heads, intermediateSize, maxPositions } = teacher;
  const shared = keyValueHeadsOf(teacher) === heads ? undefined : keyValueHeadsOf(teacher);
  return { family, hiddenSize, layers, heads, keyValueHeads: shared, intermediateSize, maxPositions, ...changes };
}

function build(teacher: Architecture, task: Task, spec: ArchitectureSpec): Architecture {
  return buildArchitecture(spec, {
    task,
    vocabularySize: teacher.vocabularySize,
    maxLength: teacher.maxPositions,
    dropout: 0,
    labels: teacher.labels,
    problemType: teacher.problemType,
  });
}
