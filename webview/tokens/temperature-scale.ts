/** @file The temperature slider's logarithmic scale. Pure. */

const coldest = 0.25;
const warmest = 20;
export const marks = [0.5, 1, 2, 4, 8] as const;

/** How far along the slider a temperature is, 0 to 1. */
export function toFraction(temperature: number): number {
  return Math.log(temperature / coldest) / Math.log(warmest / coldest);
}

/** The temperature at a fraction of the slider. */
export function fromFraction(fraction: number): number {
  return coldest * (warmest / coldest) ** Math.min(1, Math.max(0, fraction));
}

/** A mark that is within a hair of the temperature, or the temperature itself: for dragging. */
export function snap(temperature: number, stops: readonly number[]): number {
  const near = stops.find((stop) => Math.abs(toFraction(stop) - toFraction(temperature)) < 0.015);
  return near ?? temperature;
}

/** The next temperature for a key: a hundredth of the slider (times `size`), but no mark is jumped over. */
export function nudge(temperature: number, direction: 1 | -1, stops: readonly number[], size = 1): number {
  const next = fromFraction(toFraction(temperature) + 0.01 * direction * size);
  const [low, high] = direction > 0 ? [temperature, next] : [next, temperature];
  const between = stops.filter((stop) => stop > low * 1.0001 && stop < high * 0.9999);
  return (direction > 0 ? between[0] : between.at(-1)) ?? next;
}
