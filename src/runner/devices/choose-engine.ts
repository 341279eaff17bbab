/** @file The engine "auto": the fastest by measurement, of those that compute in the precision. */

import { engineFacts, engineNames, type EngineName, type Precision } from '../../protocol/engines';
import { formatMilliseconds } from '../../protocol/format';
import { hindranceOf } from './candidates';
import { expectedOf, machineFacts, type MachineFacts } from './expected-engine';
import { compareEngines, measureEngines } from './measure';
import { findOf, nothing, remembered, type Failure, type Measurement } from './measurements';
import { offerOpenVino, type Told } from './offer';

export interface Choice {
  engine: EngineName;
  /** Why, for log.txt and run.json. */
  reason: string;
  /** What decided it, the chosen one's first; absent where there was nothing to compare. */
  timed?: readonly Measurement[];
  /** Nothing was measured: engines are to be compared when nobody waits for it. */
  isExpected?: true;
}

const candidates = engineNames.filter((name) => !engineFacts[name].isNeverFastest);

const isOnProcessor = (name: EngineName): boolean => engineFacts[name].device === 'cpu';

/** Those that compute on the processor are compared with one another by the quick step: the best of them alone with GPUs, by the small step. */
export const isCompared = (name: EngineName): boolean => candidates.includes(name) && isOnProcessor(name);

/** Those that may compute in the precision here, in the order of their names. */
export function ableEngines(precision: Precision, { mayHaveGpu }: MachineFacts): EngineName[] {
  const mayBe = (name: EngineName): boolean => isOnProcessor(name) || mayHaveGpu;
  return candidates.filter(
    (name) => engineFacts[name].precisions.includes(precision) && mayBe(name) && !hindranceOf(name),
  );
}

/** Whether a comparison says more than what is expected without one: where others kept the machine busy, engines are nearly alike in it. */
export const isSure = (compared: Measurement | undefined): boolean =>
  compared !== undefined && compared.ofProcessor !== true;

/** Undefined where no engine here is known to compute in the precision. @param isAble whether an engine can do all else that the run needs */
export async function chooseEngine(
  precision: Precision,
  told: Told,
  machine = machineFacts(),
  isAble: (engine: EngineName) => boolean = () => true,
): Promise<Choice | undefined> {
  await offerOpenVino(told);
  const able = ableEngines(precision, machine).filter(isAble);
  const [first, second] = able;
  if (first === undefined) return undefined;
  if (second === undefined) return { engine: first, reason: `auto took ${first}: there is no other here` };

  const known = await remembered();
  const find = <T extends Measurement | Failure>(list: readonly T[], name: EngineName): T | undefined =>
    findOf(list, name, precision);
  const isOut = (name: EngineName): boolean => find(known.failures, name) !== undefined;
  const processors = able.filter((name) => isOnProcessor(name) && !isOut(name));
  const isImitated = (name: EngineName): boolean => find(known.measurements, name)?.software === true;
  const devices = able.filter((name) => !isOnProcessor(name) && !isOut(name) && !isImitated(name));
  const isKnown = processors.length < 2 || processors.every((name) => find(known.compared, name));
  const isSettled = processors.length < 2 || processors.every((name) => isSure(find(known.compared, name)));
  const expected = isSettled || devices.length > 0 ? undefined : await expectedOf(processors, machine);
  if (expected !== undefined) {
    const reason = `auto took ${expected}, the fastest on all processors of this kind so far: here engines are compared when a run is done`;
    return { engine: expected, reason, isExpected: true };
  }
  const unknown = devices.filter((name) => !find(known.measurements, name));
  if (!isKnown) told.note(`measuring once what computes fastest here: ${processors.join(', ')} (a few seconds)`);
  const unmet = isKnown ? [] : processors;
  const found = unmet.length + unknown.length > 0 ? await compareEngines(unmet, unknown, precision) : nothing;
  const fails = (name: EngineName): boolean => find(found.failures, name) !== undefined;
  const working = processors.filter((name) => !fails(name));
  const compared = isKnown ? known.compared : found.compared;
  const times = byTime(compared.filter((one) => one.precision === precision && working.includes(one.engine)));
  const best = times[0]?.engine ?? working[0];
  const rivals = devices.filter((name) => !fails(name));
  if (best !== undefined && rivals.length === 0) return chosen(best, times);

  const all = [...(best === undefined ? [] : [best]), ...rivals];
  const unmeasured = all.filter((name) => !find(known.measurements, name));
  if (unmeasured.length > 0) {
    told.note(`measuring once what computes fastest here: ${unmeasured.join(', ')} (some seconds each)`);
  }
  const { measurements } = await measureEngines(unmeasured, precision, () => undefined);
  const measured = byTime(
    [...known.measurements, ...measurements].filter(
      (one) => one.precision === precision && all.includes(one.engine) && !one.software,
    ),
  );
  const fastest = measured[0]?.engine ?? best;
  return fastest === undefined ? undefined : chosen(fastest, measured);
}

/** Times what was chosen again, for the next run: what it computes on is another than was measured. */
export async function measureAnew({ engine, timed = [] }: Choice, precision: Precision): Promise<void> {
  const engines = timed.map((one) => one.engine);
  if (engines.length > 1 && engines.every(isOnProcessor)) await compareEngines(engines, [], precision);
  else await measureEngines([engine], precision, () => undefined);
}

const byTime = (list: readonly Measurement[]): Measurement[] => [...list].sort((a, b) => a.stepMs - b.stepMs);

/** @param timed the fastest first */
function chosen(engine: EngineName, timed: readonly Measurement[]): Choice {
  if (timed.length < 2) return { engine, reason: `auto took ${engine}: no other works here`, timed };
  const times = timed.map((one) => `${one.engine} ${formatMilliseconds(one.stepMs)}`);
  const unit = timed[0]!.ofProcessor ? ' of the processor, which others kept busy' : '';
  return {
    engine,
    reason: `auto took ${engine}, the fastest here: a small step takes ${times.join(', ')}${unit}`,
    timed,
  };
}
