/** @file Which divergences compare softened distributions, and which compare logits as they are. */

const OF_LOGITS: readonly string[] = ['mse-logits', 'cosine-logits'];

/**
 * Whether the temperature enters a divergence. T² makes up for the 1/T² that softening takes from the gradient, so the
 * others are never scaled by it.
 */
export function isSoftened(divergence: string): boolean {
  return !OF_LOGITS.includes(divergence);
}
