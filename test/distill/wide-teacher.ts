/** @file A teacher wide enough to be asked in fewer bits, and how far that takes its answers from the exact ones. */

import { batchInputs, type BatchInputs } from '../../src/distill/batch-inputs';
import { FidelityMeter, type Fidelity } from '../../src/distill/teacher/fidelity';
import { FrozenTeacher, toHost, type TeacherTargets } from '../../src/distill/teacher/teacher';
import type { Executor } from '../../src/engine/executor';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { collate } from '../../src/dataset/batches';
import { MAX_LENGTH, tinyPair } from './tiny-pair';

/** The teacher on a device, and a batch. */
export function wideTeacher(executor: Executor, task: 'causal-lm' | 'text-classification') {
  const tiny = tinyPair(task);
  const wide = createArchitecture({
    ...tiny.pairing.teacher,
    hiddenSize: 128,
    intermediateSize: 256,
    initializerRange: 0.1,
  });
  const parameters = initializeParameters(wide, 5);
  const planned = { length: MAX_LENGTH, indices: [0, 1, 2, 3, 4, 5] };
  const inputs = batchInputs(collate(tiny.examples, planned, { task, batchSize: 8, padId: 0 }), task);
  return { parameters, inputs, frozen: new FrozenTeacher(executor, wide, parameters) };
}

export async function fidelityOf(
  { frozen, inputs }: { frozen: FrozenTeacher; inputs: BatchInputs },
  exact: TeacherTargets,
  rounded: TeacherTargets,
): Promise<Fidelity> {
  const meter = new FidelityMeter(frozen);
  const of = async (targets: TeacherTargets) => toHost((await targets.of(inputs)).prediction!);
  await meter.add(inputs, await of(exact), await of(rounded));
  await meter.release();
  return meter.result();
}
