/** @file The teacher in 8 bits: whether the engine can, and what it costs and gains on this run's validation rows. */

import { batchInputs } from '../distill/batch-inputs';
import { FidelityMeter } from '../distill/fidelity';
import { toHost, type FrozenTeacher, type TeacherTargets } from '../distill/teacher';
import type { Executor } from '../engine/executor';
import type { Source } from '../experiment/source';
import { formatPercent, formatQuantity } from '../protocol/format';
import { InputError } from '../protocol/problem';
import type { TeacherPrecisionRecord } from '../protocol/records';
import { batchesOf, type PreparedRun } from './prepared-run';

/** Validation batches that are asked about in both precisions. */
const SAMPLE = 8;

/** Throws an InputError at the setting where the engine has no products in 8 bits. */
export function requireTeacherPrecision(
  executor: Executor,
  { precision }: { precision: 'float32' | 'int8' },
  source: Source,
): void {
  if (precision === 'float32' || executor.loadQuantized) return;
  const message = `The engine "${executor.engine}" asks the teacher in float32 only.`;
  const remedy = 'Leave teacher.precision out, or write "engine": "cpu".';
  throw new InputError([source.problem(source.placeOf(['teacher', 'precision']), message, remedy)]);
}

/** Says and records how close the teacher in 8 bits is to the exact one, and how much faster. */
export async function reportQuantized(
  run: PreparedRun,
  frozen: FrozenTeacher,
  exact: TeacherTargets,
  quantized: TeacherTargets,
): Promise<void> {
  const measured = await compare(run, frozen, exact, quantized);
  await run.recorder.update({ teacherPrecision: measured });
  const { meanKl, agreement, speed } = measured;
  const close = `mean KL ${formatQuantity(meanKl)} nats from float32, the same first choice in ${formatPercent(agreement)}`;
  await run.recorder.note(`the teacher in int8: ${close}, ${speed.toFixed(2)} times as fast`);
}

async function compare(
  run: PreparedRun,
  frozen: FrozenTeacher,
  exact: TeacherTargets,
  quantized: TeacherTargets,
): Promise<TeacherPrecisionRecord> {
  const meter = new FidelityMeter(frozen);
  const milliseconds = { exact: 0, quantized: 0 };
  const timed = async (side: 'exact' | 'quantized', inputs: ReturnType<typeof batchInputs>) => {
    const targets = { exact, quantized }[side];
    await targets.of(inputs); // the first time a program is loaded
    const started = performance.now();
    const { prediction } = await targets.of(inputs);
    milliseconds[side] += performance.now() - started;
    return toHost(prediction!);
  };
  for (const batch of batchesOf(run, run.data.validation).slice(0, SAMPLE)) {
    const inputs = batchInputs(batch, run.experiment.task);
    await meter.add(inputs, await timed('exact', inputs), await timed('quantized', inputs));
  }
  await Promise.all([exact, quantized, meter].map((used) => used.release()));
  return { precision: 'int8', ...meter.result(), speed: milliseconds.exact / milliseconds.quantized };
}
