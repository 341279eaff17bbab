/** @file Labels that apply or not, each by itself: their probabilities and divergences in plain numbers. The tensor twin is in src/distill. */

import { softenedPair, type SoftenedPair } from './distribution';
import type { LabelKind } from './records';

/** From this probability on a model says that a label applies. */
export const saidFrom = 0.5;

/** σ(z / T) of each logit: the probability that its label applies. */
export function sigmoids(logits: ArrayLike<number>, temperature = 1): Float64Array {
  return Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit / temperature)));
}

/** Whether a model says that a label applies: σ(z) ≥ 0.5, at any temperature. */
export const isSaid = (logit: number): boolean => logit >= 0;

/** log(1 + eˣ), free of overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** −(y log σ(z) + (1 − y) log(1 − σ(z))), nats. @param applies y, 1 or 0 */
export const binaryCrossEntropy = (logit: number, applies: number): number => softplus(logit) - applies * logit;

/** Entropy of a label with the logit z / T: log(1 + e^(z/T)) − σ(z/T) · z/T, nats. */
function entropyOf(scaled: number): number {
  const probability = 1 / (1 + Math.exp(-scaled));
  return softplus(scaled) - probability * scaled;
}

/** KL of one label's two distributions, nats: q (a − b) + log(1 + eᵇ) − log(1 + eᵃ) with q = σ(a), from logits over T. */
function klOf(teacher: number, student: number): number {
  const probability = 1 / (1 + Math.exp(-teacher));
  return Math.max(0, probability * (teacher - student) + softplus(student) - softplus(teacher));
}

const meanOver = (count: number, of: (label: number) => number): number => {
  let sum = 0;
  for (let label = 0; label < count; label++) sum += of(label);
  return sum / count;
};

/** Mean over the labels of each one's entropy at a temperature, nats. */
export const labelEntropy = (logits: ArrayLike<number>, temperature = 1): number =>
  meanOver(logits.length, (label) => entropyOf(logits[label]! / temperature));

/** Mean over the labels of KL(teacher ‖ student) at a temperature, nats. */
export const labelKl = (teacher: ArrayLike<number>, student: ArrayLike<number>, temperature = 1): number =>
  meanOver(teacher.length, (label) => klOf(teacher[label]! / temperature, student[label]! / temperature));

/** As `softenedPair`, of labels each by itself: the gradient's elements are (s − q) / (T · C). */
export function softenedLabels(
  teacher: ArrayLike<number>,
  student: ArrayLike<number>,
  temperature: number,
): SoftenedPair {
  const [q, s] = [sigmoids(teacher, temperature), sigmoids(student, temperature)];
  let squares = 0;
  for (let label = 0; label < q.length; label++) squares += (s[label]! - q[label]!) ** 2;
  return {
    entropy: { teacher: labelEntropy(teacher, temperature), student: labelEntropy(student, temperature) },
    kl: labelKl(teacher, student, temperature),
    gradientNorm: Math.sqrt(squares) / temperature / q.length,
  };
}

/** Two models' logits at one temperature, of one distribution or of labels each by itself. `scratch` as of `softenedPair`. */
export function softenedAs(
  labels: LabelKind,
  teacher: ArrayLike<number>,
  student: ArrayLike<number>,
  temperature: number,
  scratch?: Float64Array,
): SoftenedPair {
  if (labels === 'multiple') return softenedLabels(teacher, student, temperature);
  return softenedPair(teacher, student, temperature, scratch);
}
