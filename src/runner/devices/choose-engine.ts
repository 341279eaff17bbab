/** @file The engine "auto": the fastest by measurement, of those that compute in the precision. */

import { engineFacts, engineNames, type EngineName, type Precision } from '../../protocol/engines';
import { formatBytes, formatMilliseconds } from '../../protocol/format';
import { hindranceOf } from './candidates';
import { libraryFor } from '../install/catalog';
import { measureEngines } from './measure';
import { findOf, remembered, type Measurement } from './measurements';

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
export async function chooseEngine(precision: Precision, note: (line: string) => void): Promise<Choice | undefined> {
  const able = candidates.filter((name) => engineFacts[name].precisions.includes(precision) && !hindranceOf(name));
  const [first, ...others] = able;
  if (first === undefined) return undefined;
  const offered = offeredOpenVino();
  if (offered !== undefined) note(offered);
  if (others.length === 0) return { engine: first, reason: `auto took ${first}: there is no other here` };
  const known = await remembered();
  const unknown = able.filter((name) => !findOf([...known.measurements, ...known.failures], name, precision));
  if (unknown.length > 0) {
    note(`measuring once what computes fastest here: ${unknown.join(', ')} (some seconds each)`);
  }
  const found = await measureEngines(unknown, precision, () => undefined);
  const measurements = [...known.measurements, ...found.measurements].filter(
    (one) => one.precision === precision && able.includes(one.engine) && !one.software,
  );
  const [fastest, ...slower] = measurements.sort((a, b) => a.stepMs - b.stepMs);
  return fastest && { engine: fastest.engine, reason: explain(fastest, slower), measurement: fastest };
}

/** What may be faster here, and is one command away; undefined where it is there or cannot be. Nothing is fetched unasked. */
function offeredOpenVino(): string | undefined {
  const wheels = libraryFor('openvino')?.wheels;
  if (!wheels || hindranceOf('openvino')?.code !== 'library-not-installed') return undefined;
  const bytes = wheels.reduce((sum, wheel) => sum + wheel.bytes, 0);
  return `OpenVINO trained faster than cpu in all our measurements: distillery devices --install openvino (${formatBytes(bytes)} with pip)`;
}

function explain(fastest: Measurement, slower: readonly Measurement[]): string {
  if (slower.length === 0) return `auto took ${fastest.engine}: no other works here`;
  const times = [fastest, ...slower].map(({ engine, stepMs }) => `${engine} ${formatMilliseconds(stepMs)}`);
  return `auto took ${fastest.engine}, the fastest here: a small step takes ${times.join(', ')}`;
}
