/** @file How far a run says that it is: its parts by their own names, and none of it done before its end. */

import { describe, expect, it } from 'vitest';
import { nameOf } from '../../src/runner/command-line/terminal';
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

it('goes on from one member of an ensemble to the next, by the work of each', () => {
  const plan = new ProgressPlan();
  plan.add('teacher', 10, 3, 1);
  plan.add('teacher', 10, 1, 2);
  plan.add('answers', 1, 30, 1);
  plan.add('answers', 1, 10, 2);
  plan.add('student', 20, 1);
  const at = (...given: Parameters<ProgressPlan['at']>): number => plan.at(...given).fraction;
  expect([at('teacher', 0, 1), at('teacher', 10, 1), at('teacher', 0, 2), at('teacher', 10, 2)]).toEqual([
    0, 0.3, 0.3, 0.4,
  ]);
  expect([at('answers', 1, 1), at('answers', 1, 2), at('student', 20)]).toEqual([0.7, 0.8, 1]);
});

it('leaves out a part that is done within others', () => {
  const plan = new ProgressPlan();
  plan.add('answers', 1, 30);
  plan.add('student', 10, 3);
  plan.add('comparison', 1, 30);
  expect(plan.at('student', 0).fraction).toBeCloseTo(1 / 3);
  plan.leaveOut('answers');
  expect(plan.at('student', 0)).toEqual({ fraction: 0 });
  expect(plan.at('student', 10).fraction).toBeCloseTo(0.5);
});
