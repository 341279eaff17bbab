/** @file Students that a teacher allows: some of its blocks, or narrower ones of fewer blocks, by how much smaller each is. */

import { type Architecture, headSizeOf, keyValueHeadsOf } from '../model/architecture';
import { parameterCount } from '../model/layouts/config';
import { familyOf, layoutOf } from '../model/layouts/families';
import { initializationProblem, keyValueHeadsLike, spreadLayers, withSettingsOf } from '../model/parameters';
import type { Task } from '../protocol/records';
import {
  BYTES_EACH,
  PROPOSED_MEGABYTES,
  type StudentPreset,
  studentPresets,
  type StudentStart,
} from '../protocol/student-presets';
import { buildArchitecture } from './architecture';
import type { ArchitectureSpec } from './file/blocks/architecture';

/** As an experiment writes it. */
export interface StudentAlternative {
  preset: StudentPreset;
  made: StudentStart;
  architecture: ArchitectureSpec;
  initialize: { from: 'teacher'; layers: number[] } | { from: 'random' };
  /** The whole of it. */
  model: Architecture;
}

/** All that are proposed. Two that come to the same are named once. */
export function studentAlternatives(teacher: Architecture, task: Task, isEnsemble: boolean): StudentAlternative[] {
  const isLarge = BYTES_EACH * parameterCount(teacher) > PROPOSED_MEGABYTES * 1e6;
  const presets: StudentPreset[] = [...studentPresets, ...(isLarge ? [{ megabytes: PROPOSED_MEGABYTES }] : [])];
  const all = presets.flatMap((preset) => studentOf(preset, teacher, task, isEnsemble) ?? []);
  const sizes = all.map(({ architecture, initialize }) => JSON.stringify([architecture, initialize]));
  return all.filter((_, i) => sizes.indexOf(sizes[i]!) === i);
}

/**
 * The student that a preset means: blocks of the teacher, spread evenly from its first to its last; or a model narrower and shallower by
 * like shares, as large as the limit allows, which starts from the teacher's most important units. Undefined where there is none that is
 * smaller than the teacher.
 * @param isEnsemble a mean of several models has no blocks: there narrower ones alone, from random weights
 */
export function studentOf(
  preset: StudentPreset,
  teacher: Architecture,
  task: Task,
  isEnsemble: boolean,
): StudentAlternative | undefined {
  const whole = parameterCount(teacher);
  const within = (most: number): StudentAlternative | undefined =>
    largestWithin(preset, teacher, task, Math.min(most, whole - 1), isEnsemble);
  if (typeof preset === 'object') return within((preset.megabytes * 1e6) / BYTES_EACH);
  if (preset === 'quarter-parameters') return within(whole / 4);
  const count = Math.ceil(teacher.layers * (preset === 'half-blocks' ? 1 / 2 : 1 / 3));
  if (isEnsemble || count >= teacher.layers) return undefined;
  return startedFrom(preset, teacher, task, specOf(teacher, { layers: count }));
}

/** Undefined where it cannot start from the teacher. */
function startedFrom(
  preset: StudentPreset,
  teacher: Architecture,
  task: Task,
  architecture: ArchitectureSpec,
): StudentAlternative | undefined {
  const layers = spreadLayers(teacher.layers, architecture.layers);
  const model = withSettingsOf(teacher, build(teacher, task, architecture), layers);
  if (initializationProblem(model, teacher, layers) !== undefined) return undefined;
  const made = architecture.heads < teacher.heads || model.intermediateSize < teacher.intermediateSize;
  return { preset, made: made ? 'pruned' : 'blocks', architecture, initialize: { from: 'teacher', layers }, model };
}

/** Of models narrower and shallower by like shares, the one with the most parameters up to a limit; undefined where even the smallest has more. */
function largestWithin(
  preset: StudentPreset,
  teacher: Architecture,
  task: Task,
  most: number,
  isEnsemble: boolean,
): StudentAlternative | undefined {
  const size = widthOfHead(teacher);
  let best: StudentAlternative | undefined;
  for (let heads = 1; heads <= teacher.heads; heads++) {
    const share = heads / teacher.heads;
    // Blocks a little fewer or more than the width's share, so that the limit is come near to.
    for (const layers of [0.75, 1, 1.25, 1.5, 1.75].map((more) => Math.round(teacher.layers * share * more))) {
      if (layers < 1 || layers > teacher.layers) continue;
      const architecture = specOf(teacher, {
        layers,
        heads,
        hiddenSize: heads * size,
        intermediateSize: Math.max(1, Math.round(teacher.intermediateSize * share)),
        keyValueHeads: keyValueHeadsLike(teacher, heads),
      });
      const one: StudentAlternative | undefined = isEnsemble
        ? {
            preset,
            made: 'random',
            architecture,
            initialize: { from: 'random' },
            model: build(teacher, task, architecture),
          }
        : startedFrom(preset, teacher, task, architecture);
      if (!one) continue;
      const parameters = parameterCount(one.model);
      if (parameters <= most && parameters > (best ? parameterCount(best.model) : 0)) best = one;
    }
  }
  return best;
}

/** What a head has of the hidden states: its own width, unless the family says that apart. */
function widthOfHead({ family, hiddenSize, heads, ...others }: Architecture): number {
  const share = hiddenSize / heads;
  return layoutOf(family).namesHeadSize && Number.isInteger(share)
    ? share
    : headSizeOf({ family, hiddenSize, heads, ...others });
}

function specOf(teacher: Architecture, changes: Partial<ArchitectureSpec>): ArchitectureSpec {
  const { hiddenSize, layers, heads, intermediateSize, maxPositions } = teacher;
  const family = familyOf(teacher);
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
    teacher,
  });
}
