/**
 * @file Distributions over tokens or classes in plain numbers, for pages and reports. The tensor twin is in src/distill. A logit of −Infinity: the model has
 * no such token, and the other has it.
 */

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
 * a = teacher / T and b = student / T, each less its largest: Σ e^a (a − b) / Σ e^a − log Σ e^a + log Σ e^b. Over the tokens that both have where some
 * are of one alone: there the I-divergence Σ q log(q / s) − Σ q + Σ s (Csiszár, 1975), which is the same where all are of both.
 */
export function klDivergence(teacher: ArrayLike<number>, student: ArrayLike<number>, temperature = 1): number {
  const largestTeacher = teacher[indexOfLargest(teacher)]!;
  const largestStudent = student[indexOfLargest(student)]!;
  let [teacherSum, studentSum, weighted, teachersOwn, studentsOwn] = [0, 0, 0, 0, 0];
  for (let i = 0; i < teacher.length; i++) {
    const a = (teacher[i]! - largestTeacher) / temperature;
    const b = (student[i]! - largestStudent) / temperature;
    const [powerT, powerS] = [Math.exp(a), Math.exp(b)];
    teacherSum += powerT;
    studentSum += powerS;
    if (b === -Infinity) teachersOwn += powerT;
    else if (a === -Infinity) studentsOwn += powerS;
    else weighted += powerT * (a - b);
  }
  return divergenceOf({ teacherSum, studentSum, weighted, teachersOwn, studentsOwn });
}

/** Of two models at one temperature: sums of e^a and e^b, of e^a (a − b) over the tokens of both, and of those that one alone has. */
interface DivergenceSums {
  teacherSum: number;
  studentSum: number;
  weighted: number;
  teachersOwn: number;
  studentsOwn: number;
}

function divergenceOf({ teacherSum, studentSum, weighted, teachersOwn, studentsOwn }: DivergenceSums): number {
  const [onlyTeachers, onlyStudents] = [teachersOwn / teacherSum, studentsOwn / studentSum];
  const both = 1 - onlyTeachers;
  const ofBoth = weighted / teacherSum - both * Math.log(teacherSum) + both * Math.log(studentSum);
  return Math.max(0, ofBoth + onlyTeachers - onlyStudents);
}

/** Whether one of two tokens is the beginning of the other: of two tokenizers that is how the same choice may look. */
export const beginsTheOther = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);

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
  /**
   * L2 norm of the gradient of that KL in the student's logits: ‖(s − q) / T‖ for probabilities s and q. Where tokens are of one alone, s − q is 0 there, and
   * s · Σ (s − q) over the tokens of both is taken away.
   */
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
  let [sumT, sumS, weightedT, weightedS, weighted, teachersOwn, studentsOwn] = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < size; i++) {
    const a = (teacher[i]! - largestTeacher) / temperature;
    const b = (student[i]! - largestStudent) / temperature;
    const powerT = (scratch[i] = Math.exp(a));
    const powerS = (scratch[size + i] = Math.exp(b));
    sumT += powerT;
    sumS += powerS;
    if (powerT > 0) weightedT += powerT * a;
    if (powerS > 0) weightedS += powerS * b;
    if (b === -Infinity) teachersOwn += powerT;
    else if (a === -Infinity) studentsOwn += powerS;
    else weighted += powerT * (a - b);
  }
  let squares = 0;
  const apart = teachersOwn / sumT - studentsOwn / sumS;
  for (let i = 0; i < size; i++) {
    const [q, s] = [scratch[i]! / sumT, scratch[size + i]! / sumS];
    const isOfBoth = teacher[i]! > -Infinity && student[i]! > -Infinity;
    squares += ((isOfBoth ? s - q : 0) - s * apart) ** 2;
  }
  return {
    entropy: { teacher: Math.log(sumT) - weightedT / sumT, student: Math.log(sumS) - weightedS / sumS },
    kl: divergenceOf({ teacherSum: sumT, studentSum: sumS, weighted, teachersOwn, studentsOwn }),
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
