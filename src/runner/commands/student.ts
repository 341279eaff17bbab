/** @file `student`: students that an experiment's teacher allows, with their sizes and the memory that their training takes. */

import Table from 'cli-table3';
import { predictPeakBytes } from '../../distill/training/memory-plan';
import { maskedCapacity } from '../../distill/losses/shift';
import type { BatchShape } from '../../distill/specs';
import { checkExperiment } from '../../experiment/checks/validate';
import { readExperimentFile } from '../../experiment/file/parse';
import type { ArchitectureSpec, Experiment } from '../../experiment/file/schema';
import {
  BYTES_EACH,
  LARGEST_SMALL,
  studentAlternatives,
  type AlternativeName,
  type StudentAlternative,
} from '../../experiment/student-alternatives';
import { type Architecture, isOpaque } from '../../model/architecture';
import { parameterCount } from '../../model/layouts/config';
import { formatBytes, formatLarge, formatPercent } from '../../protocol/format';
import { InputError, type Problem } from '../../protocol/problem';
import { canBeKept } from '../../distill/teacher/records';

export interface StudentRow {
  name: 'teacher' | "the file's" | AlternativeName;
  layers: number;
  hiddenSize: number;
  heads: number;
  parameters: number;
  /** Of its weights on disk, in float32. */
  bytes: number;
  /** Of the teacher's parameters. */
  share: number;
  /** Predicted peak of a training with the file's batches on an engine of the processor; absent for the teacher. */
  memoryBytes?: number | undefined;
  /** What the experiment would have as its `student`; absent for the teacher and the file's own. */
  student?: { architecture: ArchitectureSpec; initialize: StudentAlternative['initialize'] } | undefined;
}

export interface StudentResult {
  rows: StudentRow[];
}

/** Rows of an evaluation's batch. */
const EVALUATED = 32;

/** Of an evaluation: how many the files hold is not counted for this. */
const VALIDATION_ROWS = 1000;

/** Throws an InputError with the problems of the file where it has errors. */
export async function studentCommand(file: string): Promise<StudentResult> {
  const { experiment, models, problems } = await checkExperiment(await readExperimentFile(file));
  if (!experiment || !models?.teacher) throw new InputError(problems as [Problem, ...Problem[]]);
  const { teacher } = models;
  if (isOpaque(teacher)) throw InputError.at(file, 'teacher-without-sizes', {});
  const rowOf = (name: StudentRow['name'], model: Architecture): StudentRow => ({
    name,
    layers: model.layers,
    hiddenSize: model.hiddenSize,
    heads: model.heads,
    parameters: parameterCount(model),
    bytes: BYTES_EACH * parameterCount(model),
    share: parameterCount(model) / parameterCount(teacher),
  });
  // Before graphs are recorded, which leave garbage behind.
  const heldBytes = process.memoryUsage.rss() + BYTES_EACH * parameterCount(teacher);
  const alternatives = studentAlternatives(teacher, experiment.task, experiment.teacher.source === 'ensemble');
  const withMemory = (row: StudentRow, model: Architecture): StudentRow => ({
    ...row,
    memoryBytes: memoryOf(experiment, teacher, model, heldBytes),
  });
  return {
    rows: [
      rowOf('teacher', teacher),
      ...(models.student ? [withMemory(rowOf("the file's", models.student), models.student)] : []),
      ...alternatives.map(({ name, model, architecture, initialize }) => ({
        ...withMemory(rowOf(name, model), model),
        student: { architecture, initialize },
      })),
    ],
  };
}

/** With batches of the greatest length. @param heldBytes by the program and the teacher's weights */
function memoryOf(experiment: Experiment, teacher: Architecture, student: Architecture, heldBytes: number): number {
  const { training, distillation, dataset, task } = experiment;
  const shapeOf = (rows: number): BatchShape => {
    const length = dataset.maxLength;
    const predictions = {
      'text-classification': rows,
      'causal-lm': rows * (length - 1),
      'masked-lm': maskedCapacity(rows, length),
    }[task];
    return { rows, length, predictions };
  };
  // Pairs of hidden layers are those of the file's own student; another may have fewer blocks.
  const hidden = distillation.hidden?.layers.every(([, block]) => block < student.layers)
    ? distillation.hidden
    : undefined;
  return predictPeakBytes({
    pairing: { student, teacher, objective: { ...distillation, hidden } },
    shapes: [shapeOf(training.batchSize)],
    evaluationShapes: [shapeOf(EVALUATED)],
    evaluatedRows: VALIDATION_ROWS,
    workingMemory: 'freed',
    accumulates: training.gradientAccumulation > 1,
    runsTeacher: experiment.teacher.cache === false || !canBeKept(task),
    heldBytes,
  });
}

/** A table, and below it what to write for each alternative. */
export function studentText({ rows }: StudentResult): string {
  const head = ['student', 'blocks', 'width', 'heads', 'parameters', 'of the teacher', 'on disk', 'memory'];
  const table = new Table({
    head,
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [] },
  });
  for (const { name, layers, hiddenSize, heads, parameters, share, bytes, memoryBytes } of rows) {
    table.push([
      name,
      layers,
      hiddenSize,
      heads,
      formatLarge(parameters),
      formatPercent(share),
      formatBytes(bytes),
      memoryBytes === undefined ? '–' : formatBytes(memoryBytes),
    ]);
  }
  const lines = rows.flatMap(({ name, student }) =>
    student ? [`${name}:`, `  "student": ${JSON.stringify(student)},`] : [],
  );
  const isLarge = rows[0]!.bytes > LARGEST_SMALL && !rows.some(({ name }) => name === 'at most 20 MB');
  const none = 'The teacher is so small that there is nothing to propose.';
  return [
    table.toString(),
    'Memory is what a training on the processor is expected to take at its peak, with batches of the greatest length; those of blocks start from the teacher, others from random weights.',
    ...(isLarge ? ['At most 20 MB there is none: with this vocabulary even one narrow block takes more.'] : []),
    ...(lines.length > 0 ? ['To take one, write:', ...lines] : [none]),
  ].join('\n');
}
