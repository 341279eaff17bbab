/** @file Distributions over tokens or classes in plain numbers, for pages and reports. The tensor twin is in src/distill. */

/** softmax(logits / T), the largest logit subtracted first. Returns probabilities that sum to 1. */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float64Array {
  const out = new Float64Array(logits.length);
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += out[i] = Math.exp((logits[i]! - largest) / temperature);
  for (let i = 0; i < out.length; i++) out[i]! /= sum;
  return out;
}

/** Shannon entropy in nats; 0 · log 0 = 0. */
export function entropy(probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (p > 0) sum -= p * Math.log(p);
  }
  return sum;
}

/** KL(softmax(teacher / T) ‖ softmax(student / T)) in nats, from logits, so that no probability underflows to log 0. */
export function klDivergence(teacher: ArrayLike<number>, student: ArrayLike<number>, temperature = 1): number {
  const t = logSoftmax(teacher, temperature);
  const s = logSoftmax(student, temperature);
  let sum = 0;
  for (let i = 0; i < t.length; i++) sum += Math.exp(t[i]!) * (t[i]! - s[i]!);
  return Math.max(0, sum);
}

function logSoftmax(logits: ArrayLike<number>, temperature: number): Float64Array {
  const out = new Float64Array(logits.length);
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i]! - largest) / temperature);
  const logSum = Math.log(sum);
  for (let i = 0; i < out.length; i++) out[i] = (logits[i]! - largest) / temperature - logSum;
  return out;
}

/** Indices of the k largest values, largest first; the lower index wins a tie. */
export function topIndices(values: ArrayLike<number>, k: number): number[] {
  const top: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (top.length === k && values[i]! <= values[top[k - 1]!]!) continue;
    let at = top.length;
    while (at > 0 && values[top[at - 1]!]! < values[i]!) at--;
    top.splice(at, 0, i);
    if (top.length > k) top.pop();
  }
  return top;
}

/** 1 for the largest value; values that are equal share the better rank. */
export function rankOf(values: ArrayLike<number>, index: number): number {
  let rank = 1;
  for (let i = 0; i < values.length; i++) if (values[i]! > values[index]!) rank++;
  return rank;
}
