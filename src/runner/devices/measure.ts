/** @file Measures engines one after another, each in a process of its own, and remembers what came of it. */

import type { EngineName, Precision } from '../../protocol/engines';
import { engineVersion, remember, type Failure, type Measurement, type Remembered } from './measurements';
import { tryEngineApart } from './trial';
import { isAnyDeviceHeld } from './queue';

/** `announce` is told before each. What is measured beside a run is used once and not remembered. */
export async function measureEngines(
  engines: readonly EngineName[],
  precision: Precision,
  announce: (engine: EngineName) => void,
): Promise<Remembered> {
  const found: Remembered = { measurements: [], failures: [] };
  const disturbed = await isAnyDeviceHeld();
  for (const engine of engines) {
    announce(engine);
    const result = await measureEngine(engine, precision);
    if ('reason' in result) found.failures.push(result);
    else found.measurements.push(result);
  }
  if (!disturbed && !(await isAnyDeviceHeld())) await remember(found);
  return found;
}

async function measureEngine(engine: EngineName, precision: Precision): Promise<Measurement | Failure> {
  const result = await tryEngineApart(engine, { precision, measure: true });
  const subject = { engine, precision, version: engineVersion(engine), time: new Date().toISOString() };
  if (!result.available) return { ...subject, reason: `${result.problem.message} ${result.problem.remedy}` };
  const { device, software, speed } = result;
  return { ...subject, device, software, ...speed! };
}
