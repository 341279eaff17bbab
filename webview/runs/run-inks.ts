/** @file A colour for each run that is seen beside others: the same each time, and a person's own where they gave one. Pure. */

/** The theme's chart colours, by slot. */
export const runInks = [
  'var(--teacher)',
  'var(--student)',
  'var(--label)',
  'var(--soft)',
  'var(--hidden)',
  'var(--wrong)',
] as const;

/** A run's slot follows from its name, so that it is the same in every window; of two that would meet, the later moves on. */
export function inksOf(ids: readonly string[], chosen: Readonly<Record<string, number>>): Map<string, string> {
  const taken = new Set(ids.map((id) => chosen[id]).filter((slot) => slot !== undefined));
  const inks = new Map<string, string>();
  for (const id of ids) {
    let slot = chosen[id];
    if (slot === undefined) {
      slot = hash(id) % runInks.length;
      for (let i = 0; taken.has(slot) && i < runInks.length; i++) slot = (slot + 1) % runInks.length;
      taken.add(slot);
    }
    inks.set(id, runInks[slot % runInks.length]!);
  }
  return inks;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
