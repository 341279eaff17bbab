/** @file Students that an experiment may name by how much smaller than the teacher they are, instead of their sizes. */

export const studentPresets = ['half-blocks', 'third-blocks', 'quarter-parameters'] as const;

/** `megabytes`: at most so many (10⁶ bytes) of weights on disk, in float32. */
export type StudentPreset = (typeof studentPresets)[number] | { megabytes: number };

/** What is proposed of those with a limit. */
export const PROPOSED_MEGABYTES = 20;

/** Bytes of a parameter on disk, as students are exported. */
export const BYTES_EACH = 4;

/** As a table names it. */
export function presetTitle(preset: StudentPreset): string {
  if (typeof preset === 'object') return `at most ${preset.megabytes} MB`;
  return {
    'half-blocks': 'half the blocks',
    'third-blocks': 'a third of the blocks',
    'quarter-parameters': 'a quarter of the parameters',
  }[preset];
}

/**
 * Where a student's weights come from. `blocks`: whole blocks of the teacher. `pruned`: the most important heads, units and dimensions of
 * some. `random`: drawn.
 */
export type StudentStart = 'blocks' | 'pruned' | 'random';

/** What is told of a preset beside its sizes. */
export interface StudentFigures {
  preset: StudentPreset;
  made: StudentStart;
  layers: number;
  hiddenSize: number;
  heads: number;
  parameters: number;
  /** Of its weights on disk, in float32. */
  bytes: number;
  /** Predicted peak of a training with the file's batches on an engine of the processor. */
  memoryBytes: number;
}
