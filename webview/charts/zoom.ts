/** @file The stretch of an axis that is shown: zoomed and moved, never beyond its ends. Pure. */

type Range = readonly [number, number];

/** The least part of the axis that can be shown. */
const closest = 1e-5;

/** Zooms about a place, which stays where it is. A factor below 1 shows less. Undefined where all is shown. */
export function zoomAbout([from, to]: Range, end: number, at: number, factor: number): [number, number] | undefined {
  const size = Math.max(end * closest, (to - from) * factor);
  if (size >= end * 0.999) return undefined;
  const share = (at - from) / (to - from || 1);
  return within(at - share * size, size, end);
}

/** Moves by a share of what is shown. */
export function pan([from, to]: Range, end: number, share: number): [number, number] {
  const size = to - from;
  return within(from + share * size, size, end);
}

function within(from: number, size: number, end: number): [number, number] {
  const start = Math.min(Math.max(0, from), Math.max(0, end - size));
  return [start, start + size];
}
