/** @file Heat: how far apart teacher and student are at a position, in the levels by which it is coloured. */

/** Lower edges of the heat levels 1 to 4, in nats; fixed, so that examples, steps and runs can be compared. */
export const heatEdges = [0.03, 0.1, 0.3, 1] as const;

/** Heat of a divergence: 0 (below the first edge) to 4. */
export function heatLevel(kl: number): number {
  return heatEdges.filter((edge) => kl >= edge).length;
}
