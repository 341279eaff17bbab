/** @file Every problem that the product tells of, by its code. Codes are stable: other programs decide by them. Words are not. */

import { alerts } from './alerts';
import { datasetProblems } from './dataset';
import { endpointProblems } from './endpoint';
import { engineProblems } from './engine';
import { experimentProblems } from './experiment';
import { hubProblems } from './hub';
import { installProblems } from './install';
import { modelProblems } from './model';
import { runProblems } from './run';
import type { ArgumentsOf } from './templates';

export const catalogue = {
  ...experimentProblems,
  ...datasetProblems,
  ...modelProblems,
  ...engineProblems,
  ...endpointProblems,
  ...hubProblems,
  ...runProblems,
  ...installProblems,
  ...alerts,
};

export type ProblemCode = keyof typeof catalogue;

/** What must be told of a problem, from the places in its words. */
export type ProblemArguments<C extends ProblemCode> = ArgumentsOf<(typeof catalogue)[C]>;
