/** @file Logits of teacher and student, which come nearer to each other from probe to probe. */

import type { ProbeSet } from '../../../src/protocol/lab-data';
import type { ProbeExample, ProbeExamples } from '../../../src/protocol/inspection-records';
import { normal, normals, random } from './random';

export interface SampleProbes {
  probes: ProbeSet;
  /** The student's logits at a step of `probes.steps`. */
  student: (step: number) => Float32Array[];
}

interface Prediction {
  teacher: Float32Array;
  final: Float32Array;
  start: Float32Array;
}

/** The teacher prefers the label and some others; the student ends near it, and starts from a flat guess. */
function predict(next: () => number, size: number, label: number, gap: number): Prediction {
  if (size === 2) {
    const sure = 3 + 4 * next();
    const pair = (z: number): Float32Array => Float32Array.from([0, 1], (v) => (v === label ? z : -z));
    return { teacher: pair(sure), final: pair(sure * (1 - gap * (0.5 + next()))), start: pair(0.3 * normal(next)) };
  }
  const [teacher, start, final] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)];
  const [ofTeacher, ofStart, ofFinal] = [normals(next, size), normals(next, size), normals(next, size)];
  for (let v = 0; v < size; v++) {
    teacher[v] = -7 + 2 * ofTeacher[v]!;
    start[v] = -7 + 1.5 * ofStart[v]!;
    final[v] = 0.94 * teacher[v]! + 0.5 * gap * ofFinal[v]!;
  }
  for (let k = 0; k < Math.min(9, size - 1); k++) {
    const other = Math.floor(next() * size);
    teacher[other] = 7.5 - 0.5 * k + 0.3 * normal(next);
    final[other] = teacher[other] + 0.9 * gap * normal(next);
  }
  if (label >= 0) {
    teacher[label] = 8 + 2.5 * next();
    final[label] = teacher[label] - 2.4 * gap * next();
  }
  return { teacher, final, start };
}

export function probesOf(
  task: ProbeExamples['task'],
  names: string[],
  examples: ProbeExample[],
  temperature: number,
  steps: number[],
  lastStep: number,
): SampleProbes {
  const next = random(11);
  const predictions = examples.map(({ positions }) =>
    positions.map(({ label }) => ({
      ...predict(next, names.length, label, 0.3 + 1.6 * next() ** 2),
      pace: 0.2 + 1.6 * next(),
    })),
  );
  const join = (rows: Float32Array[]): Float32Array => {
    const all = new Float32Array(rows.length * names.length);
    rows.forEach((row, i) => all.set(row, i * names.length));
    return all;
  };
  return {
    probes: {
      examples: { task, temperature, names, examples },
      teacher: predictions.map((rows) => join(rows.map(({ teacher }) => teacher))),
      steps,
    },
    student: (step) =>
      predictions.map((rows) =>
        join(
          rows.map(({ start, final, pace }) => {
            const done = (1 - Math.exp((-5 * step) / lastStep)) ** pace / (1 - Math.exp(-5)) ** pace;
            const now = new Float32Array(names.length);
            for (let v = 0; v < names.length; v++) now[v] = done * final[v]! + (1 - done) * start[v]!;
            return now;
          }),
        ),
      ),
  };
}
