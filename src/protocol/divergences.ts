/** @file How a teacher's predictions are compared with the student's, by the names under which experiment files ask for it. */

/** How soft predictions are compared with soft labels. */
export const divergenceNames = [
  'forward-kl',
  'reverse-kl',
  'skew-kl',
  'skew-reverse-kl',
  'jsd',
  'jeffreys',
  'tvd',
  'mse-logits',
  'cosine-logits',
] as const;

export type Divergence = (typeof divergenceNames)[number];

/** Where an experiment names none. */
export const defaultDivergence = 'forward-kl' satisfies Divergence;

interface DivergenceFacts {
  /** As a chart names it; translated where it is shown. */
  title: string;
  /** What β is in it; absent where β does not enter. */
  beta?: string;
  /** It compares logits as they are; all others compare softened distributions. */
  ofLogits?: true;
}

export const divergenceFacts: Readonly<Record<Divergence, DivergenceFacts>> = {
  'forward-kl': { title: 'KL(teacher ‖ student)' },
  'reverse-kl': { title: 'KL(student ‖ teacher)' },
  'skew-kl': {
    title: 'skew KL',
    beta: "the teacher's share of the mixture that takes the student's place; 0 is forward KL",
  },
  'skew-reverse-kl': {
    title: 'skew reverse KL',
    beta: "the student's share of the mixture that takes the teacher's place; 0 is reverse KL",
  },
  jsd: { title: 'Jensen–Shannon', beta: "the teacher's share of the mixture; 0 is forward KL, 1 is reverse KL" },
  jeffreys: { title: 'Jeffreys', beta: 'the share of forward KL in the sum; the rest is reverse KL' },
  tvd: { title: 'total variation' },
  'mse-logits': { title: 'MSE of the logits', ofLogits: true },
  'cosine-logits': { title: 'cosine of the logits', ofLogits: true },
};

/**
 * Whether the temperature enters a divergence. T² makes up for the 1/T² that softening takes from the gradient, so the
 * others are never scaled by it.
 */
export function isSoftened(divergence: Divergence): boolean {
  return !divergenceFacts[divergence].ofLogits;
}

/** By what positions are chosen that the soft loss counts: whose predictions are the least sure, or by lot in each step. */
export const positionOrders = ['student-entropy', 'teacher-entropy', 'random'] as const;

export type PositionOrder = (typeof positionOrders)[number];
