/** @file The levels of divergence. */

/** KL(teacher ‖ student) in nats at which a level begins; the first is below all of them, the last has no end. */
export const heatEdges = [0.03, 0.1, 0.3, 1] as const;

/** 0 to 4. */
export function heatLevel(kl: number): number {
  return heatEdges.filter((edge) => kl >= edge).length;
}
