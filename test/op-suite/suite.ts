/** @file tfjs's own op tests, which its npm package holds, run against one backend in a plain Node process of their own. */

import { environment, type SpecResult } from './jasmine';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { writeFileSync } from 'node:fs';
import { isInPart, type Exclusion, type SuiteResult } from './result';

export interface SuiteOptions {
  /** A backend that is registered; `setBackend` must succeed. */
  backend: string;
  /** Whether the backend gives a tensor's values at once; the tests of `dataSync` need that. */
  isDataSync: boolean;
  exclude: readonly Exclusion[];
  /** Only each of so many tests is run; 1 for all of them. */
  oneIn: number;
}

/** Names of specs carry the environment's, which tells tests of a backend from those of tfjs's other parts. */
const ENVIRONMENT = 'on-backend';

/** Runs the suite and writes a `SuiteResult` as JSON to the file that the process was given. */
export async function runSuite({ backend, isDataSync, exclude, oneIn }: SuiteOptions): Promise<void> {
  const file = process.argv[2];
  if (file === undefined) throw new Error('Usage: node SUITE.mjs RESULT.json');
  setTestEnvs([{ name: ENVIRONMENT, backendName: backend, flags: {}, isDataSync }]);
  await import('@tensorflow/tfjs-core/dist/tests.js');

  const result: SuiteResult = { passed: [], failed: [], leftOut: {}, unusedExclusions: [] };
  const used = new Set<Exclusion>();
  environment.configure({
    random: false,
    specFilter: (spec) => spec.getFullName().includes(` ${ENVIRONMENT} `) && isInPart(spec.getFullName(), oneIn),
  });
  environment.addReporter({
    specDone: (spec) => {
      if (spec.status === 'passed') result.passed.push(spec.fullName);
      if (spec.status !== 'failed') return;
      const exclusion = exclude.find((candidate) => isExcluded(spec, candidate));
      if (exclusion) {
        used.add(exclusion);
        (result.leftOut[exclusion.reason] ??= []).push(spec.fullName);
      } else result.failed.push({ name: spec.fullName, problems: problemsOf(spec) });
    },
  });
  await environment.execute();
  result.unusedExclusions = exclude
    .filter((exclusion) => !used.has(exclusion) && !exclusion.mayPass)
    .map(describeExclusion);
  writeFileSync(file, JSON.stringify(result));
  // Timers that tests leave behind do not keep the process.
  process.exit(0);
}

const problemsOf = (spec: SpecResult): string[] => spec.failedExpectations.map(({ message }) => message);

const describeExclusion = ({ spec, failure, reason }: Exclusion): string => `${spec ?? String(failure)} (${reason})`;

/** A spec is run even if it is excluded, and only a failure that the exclusion foretells is forgiven. */
function isExcluded(spec: SpecResult, { spec: name, failure }: Exclusion): boolean {
  if (name !== undefined && !spec.fullName.replace(`${ENVIRONMENT} {} `, '').includes(name)) return false;
  return failure === undefined || problemsOf(spec).some((problem) => failure.test(problem));
}
