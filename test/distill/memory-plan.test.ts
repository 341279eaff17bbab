import { describe, expect, it } from 'vitest';
import { predictPeakBytes, type PlannedTraining } from '../../src/distill/training/memory-plan';
import type { Positions } from '../../src/distill/pairing';
import { rowChunks } from '../../src/distill/prediction';
import { measuringProgram } from '../../src/distill/evaluation/evaluation-program';
import { workingBytesDepthFirst } from '../../src/engine/graph/working-memory';
import { createArchitecture, parameterCount } from '../../src/model/layouts/config';

const student = createArchitecture({
  family: 'gpt2',
  head: 'causal-lm',
  layers: 2,
  hiddenSize: 32,
  heads: 2,
  vocabularySize: 300,
  maxPositions: 16,
});

const training: PlannedTraining = {
  pairing: { student },
  shapes: [{ rows: 4, length: 16, predictions: 60 }],
  evaluationShapes: [{ rows: 4, length: 16, predictions: 60 }],
  workingMemory: 'freed',
  moments: 'float32',
  accumulates: false,
  runsTeacher: false,
  evaluatedRows: 4,
  heldBytes: 1e9,
};

describe('the predicted peak', () => {
  it('adds a group of the trained size where gradients are accumulated', () => {
    const added = predictPeakBytes({ ...training, accumulates: true }) - predictPeakBytes(training);
    expect(added).toBe(parameterCount(student) * 4);
  });

  it('has two moments of half the size where they are kept as bfloat16', () => {
    const saved = predictPeakBytes(training) - predictPeakBytes({ ...training, moments: 'bfloat16' });
    expect(saved).toBe(parameterCount(student) * 4);
  });

  it('counts every length where programs keep their memory, evaluations too, and otherwise the largest', () => {
    const short = { rows: 4, length: 8, predictions: 28 };
    const more = { ...training, shapes: [...training.shapes, short] };
    const evaluating = { ...training, evaluationShapes: [...training.shapes, short] };
    expect(predictPeakBytes(more)).toBe(predictPeakBytes(training));
    expect(predictPeakBytes(evaluating)).toBe(predictPeakBytes(training));
    const kept = (plan: PlannedTraining): number => predictPeakBytes({ ...plan, workingMemory: 'kept' });
    expect(kept(training)).toBeGreaterThan(predictPeakBytes(training));
    expect(kept(more)).toBeGreaterThan(kept(training));
    expect(kept(evaluating)).toBeGreaterThan(kept(training));
  });

  it('counts no programs of the teacher in evaluations where what it says there is known', () => {
    const plan: PlannedTraining = { ...training, pairing: { student, teacher: student }, workingMemory: 'kept' };
    const asked = predictPeakBytes(plan);
    const known = predictPeakBytes({ ...plan, knowsTeacher: true });
    expect(known).toBeLessThan(asked);
    expect(known).toBeGreaterThan(predictPeakBytes({ ...plan, knowsTeacher: true, evaluationShapes: [] }));
  });

  it('is less where nothing is predicted but at some positions', () => {
    const objective = { divergence: 'forward-kl', beta: 0.5, scaleByTemperatureSquared: true, temperature: 1 } as const;
    const peak = (alpha: number, positions?: Positions): number => {
      const pairing = { student, teacher: student, objective: { ...objective, alpha, positions } };
      return predictPeakBytes({ ...training, pairing, evaluationShapes: [] });
    };
    const some = { fraction: 0.2, by: 'teacher-entropy' } as const;
    expect(peak(1, some)).toBeLessThan(peak(1));
    expect(peak(0.9, some)).toBe(peak(0.9, { ...some, by: 'random' }));
    expect(peak(0.9, some)).toBeGreaterThan(peak(1, some));
  });

  it('grows with the batch, and starts from what is held', () => {
    const steps = { ...training, evaluationShapes: [] };
    const larger = { ...steps, shapes: [{ rows: 8, length: 16, predictions: 120 }] };
    const [small, large] = [predictPeakBytes(steps), predictPeakBytes(larger)];
    expect(large).toBeGreaterThan(small);
    // Weights, two moments, gradients, and those once more as onnxruntime hands them back; 64 MiB for all that is not counted.
    expect(small).toBeGreaterThan(1e9 + 5 * 4 * parameterCount(student) + 2 ** 26);
    expect(predictPeakBytes({ ...steps, heldBytes: 2e9 }) - small).toBe(1e9);
  });

  it('counts the keys and values of texts that are written, and where programs keep their memory those that write them', () => {
    const writes = { rows: 4, length: 16 };
    const [without, written] = [predictPeakBytes(training), predictPeakBytes({ ...training, writes })];
    // Keys and values of 2 layers, 32 wide.
    expect(written - without).toBe(2 * 2 * 4 * 16 * 32 * 4);
    const kept = (plan: PlannedTraining): number => predictPeakBytes({ ...plan, workingMemory: 'kept' });
    // One for prompts, and one for 4, 2 and 1 rows each.
    expect(kept({ ...training, writes }) - kept(training)).toBeGreaterThan(4 * 24 * 2 ** 20);
  });

  it('counts the teacher’s scores of attention and its vectors where the student imitates them, two of each shape where they are read', () => {
    const objective = {
      divergence: 'forward-kl' as const,
      beta: 0.5,
      scaleByTemperatureSquared: true,
      temperature: 2,
      alpha: 0.5,
    };
    const attention = { loss: 'mse' as const, layers: 'uniform' as const, weight: 0.1 };
    const peak = (inside: object, runsTeacher: boolean): number =>
      predictPeakBytes({
        ...training,
        pairing: { student, teacher: student, objective: { ...objective, ...inside } },
        runsTeacher,
      });
    // Of 2 blocks, each [4 rows, 2 heads, 16, 16], beside what the programs take for them.
    const scores = 2 * 4 * 2 * 16 * 16 * 4;
    expect(peak({ attention }, true) - peak({}, true)).toBeGreaterThanOrEqual(scores);
    const more = peak({ attention }, false) - peak({ attention }, true);
    expect(more - (peak({}, false) - peak({}, true))).toBe(scores);
    // Of the last block queries and values, each [4 rows, 16, 32].
    const relations = { of: ['queries', 'values'] as const, heads: 2, layers: 'last' as const, weight: 0.1 };
    const read = peak({ relations }, false) - peak({ relations }, true);
    expect(read - (peak({}, false) - peak({}, true))).toBe(2 * 4 * 16 * 32 * 4);
  });

  it('counts the programs of each of several teachers', () => {
    const member = { ...student, layers: 6 };
    const objective = {
      divergence: 'forward-kl' as const,
      beta: 0.5,
      scaleByTemperatureSquared: true,
      temperature: 2,
      alpha: 0.5,
    };
    const peak = (count: number): number => {
      const members = Array.from({ length: count }, () => member);
      const ensemble = count > 1 ? { members, weights: members.map(() => 1 / count) } : undefined;
      const pairing = { student, teacher: member, ensemble, objective };
      return predictPeakBytes({ ...training, pairing, workingMemory: 'kept', runsTeacher: true });
    };
    const [one, two, three] = [peak(1), peak(2), peak(3)];
    expect(two).toBeGreaterThan(one);
    // Each as much again, but for the mean's first sum in the student's programs.
    expect(three - two).toBeGreaterThan((two - one) / 2);
  });

  it('counts the teacher’s answers that an evaluation keeps, up to a limit', () => {
    const pairing = { student, teacher: student };
    const [few, more, many] = [4, 400, 4e7].map((evaluatedRows) =>
      predictPeakBytes({ ...training, pairing, evaluatedRows }),
    ) as [number, number, number];
    // 60 predictions of 32 floats for 4 rows.
    expect(more - few).toBe(99 * 60 * 32 * 4);
    expect(many).toBeLessThan(few + 257 * 2 ** 20);
  });
});

describe('the measures of an evaluation', () => {
  it('are computed chunk by chunk by an executor that goes depth first from the outputs', () => {
    const model = { ...student, vocabularySize: 65_536 };
    const bytes = (rows: number): number =>
      workingBytesDepthFirst(measuringProgram({ student: model, teacher: model }, rows).graph);
    // 128 positions a chunk: one of them, and four.
    expect(bytes(512)).toBeLessThan(1.3 * bytes(128));
  });
});

describe('chunks of rows', () => {
  it.each([
    [10, 100, [10]],
    [376, 170, [94, 94, 94, 94]],
    [1016, 170, Array<number>(8).fill(127)],
    // Of a number that nothing near divides they are as alike as they can be.
    [752, 170, [151, 151, 151, 151, 148]],
    [509, 170, [170, 170, 169]],
  ])('%i rows, at most %i at once, are of one size where that is near', (rows, most, sizes) => {
    const chunks = rowChunks(rows, most);
    expect(chunks.map(([, size]) => size)).toEqual(sizes);
    expect(chunks.map(([start]) => start)).toEqual(sizes.map((_, i) => i * sizes[0]!));
  });
});
