import { beforeAll, describe, expect, it } from 'vitest';
import { FidelityMeter } from '../../src/distill/teacher/fidelity';
import { FrozenTeacher, reducedTargets, TeacherTargets } from '../../src/distill/teacher/teacher';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { initializeParameters } from '../../src/model/parameters';
import { klDivergence } from '../../src/protocol/distribution';
import { fidelityOf, wideTeacher } from './wide-teacher';
import { nothingInside } from '../../src/distill/pairing';

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

describe.each(['causal-lm', 'text-classification'] as const)('a teacher in 8 bits: %s', (task) => {
  it('has soft labels close to those of the exact one', async () => {
    const teacher = wideTeacher(executor, task);
    const { frozen, parameters, inputs } = teacher;
    const exact = new TeacherTargets(frozen);
    const fidelity = await fidelityOf(teacher, exact, reducedTargets('int8', frozen, nothingInside, parameters));
    expect(fidelity.predictions).toBe(inputs.count);
    expect(fidelity.meanKl).toBeGreaterThan(1e-9);
    expect(fidelity.meanKl).toBeLessThan(1e-2);
    expect(fidelity.largestKl).toBeGreaterThanOrEqual(fidelity.meanKl);
    expect(fidelity.agreement).toBeGreaterThan(0.8);
  });

  it('is no other than itself, and another teacher is far away', async () => {
    const teacher = wideTeacher(executor, task);
    const { frozen } = teacher;
    const [one, again] = [new TeacherTargets(frozen), new TeacherTargets(frozen)];
    expect(await fidelityOf(teacher, one, again)).toMatchObject({ meanKl: 0, agreement: 1 });
    const wide = frozen.architecture;
    const other = new FrozenTeacher(executor, wide, initializeParameters({ ...wide, initializerRange: 0.5 }, 77));
    expect((await fidelityOf(teacher, one, new TeacherTargets(other))).meanKl).toBeGreaterThan(0.01);
  });
});

describe('the fidelity of logits', () => {
  it('is the KL of the exact from the rounded ones, over counted rows', async () => {
    const { frozen, inputs } = wideTeacher(executor, 'text-classification');
    const meter = new FidelityMeter(frozen);
    const logits = (shift: number) => ({
      shape: [8, 3],
      dtype: 'float32' as const,
      data: Float32Array.from({ length: 24 }, (_, i) => Math.sin(i) + (i >= 18 ? 100 * shift * i : shift * (i % 3))),
    });
    const [exact, rounded] = [logits(0), logits(0.2)];
    await meter.add(inputs, exact, rounded);
    const rows = [0, 1, 2, 3, 4, 5].map((row) =>
      klDivergence(exact.data.subarray(3 * row, 3 * row + 3), rounded.data.subarray(3 * row, 3 * row + 3)),
    );
    const { meanKl, largestKl, predictions } = meter.result();
    expect(predictions).toBe(6); // the two filler rows, which are far off, are not counted
    expect(meanKl).toBeCloseTo(rows.reduce((a, b) => a + b) / 6, 10);
    expect(largestKl).toBeCloseTo(Math.max(...rows), 10);
  });
});
