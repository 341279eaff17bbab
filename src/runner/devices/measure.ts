/** @file Measures engines in processes of their own, and remembers what came of it. */

import type { EngineName, Precision } from '../../protocol/engines';
import { engineVersion, nothing, remember, type Failure, type Measurement, type Remembered } from './measurements';
import { compareEnginesApart, tryEngineApart, tryEnginesTogether, type Trial } from './trial';
import { isAnyDeviceHeld } from './queue';

/** By the small step, one after another. `announce` is told before each. */
export async function measureEngines(
  engines: readonly EngineName[],
  precision: Precision,
  announce: (engine: EngineName) => void,
): Promise<Remembered> {
  return remembering(async () => {
    const found: Remembered = { measurements: [], compared: [], failures: [] };
    for (const engine of engines) {
      announce(engine);
      const result = asFound(engine, precision, await tryEngineApart(engine, { precision, measure: true }));
      if ('reason' in result) found.failures.push(result);
      else if (result.speed) found.measurements.push(result.speed);
    }
    return found;
  });
}

/**
 * Times engines by the quick step, in turn, and meanwhile opens others: a driver is opened while the first ones' programs are compiled. A GPU that the
 * processor imitates has failed, for it is never the fastest.
 */
export async function compareEngines(
  engines: readonly EngineName[],
  others: readonly EngineName[],
  precision: Precision,
): Promise<Remembered> {
  return remembering(async () => {
    const found: Remembered = { measurements: [], compared: [], failures: [] };
    const opening = others.length > 0 ? open(others, precision) : [];
    if (engines.length > 0) {
      for (const [engine, trial] of await compareEnginesApart(engines, precision)) {
        const result = asFound(engine, precision, trial);
        if ('reason' in result) found.failures.push(result);
        else if (result.speed) found.compared.push(result.speed);
      }
    }
    found.failures.push(...(await opening));
    return found;
  });
}

/** @returns those that failed */
async function open(engines: readonly EngineName[], precision: Precision): Promise<Failure[]> {
  const together = await tryEnginesTogether(engines);
  const failures: Failure[] = [];
  for (const engine of engines) {
    const trial = together.get(engine) ?? (await tryEngineApart(engine, { precision, measure: false }));
    const result = asFound(engine, precision, trial);
    if ('reason' in result) failures.push(result);
    else if (trial.available && trial.software)
      failures.push({ ...result.subject, reason: `${trial.device} is imitated by the processor` });
  }
  return failures;
}

/** Times that are taken beside a run are used once and not remembered. */
async function remembering(measure: () => Promise<Remembered>): Promise<Remembered> {
  const disturbed = await isAnyDeviceHeld();
  const found = await measure();
  const isTrue = !disturbed && !(await isAnyDeviceHeld());
  await remember(isTrue ? found : { ...nothing, failures: found.failures });
  return found;
}

type Subject = Pick<Measurement, 'engine' | 'precision' | 'version' | 'time'>;

function asFound(
  engine: EngineName,
  precision: Precision,
  trial: Trial,
): Failure | { subject: Subject; speed: Measurement | undefined } {
  const subject = { engine, precision, version: engineVersion(engine), time: new Date().toISOString() };
  if (!trial.available) return { ...subject, reason: `${trial.problem.message} ${trial.problem.remedy}` };
  const { device, software, speed } = trial;
  return { subject, speed: speed && { ...subject, device, software, ...speed } };
}
