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

/**
 * KL(softmax(teacher / T) ‖ softmax(student / T)) in nats, from logits, so that no probability underflows to log 0. With
 * a = teacher / T and b = student / T, each less its largest: Σ e^a (a − b) / Σ e^a − log Σ e^a + log Σ e^b.
 */
export function klDivergence(teacher: ArrayLike<number>, student: ArrayLike<number>, temperature = 1): number {
  const largestTeacher = teacher[indexOfLargest(teacher)]!;
  const largestStudent = student[indexOfLargest(student)]!;
  let teacherSum = 0;
  let studentSum = 0;
  let weighted = 0;
  for (let i = 0; i < teacher.length; i++) {
    const a = (teacher[i]! - largestTeacher) / temperature;
    const b = (student[i]! - largestStudent) / temperature;
    const power = Math.exp(a);
    teacherSum += power;
    studentSum += Math.exp(b);
    weighted += power * (a - b);
  }
  return Math.max(0, weighted / teacherSum - Math.log(teacherSum) + Math.log(studentSum));
}

/** Index of the largest value, the lowest where several are equal. */
export function indexOfLargest(values: ArrayLike<number>): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[at]!) at = i;
  return at;
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

/** Two distributions over the same tokens at one temperature, from their logits. */
export interface SoftenedPair {
  /** Nats. */
  entropy: { teacher: number; student: number };
  /** KL(teacher ‖ student), nats. */
  kl: number;
  /** L2 norm of the gradient of that KL in the student's logits: ‖(s − t) / T‖ for probabilities s and t. */
  gradientNorm: number;
}

/** Everything that the curves over T show at one T. One exponential a logit and model; `scratch` holds twice the logits. */
export function softenedPair(
  teacher: ArrayLike<number>,
  student: ArrayLike<number>,
  temperature: number,
  scratch: Float64Array = new Float64Array(2 * teacher.length),
): SoftenedPair {
  const size = teacher.length;
  const largestTeacher = teacher[indexOfLargest(teacher)]!;
  const largestStudent = student[indexOfLargest(student)]!;
  let [sumT, sumS, weightedT, weightedS, cross] = [0, 0, 0, 0, 0];
  for (let i = 0; i < size; i++) {
    const a = (teacher[i]! - largestTeacher) / temperature;
    const b = (student[i]! - largestStudent) / temperature;
    const powerT = (scratch[i] = Math.exp(a));
    const powerS = (scratch[size + i] = Math.exp(b));
    sumT += powerT;
    sumS += powerS;
    weightedT += powerT * a;
    weightedS += powerS * b;
    cross += powerT * b;
  }
  let squares = 0;
  for (let i = 0; i < size; i++) squares += (scratch[size + i]! / sumS - scratch[i]! / sumT) ** 2;
  return {
    entropy: { teacher: Math.log(sumT) - weightedT / sumT, student: Math.log(sumS) - weightedS / sumS },
    kl: Math.max(0, (weightedT - cross) / sumT - Math.log(sumT) + Math.log(sumS)),
    gradientNorm: Math.sqrt(squares) / temperature,
  };
}

/** The cosine of two vectors; 0 where one has no length. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    squaresA += a[i]! * a[i]!;
    squaresB += b[i]! * b[i]!;
  }
  const scale = Math.sqrt(squaresA * squaresB);
  return scale === 0 ? 0 : Math.max(-1, Math.min(1, product / scale));
}
