/** @file Losses that imitate the teacher, by the names under which experiment files ask for them. */

/** How soft predictions are compared with soft labels. */
export const divergenceNames = ['forward-kl', 'reverse-kl', 'jsd', 'tvd', 'mse-logits', 'cosine-logits'] as const;

export type Divergence = (typeof divergenceNames)[number];

/** They compare logits as they are; all others compare softened distributions. */
const ofLogits: readonly Divergence[] = ['mse-logits', 'cosine-logits'];

/**
 * Whether the temperature enters a divergence. T² makes up for the 1/T² that softening takes from the gradient, so the
 * others are never scaled by it.
 */
export function isSoftened(divergence: Divergence): boolean {
  return !ofLogits.includes(divergence);
}

/** How hidden states are compared. */
export const hiddenLossKinds = ['mse', 'cosine'] as const;

export type HiddenLossKind = (typeof hiddenLossKinds)[number];
