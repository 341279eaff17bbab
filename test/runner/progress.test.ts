/** @file How far a run says that it is: its parts by their own names, and none of it done before its end. */

import { describe, expect, it } from 'vitest';
import { nameOf } from '../../src/runner/terminal';
import { ProgressPlan } from '../../src/runner/run/progress-plan';

describe('the progress of a run', () => {
  it('does not count soft labels that are prepared, or models that are compared, as steps of the student', () => {
    const progress = { role: 'student', step: 10, steps: 60, fraction: 0.1 } as const;
    expect(nameOf({ ...progress, phase: 'training' })).toBe('student');
    expect(nameOf({ ...progress, phase: 'preparing' })).toBe('soft labels');
    expect(nameOf({ ...progress, phase: 'comparing' })).toBe('comparison');
  });

  it('leaves the comparison to be done when the last model is trained', () => {
    const plan = new ProgressPlan();
    plan.add('student', 60, 3);
    plan.add('comparison', 1, 20);
    expect(plan.at('student', 60).fraction).toBeCloseTo(0.9);
    expect(plan.at('comparison', 0).fraction).toBeCloseTo(0.9);
    expect(plan.at('comparison', 1).fraction).toBe(1);
  });
});
