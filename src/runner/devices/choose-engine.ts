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

/** Works everywhere: how fast it is matters only where another works too. */
const everywhere: EngineName = 'cpu';

/** Undefined where no engine here is known to compute in the precision. */
export async function chooseEngine(precision: Precision, told: Told): Promise<Choice | undefined> {
  await offerOpenVino(told);
  const able = candidates.filter((name) => engineFacts[name].precisions.includes(precision) && !hindranceOf(name));
  const [first, second] = able;
  if (first === undefined) return undefined;
  if (second === undefined) return { engine: first, reason: `auto took ${first}: there is no other here` };
  const known = await remembered();
  const unknown = able.filter((name) => !findOf([...known.measurements, ...known.failures], name, precision));
  const measured = [...known.measurements];
  const measure = async (engines: readonly EngineName[]): Promise<void> => {
    measured.push(...(await measureEngines(engines, precision, () => undefined)).measurements);
  };
  const working = (): Measurement[] =>
    measured.filter((one) => one.precision === precision && able.includes(one.engine) && !one.software);
  const isAlone = (): boolean => able.includes(everywhere) && working().every(({ engine }) => engine === everywhere);
  const others = unknown.filter((name) => name !== everywhere);
  if (others.length > 0 || (unknown.length > 0 && !isAlone())) {
    told.note(`measuring once what computes fastest here: ${unknown.join(', ')} (some seconds each)`);
  }
  await measure(others);
  if (isAlone()) return { engine: everywhere, reason: noOther(everywhere) };
  await measure(unknown.filter((name) => name === everywhere));
  const [fastest, ...slower] = working().sort((a, b) => a.stepMs - b.stepMs);
  return fastest && { engine: fastest.engine, reason: explain(fastest, slower), measurement: fastest };
}

const noOther = (engine: EngineName): string => `auto took ${engine}: no other works here`;

function explain(fastest: Measurement, slower: readonly Measurement[]): string {
  if (slower.length === 0) return noOther(fastest.engine);
  const times = [fastest, ...slower].map(({ engine, stepMs }) => `${engine} ${formatMilliseconds(stepMs)}`);
  return `auto took ${fastest.engine}, the fastest here: a small step takes ${times.join(', ')}`;
}
