/** @file The engine "auto": the fastest by measurement, of those that compute in the precision. */

import { engineFacts, engineNames, type EngineName, type Precision } from '../../protocol/engines';
import { formatMilliseconds } from '../../protocol/format';
import { hindranceOf } from './candidates';
import { measureEngines } from './measure';
import { findOf, remembered, type Measurement } from './measurements';
import { offerOpenVino, type Told } from './offer';

export interface Choice {
  engine: EngineName;
  /** Why, for log.txt and run.json. */
  reason: string;
  /** What decided it; absent where there was nothing to compare. */
  measurement?: Measurement;
}

/** In the order in which they are measured. */
const candidates = engineNames.filter((name) => !engineFacts[name].isNeverFastest);

/** Undefined where no engine here is known to compute in the precision. */
export async function chooseEngine(precision: Precision, told: Told): Promise<Choice | undefined> {
  await offerOpenVino(told);
  const able = candidates.filter((name) => engineFacts[name].precisions.includes(precision) && !hindranceOf(name));
  const [first, ...others] = able;
  if (first === undefined) return undefined;
  if (others.length === 0) return { engine: first, reason: `auto took ${first}: there is no other here` };
  const known = await remembered();
  const unknown = able.filter((name) => !findOf([...known.measurements, ...known.failures], name, precision));
  if (unknown.length > 0) {
    told.note(`measuring once what computes fastest here: ${unknown.join(', ')} (some seconds each)`);
  }
  const found = await measureEngines(unknown, precision, () => undefined);
  const measurements = [...known.measurements, ...found.measurements].filter(
    (one) => one.precision === precision && able.includes(one.engine) && !one.software,
  );
  const [fastest, ...slower] = measurements.sort((a, b) => a.stepMs - b.stepMs);
  return fastest && { engine: fastest.engine, reason: explain(fastest, slower), measurement: fastest };
}

function explain(fastest: Measurement, slower: readonly Measurement[]): string {
  if (slower.length === 0) return `auto took ${fastest.engine}: no other works here`;
  const times = [fastest, ...slower].map(({ engine, stepMs }) => `${engine} ${formatMilliseconds(stepMs)}`);
  return `auto took ${fastest.engine}, the fastest here: a small step takes ${times.join(', ')}`;
}
