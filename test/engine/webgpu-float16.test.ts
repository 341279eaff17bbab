import { beforeAll, describe, expect, it } from 'vitest';
import { reducedTargets, TeacherTargets } from '../../src/distill/teacher/teacher';
import { openExecutor } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { fidelityOf, wideTeacher } from '../distill/wide-teacher';
import { allOr } from '../torture';
import { nothingInside } from '../../src/distill/pairing';

/** Whether a GPU has 16-bit floats is not known before it is opened; lavapipe has them. */
const isLavapipe = (process.env.VK_ICD_FILENAMES ?? '').includes('lvp');

describe.runIf(isLavapipe)('a GPU that computes in 16-bit floats', () => {
  let executor: Executor;
  beforeAll(async () => {
    executor = await openExecutor('webgpu');
  });

  it('says so', () => {
    expect(executor.hardware?.float16).toBe(true);
    expect(Object.keys(executor.loadReduced!)).toEqual(['float16']);
  });

  it.each(allOr<'causal-lm' | 'text-classification'>(['causal-lm', 'text-classification'], ['causal-lm']))(
    'asks a teacher in them: %s',
    async (task) => {
      const teacher = wideTeacher(executor, task);
      const { frozen, parameters, inputs } = teacher;
      const exact = new TeacherTargets(frozen);
      const fidelity = await fidelityOf(teacher, exact, reducedTargets('float16', frozen, nothingInside, parameters));
      expect(fidelity.predictions).toBe(inputs.count);
      expect(fidelity.largestKl).toBeGreaterThan(1e-12);
      expect(fidelity.largestKl).toBeLessThan(1e-4);
      expect(fidelity.agreement).toBeGreaterThan(0.95);
    },
  );
});
