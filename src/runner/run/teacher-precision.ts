/** @file The teacher in fewer bits: whether the engine can, and what it costs and gains on this run's validation rows. */

import { batchInputs } from '../../distill/batch-inputs';
import { FidelityMeter } from '../../distill/teacher/fidelity';
import { inHostMemory, type TargetSource, type Teacher } from '../../distill/teacher/teacher';
import type { Executor, ReducedFormat } from '../../engine/executor';
import type { Source } from '../../experiment/file/source';
import type { TeacherPrecision } from '../../protocol/engines';
import { formatPercent, formatQuantity } from '../../protocol/format';
import { complaint, InputError } from '../../protocol/problem';
import type { TeacherPrecisionRecord } from '../../protocol/records';
import { batchesOf, type PreparedRun } from './prepared-run';

/** Validation batches that are asked about in both precisions. */
const SAMPLE = 8;

/** Throws an InputError at the setting where the engine's device has no products in that format. */
export function requireTeacherPrecision(
  executor: Executor,
  { precision }: { precision: TeacherPrecision },
  source: Source,
): void {
  if (precision === 'float32' || executor.loadReduced?.[precision]) return;
  const what = complaint('device-without-precision', { device: executor.device, precision });
  throw new InputError([source.problem(source.placeOf(['teacher', 'precision']), what)]);
}

/** One teacher, asked in two ways. */
type Sides = Readonly<Record<'exact' | 'rounded', TargetSource>>;

/** Says and records how close the teacher in fewer bits is to the exact one, and how much faster. */
export async function reportReduced(
  run: PreparedRun,
  frozen: Teacher,
  precision: ReducedFormat,
  sides: Sides,
): Promise<void> {
  const measured = { precision, ...(await compare(run, frozen, sides)) };
  await run.recorder.update({ teacherPrecision: measured });
  const { meanKl, agreement, speed } = measured;
  const close = `mean KL ${formatQuantity(meanKl)} nats from float32, the same first choice in ${formatPercent(agreement)}`;
  await run.recorder.note(`the teacher in ${precision}: ${close}, ${speed.toFixed(2)} times as fast`);
}

async function compare(
  run: PreparedRun,
  frozen: Teacher,
  sides: Sides,
): Promise<Omit<TeacherPrecisionRecord, 'precision'>> {
  const meter = new FidelityMeter(frozen);
  const milliseconds = { exact: 0, rounded: 0 };
  const timed = async (side: keyof Sides, inputs: ReturnType<typeof batchInputs>) => {
    const targets = sides[side];
    await targets.of(inputs); // the first time a program is loaded
    const started = performance.now();
    const { prediction } = await targets.of(inputs);
    milliseconds[side] += performance.now() - started;
    return inHostMemory(prediction!);
  };
  const batches = batchesOf(run, run.data.validation);
  for (let index = 0; index < Math.min(SAMPLE, batches.length); index++) {
    const inputs = batchInputs(batches.at(index), run.experiment.task);
    await meter.add(inputs, await timed('exact', inputs), await timed('rounded', inputs));
  }
  await Promise.all([sides.exact, sides.rounded, meter].map((used) => used.release()));
  return { ...meter.result(), speed: milliseconds.exact / milliseconds.rounded };
}
