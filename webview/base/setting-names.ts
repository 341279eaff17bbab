/** @file What settings of an experiment are called where there is little room. Pure. */

export const temperaturePath = 'distillation.temperature';

const letters: Record<string, string> = { [temperaturePath]: 'T', 'distillation.alpha': 'α' };

/** A field by its letter, or by the last part of its path: `learningRate`. */
export function shortName(path: string): string {
  return letters[path] ?? path.split('.').at(-1)!;
}
