/** @file The comparison that a run ends with: teacher, student and controls on the same rows. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Evaluator } from '../distill/evaluator';
import { measureLatency } from '../distill/predictor';
import { parameterSpecs, type Pairing } from '../distill/programs';
import { placeParameters, type FrozenTeacher } from '../distill/teacher';
import type { Executor } from '../engine/executor';
import { retention } from '../experiment/retention';
import { parameterCount, type Architecture } from '../model/architecture';
import type { Comparison, ComparisonRow, Role, Split, Task } from '../protocol/records';
import type { Batch } from '../text/batches';
import type { Example } from '../text/examples';
import { loadModel } from './models';

export interface ComparedModel {
  role: Role;
  name: string;
  /** Hugging Face folder. */
  folder: string;
}

export interface ComparisonSetup {
  executor: Executor;
  task: Task;
  run: string;
  split: Split;
  batches: readonly Batch[];
  models: readonly ComparedModel[];
  teacher: { architecture: Architecture; frozen: FrozenTeacher };
  /** Each model is timed on this text. */
  latencyText: Example;
}

/** Measures every model. The teacher comes first, for the others are held against it. */
export async function compareModels(setup: ComparisonSetup): Promise<Comparison> {
  const rows: ComparisonRow[] = [];
  for (const model of setup.models) {
    const row = await measure(setup, model);
    const teacher = rows.find(({ role }) => role === 'teacher');
    const kept = teacher && retention(setup.task, teacher.metrics, row.metrics);
    rows.push({ ...row, ...(kept !== undefined && { retention: kept }) });
  }
  return { rows };
}

async function measure(setup: ComparisonSetup, { role, name, folder }: ComparedModel): Promise<ComparisonRow> {
  const { executor, task, batches, teacher, latencyText } = setup;
  const { architecture, parameters } = await loadModel(folder);
  const pairing: Pairing = {
    student: architecture,
    ...(role !== 'teacher' && {
      imitation: {
        teacher: teacher.architecture,
        objective: { divergence: 'forward-kl' as const, beta: 0, scaleByTemperatureSquared: true },
      },
    }),
  };
  const evaluator = new Evaluator({
    executor,
    task,
    pairing,
    batches,
    ...(pairing.imitation && { teacher: teacher.frozen }),
  });
  const placed = placeParameters(executor, parameterSpecs(architecture), parameters);
  const metrics = await evaluator.evaluate(placed);
  await evaluator.release();
  Object.values(placed).forEach((parameter) => parameter.dispose());
  return {
    run: setup.run,
    role,
    name,
    parameters: parameterCount(architecture),
    bytes: (await stat(path.join(folder, 'model.safetensors'))).size,
    latencyMs: await measureLatency(executor, architecture, parameters, {
      ids: latencyText.inputIds,
      typeIds: latencyText.typeIds,
    }),
    split: setup.split,
    metrics,
  };
}
