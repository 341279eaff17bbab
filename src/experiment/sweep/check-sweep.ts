/** @file Checks a sweep's values as if each combination were written in the experiment. */

import { checkSettings } from '../checks/check-settings';
import { Findings } from '../checks/findings';
import { parseSource, type ParsedExperiment } from '../file/parse';
import type { Experiment } from '../file/schema';
import type { Source } from '../file/source';
import { VariedSource, type Choices } from './varied-source';

type Sweep = NonNullable<Experiment['sweep']>;

/** More would be a slip of the pen. */
const MOST_COMBINATIONS = 1000;

/** Settings that are no part of what is run. */
const NOT_SWEPT = ['sweep', 'name', '$schema'];

/** Adds what is wrong with a swept value, placed at that value. Files are not looked at: `loadSweep` does. */
export function checkSweep({ source, readable }: ParsedExperiment, findings: Findings): void {
  const sweep = findings.check(() => readable?.sweep);
  if (!sweep) return;
  for (const setting of Object.keys(sweep)) {
    if (!NOT_SWEPT.includes(setting.split('.')[0]!)) continue;
    findings.error(['sweep', setting], 'sweep-of-fixed-setting', { setting });
  }
  const count = Object.values(sweep).reduce((product, values) => product * values.length, 1);
  if (count > MOST_COMBINATIONS) {
    findings.error(['sweep'], 'sweep-too-large', { combinations: count, most: MOST_COMBINATIONS });
  }
  if (findings.isFaulty(['sweep'])) return;
  const known = new Set(findings.problems.map((problem) => JSON.stringify(problem)));
  for (const choices of combinations(sweep)) {
    for (const problem of problemsOf(source, choices, findings.base)) {
      const text = JSON.stringify(problem);
      if (!known.has(text)) findings.add(problem);
      known.add(text);
    }
  }
}

function problemsOf(source: Source, choices: Choices, base: string): Findings['problems'] {
  const varied = parseSource(new VariedSource(source, choices));
  const findings = new Findings(varied.source, base);
  findings.add(...varied.problems);
  if (varied.readable) checkSettings(varied.readable, findings);
  return findings.problems;
}

/** Every combination of the values, each value once; the last setting changes fastest. */
export function combinations(sweep: Sweep): Choices[] {
  let all: Record<string, number>[] = [{}];
  for (const [setting, values] of Object.entries(sweep)) {
    const texts = values.map((value) => JSON.stringify(value));
    const distinct = [...texts.keys()].filter((index) => texts.indexOf(texts[index]!) === index);
    all = all.flatMap((choices) => distinct.map((index) => ({ ...choices, [setting]: index })));
  }
  return all;
}
