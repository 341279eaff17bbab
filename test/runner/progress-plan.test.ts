/** @file How much of a run is done, where parts of it come more than once. */

import { expect, it } from 'vitest';
import { ProgressPlan } from '../../src/runner/run/progress-plan';

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
