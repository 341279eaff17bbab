/** @file `student`: students that an experiment's teacher allows, with their sizes and the memory that their training takes. */

import Table from 'cli-table3';
import { applyEdits, findNodeAtLocation, modify, parseTree } from 'jsonc-parser';
import { predictPeakBytes } from '../../distill/training/memory-plan';
import type { BatchShape } from '../../distill/specs';
import type { ReadingOptions } from '../../dataset/dataset';
import type { ModelFacts } from '../../experiment/checks/model-facts';
import { checkExperiment } from '../../experiment/checks/validate';
import { isTrained } from '../../experiment/ensemble';
import { parseExperiment, readExperimentFile, type ParsedExperiment } from '../../experiment/file/parse';
import type { ArchitectureSpec } from '../../experiment/file/blocks/architecture';
import type { Experiment } from '../../experiment/file/schema';
import { studentAlternatives, type StudentAlternative } from '../../experiment/student-alternatives';
import { type Architecture, isOpaque } from '../../model/architecture';
import { comparable } from '../../model/block-pairs';
import { frozenBytes } from '../../model/files/checkpoint';
import { parameterCount } from '../../model/layouts/config';
import { isNarrower } from '../../model/pruning';
import { formatBytes, formatLarge, formatPercent } from '../../protocol/format';
import { InputError, type Problem } from '../../protocol/problem';
import {
  BYTES_EACH,
  presetTitle,
  PROPOSED_MEGABYTES,
  type StudentFigures,
  type StudentPreset,
  type StudentStart,
} from '../../protocol/student-presets';
import { onPolicyOf } from '../../distill/pairing';
import { canUseCache } from '../run/cache-location';
import { predictionsOf } from '../../distill/planning/scaling';

interface StudentRow {
  name: string;
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
  /** The short form of `student`, where it has one, and where its weights come from. */
  preset?: StudentPreset | undefined;
  made?: StudentStart | undefined;
  /** What the experiment would have as its `student`; absent for the teacher and the file's own. */
  student?: { architecture: ArchitectureSpec; initialize: StudentAlternative['initialize'] } | undefined;
}

export interface StudentResult {
  rows: StudentRow[];
  /** Whether the run will leave out tokens that the dataset does not use: sizes are with all of them. */
  cutsTokens?: true | undefined;
}

/** Rows of an evaluation's batch. */
const EVALUATED = 32;

/** Of an evaluation: how many the files hold is not counted for this. */
const VALIDATION_ROWS = 1000;

/** Throws an InputError with the problems of the file where it has errors. */
export async function studentCommand(file: string): Promise<StudentResult> {
  return studentRows(await readExperimentFile(file));
}

/**
 * What is proposed for an experiment that is being written: what it says of its student is left aside, but for a size on disk.
 * @throws InputError where something else keeps the teacher from being known
 */
export async function proposedStudents(
  file: string,
  text: string,
  options: Pick<ReadingOptions, 'mostBytes'>,
): Promise<StudentFigures[]> {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const megabytes: unknown = root && findNodeAtLocation(root, ['student', 'preset', 'megabytes'])?.value;
  const own: StudentPreset | undefined = typeof megabytes === 'number' && megabytes > 0 ? { megabytes } : undefined;
  const any: StudentPreset = { megabytes: Number.MAX_SAFE_INTEGER };
  const asked = applyEdits(text, modify(text, ['student'], { preset: own ?? any }, {}));
  const { rows } = await studentRows(parseExperiment(asked, file), options);
  const [, ofFile, ...others] = rows;
  const isProposed = others.some(({ preset }) => JSON.stringify(preset) === JSON.stringify(own));
  return [...others, ...(own && !isProposed ? [ofFile!] : [])].flatMap(
    ({ preset, made, memoryBytes, layers, hiddenSize, heads, parameters, bytes }) =>
      preset && made && memoryBytes !== undefined
        ? [{ preset, made, layers, hiddenSize, heads, parameters, bytes, memoryBytes }]
        : [],
  );
}

/** Of the file's own student; undefined for one that starts from a folder. */
function startOf(
  { student: spec }: Experiment,
  { student, teacher, presetStart }: ModelFacts,
): StudentStart | undefined {
  const { from } = presetStart ?? spec.initialize;
  if (from !== 'teacher') return from === 'random' ? from : undefined;
  return isNarrower(student!, teacher as Architecture) ? 'pruned' : 'blocks';
}

async function studentRows(
  parsed: ParsedExperiment,
  options: Pick<ReadingOptions, 'mostBytes'> = {},
): Promise<StudentResult> {
  const { experiment, models, problems } = await checkExperiment(parsed, options);
  if (experiment?.teacher.source === 'endpoint') {
    throw InputError.at(parsed.source.file, 'endpoint-without-sizes', {});
  }
  if (!experiment || !models?.teacher) throw new InputError(problems as [Problem, ...Problem[]]);
  const { teacher } = models;
  const readsOwn = experiment.distillation.vocabulary === 'align';
  if (readsOwn) throw InputError.at(parsed.source.file, 'align-of-preset', {});
  if (isOpaque(teacher)) throw InputError.at(parsed.source.file, 'teacher-without-sizes', {});
  const rowOf = (name: string, model: Architecture): StudentRow => ({
    name,
    layers: model.layers,
    hiddenSize: model.hiddenSize,
    heads: model.heads,
    parameters: parameterCount(model),
    bytes: BYTES_EACH * parameterCount(model),
    share: parameterCount(model) / parameterCount(teacher),
  });
  // Before graphs are recorded, which leave garbage behind.
  const heldBytes = process.memoryUsage.rss() + (await bytesInMemory(experiment, teacher, models.teacherFolder));
  const alternatives = studentAlternatives(teacher, experiment.task, experiment.teacher.source === 'ensemble');
  const withMemory = (row: StudentRow, model: Architecture): StudentRow => ({
    ...row,
    memoryBytes: memoryOf(experiment, teacher, model, heldBytes),
  });
  const { tokenizer } = experiment;
  return {
    cutsTokens: tokenizer.source !== 'train' && tokenizer.tokens === 'used' ? (true as const) : undefined,
    rows: [
      rowOf('teacher', teacher),
      ...(models.student
        ? [
            {
              ...withMemory(rowOf("the file's", models.student), models.student),
              preset: experiment.student.preset,
              made: startOf(experiment, models),
            },
          ]
        : []),
      ...alternatives.map(({ preset, made, model, architecture, initialize }) => ({
        ...withMemory(rowOf(presetTitle(preset), model), model),
        preset,
        made,
        student: { architecture, initialize },
      })),
    ],
  };
}

/** Of the teacher's weights. Which engine `"auto"` means is not known here. */
async function bytesInMemory(
  experiment: Experiment,
  teacher: Architecture,
  folder: string | undefined,
): Promise<number> {
  const { engine, precision, teacher: spec } = experiment;
  const isGiven = spec.source === 'checkpoint' && !isTrained(spec);
  const keepsBfloat16 = isGiven && engine === 'openvino' && precision === 'bfloat16';
  return keepsBfloat16 && folder !== undefined ? frozenBytes(folder, teacher) : BYTES_EACH * parameterCount(teacher);
}

/** With batches of the greatest length. @param heldBytes by the program and the teacher's weights */
export function memoryOf(
  experiment: Experiment,
  teacher: Architecture,
  student: Architecture,
  heldBytes: number,
): number {
  const { training, distillation, dataset, task } = experiment;
  const shapeOf = (rows: number): BatchShape => {
    const length = dataset.maxLength;
    return { rows, length, predictions: predictionsOf(task, rows, length) };
  };
  // Pairs of blocks are those of the file's own student; another may have fewer blocks, and other heads.
  const inside = comparable(distillation, { teacher, student });
  const writes = onPolicyOf(distillation) !== undefined;
  return predictPeakBytes({
    pairing: { student, teacher, objective: { ...distillation, ...inside } },
    shapes: [shapeOf(training.batchSize)],
    evaluationShapes: [shapeOf(EVALUATED)],
    evaluatedRows: VALIDATION_ROWS,
    workingMemory: 'freed',
    moments: training.moments,
    accumulates: training.gradientAccumulation > 1,
    runsTeacher: !canUseCache(experiment) || writes,
    writes: writes ? { rows: training.batchSize, length: dataset.maxLength } : undefined,
    heldBytes,
  });
}

const starts: Record<StudentStart, string> = {
  blocks: 'blocks of the teacher',
  pruned: 'the teacher, pruned',
  random: 'random weights',
};

/** A table, and below it what to write for each alternative. */
export function studentText({ rows, cutsTokens }: StudentResult): string {
  const head = ['student', 'blocks', 'width', 'heads', 'parameters', 'of the teacher', 'on disk', 'memory', 'made of'];
  const table = new Table({
    head,
    colAligns: head.map((name) => (name === 'student' || name === 'made of' ? 'left' : 'right')),
    style: { head: [], border: [] },
  });
  for (const { name, layers, hiddenSize, heads, parameters, share, bytes, memoryBytes, made } of rows) {
    table.push([
      name,
      layers,
      hiddenSize,
      heads,
      formatLarge(parameters),
      formatPercent(share),
      formatBytes(bytes),
      memoryBytes === undefined ? '–' : formatBytes(memoryBytes),
      made ? starts[made] : '–',
    ]);
  }
  const lines = rows.flatMap(({ name, preset, student }) =>
    student
      ? [
          `${name}:`,
          `  "student": ${JSON.stringify({ preset })}, or with its sizes`,
          `  "student": ${JSON.stringify(student)}`,
        ]
      : [],
  );
  const isLarge = rows[0]!.bytes > PROPOSED_MEGABYTES * 1e6 && !rows.some(({ preset }) => typeof preset === 'object');
  const none = 'The teacher is so small that there is nothing to propose.';
  return [
    table.toString(),
    "Memory is what a training on the processor is expected to take at its peak, with batches of the greatest length. A student that is pruned keeps the most important heads, MLP units and dimensions of those of the teacher's blocks that are named.",
    ...(cutsTokens ? ['Sizes are with all tokens: the run leaves out those that the dataset does not use.'] : []),
    ...(isLarge
      ? [`At most ${PROPOSED_MEGABYTES} MB there is none: with this vocabulary even one narrow block takes more.`]
      : []),
    ...(lines.length > 0 ? ['To take one, write:', ...lines] : [none]),
  ].join('\n');
}
