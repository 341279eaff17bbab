/** @file Which units of its teacher a narrower student keeps: found out once in a run, on some of its training rows, and kept in `pruning.json`. */

import * as z from 'zod';
import { batchInputs, ByShape } from '../../distill/batch-inputs';
import { evaluationBatches, evaluationBatchOfEachLength } from '../../distill/training/epochs';
import { importanceProgram, measureImportance } from '../../distill/teacher/importance';
import { FrozenTeacher, type Teacher } from '../../distill/teacher/teacher';
import { randomStream, shuffled } from '../../engine/random';
import { CALIBRATION_ROWS } from '../../experiment/file/blocks/student';
import type { Examples } from '../../dataset/example-store';
import { type Architecture, isOpaque, keyValueHeadsOf } from '../../model/architecture';
import { writeAtomically } from '../../model/files/atomic';
import { chooseUnits, isNarrower, type KeptUnits } from '../../model/pruning';
import { readOwnedIfThere } from '../../run-directory/owned';
import { evaluationOptions, type PreparedRun } from './prepared-run';

/** Keeps the choice of rows apart from all other random numbers of the seed. */
const CALIBRATION_STREAM = 0xca1b;

const indices = z.array(z.int().min(0));

const pruningSchema = z.object({
  /** The rows that were looked at. */
  rows: z.number(),
  seed: z.number(),
  blocks: z.array(z.object({ block: z.int().min(0), heads: indices, keyValueHeads: indices, inner: indices })),
  width: indices,
  pooled: indices.optional(),
  widthShare: z.number(),
  pooledShare: z.number().optional(),
});

/**
 * Undefined for a student that does not start from its teacher, or is as wide. The rows are drawn with the seed of the experiment, so that
 * all of its seeds, and controls, start alike.
 */
export async function prunedUnits(
  run: PreparedRun,
  teacher: Teacher,
  student: Architecture,
): Promise<KeptUnits | undefined> {
  const { experiment, paths, data, recorder } = run;
  const { initialize } = experiment.student;
  const { architecture } = teacher;
  if (initialize.from !== 'teacher' || isOpaque(architecture) || !isNarrower(student, architecture)) return undefined;
  if (!(teacher instanceof FrozenTeacher)) throw new Error('a student cannot start from units that nobody sees');
  const layers = initialize.layers ?? [];
  const { seed } = experiment.training;
  const rows = Math.min(initialize.calibrationRows ?? CALIBRATION_ROWS, data.train.length);
  const saved = pruningSchema.safeParse(await savedIn(paths.pruning)).data;
  if (saved?.rows === rows && saved.seed === seed && fits(saved, student, layers)) return saved;
  await recorder.note(`pruning: measuring the teacher's heads, units and dimensions on ${rows} rows`);
  const chosen = someOf(data.train, rows, seed);
  const options = evaluationOptions(run);
  const recorded = new ByShape((shape) => importanceProgram(architecture, shape));
  const shapes = evaluationBatchOfEachLength(chosen, options).map((batch) => batchInputs(batch, experiment.task).shape);
  run.ahead.begin(shapes.reverse().map((shape) => () => recorded.get(shape)));
  const importance = await measureImportance(teacher, evaluationBatches(chosen, options), experiment.task, (shape) =>
    recorded.get(shape),
  );
  const kept = chooseUnits(importance, student, architecture, layers);
  await writeAtomically(paths.pruning, `${JSON.stringify({ rows, seed, ...kept })}\n`);
  const widths = [
    `${student.hiddenSize} of ${architecture.hiddenSize} dimensions`,
    `${student.heads} of ${architecture.heads} heads`,
    `${student.intermediateSize} of ${architecture.intermediateSize} units of each MLP`,
  ];
  await recorder.note(`pruning: kept ${widths.join(', ')}; pruning.json says which`);
  return kept;
}

async function savedIn(file: string): Promise<unknown> {
  const text = await readOwnedIfThere(file);
  try {
    return text === undefined ? undefined : JSON.parse(text.toString('utf8'));
  } catch {
    return undefined; // Damaged: it is made anew, and comes out alike.
  }
}

function fits({ blocks, width }: KeptUnits, student: Architecture, layers: readonly number[]): boolean {
  const isWhole = blocks.every(
    ({ heads, keyValueHeads, inner }) =>
      heads.length === student.heads &&
      keyValueHeads.length === keyValueHeadsOf(student) &&
      inner.length === student.intermediateSize,
  );
  return isWhole && width.length === student.hiddenSize && blocks.map(({ block }) => block).join() === layers.join();
}

function someOf(examples: Examples, count: number, seed: number): Examples {
  const all = Uint32Array.from({ length: examples.length }, (_, index) => index);
  const taken = shuffled(all, randomStream(seed, CALIBRATION_STREAM)).subarray(0, count);
  return { length: count, at: (index) => examples.at(taken[index]!) };
}
