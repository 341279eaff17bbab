/** @file What the suite has carried out in the editor, for the inventory at its end. */

export type Kind = 'command' | 'tool' | 'lens' | 'setting';

/** Each file of tests is a bundle of its own, so what they share lies in the process. */
const shared = globalThis as { distilleryExercised?: Record<Kind, Set<string>> };

/** By kind, the names of what was carried out to its end. */
export const exercised: Readonly<Record<Kind, Set<string>>> = (shared.distilleryExercised ??= {
  command: new Set(),
  tool: new Set(),
  lens: new Set(),
  setting: new Set(),
});

export async function recorded<T>(kind: Kind, name: string, work: () => PromiseLike<T>): Promise<T> {
  const result = await work();
  exercised[kind].add(name);
  return result;
}
