/** @file The comparison that a run ends with: teacher, student and controls on the same rows. */

import { Evaluator } from '../../distill/evaluation/evaluator';
import { measureLatency } from '../../distill/evaluation/predictor';
import { countedPredictions } from '../../distill/losses/shift';
import { parameterSpecs } from '../../distill/specs';
import { RowTally, type RowPrediction } from '../../distill/evaluation/row-tally';
import { placeParameters, type Teacher } from '../../distill/teacher/teacher';
import type { Executor } from '../../engine/executor';
import { qualityOf, retention, type Quality } from '../../protocol/quality';
import { memberName } from '../../experiment/ensemble';
import { weightBytes } from '../../model/files/checkpoint';
import { parameterCount } from '../../model/layouts/config';
import { isSaid, sigmoids } from '../../protocol/independent-labels';
import type {
  Comparison,
  ComparisonRow,
  Label,
  ModelPrediction,
  PredictionRecord,
  Role,
  SoftLabel,
  Split,
  Task,
} from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import type { Examples, ExamplesWithRows } from '../../dataset/example-store';
import { firstText, type TokenExample } from '../../dataset/examples';
import { classGains, type ClassPair } from './class-gains';
import { kindOf, withIntervals, type HardLabels, type MeasuredModel } from './comparison-intervals';
import { comparisonOverSeeds, type MeasuredSeed } from './comparison-seeds';
import { loadModel, MOST_COPIED_BYTES } from './models';
import type { FrozenModel } from '../../model/parameters';
import { sharedResamples } from './shared-resamples';

interface ComparedModel {
  role: Role;
  name: string;
  /** Hugging Face folder. */
  folder: string;
  /** Its weights, where they are in memory; otherwise they are loaded. */
  held?: FrozenModel | undefined;
  /** Of the folder, where those in memory are fewer. */
  parameters?: number | undefined;
}

/** Sizes of a teacher that is no single folder. */
export type TeacherSize = Pick<ComparisonRow, 'parameters' | 'bytes' | 'latencyMs'>;

export interface ComparisonSetup {
  executor: Executor;
  task: Task;
  run: string;
  split: Split;
  /** What is compared on, and the same in batches. */
  examples: ExamplesWithRows;
  batches: Iterable<Batch>;
  /** The same batches as a teacher with another tokenizer reads them, and the text on which it is timed. */
  ofTeacher?: { batches: Iterable<Batch>; text: TokenExample } | undefined;
  /** text-classification: class names by index. */
  labels?: readonly string[] | undefined;
  /** Student and controls of each seed. */
  seeds: readonly { seed: number; models: readonly ComparedModel[] }[];
  /** One, or an ensemble's members, as they lie in memory; none of an opaque teacher. `parameters` as of `ComparedModel`. */
  teachers: readonly { folder: string; model: FrozenModel; parameters?: number | undefined }[];
  /** What an opaque teacher takes. */
  opaque?: TeacherSize | undefined;
  /** At which the teacher's soft labels are kept. */
  temperature: number;
  teacher: Teacher;
  /** Whether other runs' comparisons will be held against this one, as a study does. */
  isOfStudy: boolean;
  /** Each model is timed on this text. */
  latencyText: TokenExample;
}

/**
 * Measures every model. The teacher comes first, for the others are held against it.
 * @returns what was said of each row, for each seed; the teacher's part stands with the first
 */
export async function compareModels(
  setup: ComparisonSetup,
): Promise<{ comparison: Comparison; predictions: PredictionRecord[][] }> {
  const { task, seeds } = setup;
  const asked = setup.teachers.map(({ folder, model, parameters }, i) => ({
    role: 'teacher' as const,
    name: setup.teachers.length > 1 ? memberName(i) : 'teacher',
    folder,
    held: model,
    parameters,
  }));
  const alone: MeasuredModel[] = [];
  for (const model of asked) alone.push(await measure(setup, model));
  const { opaque = sizeOfAll(alone) } = setup;
  const asItSays = alone.length === 1 ? alone[0]! : await measureTeacher(setup, opaque);
  const teacher = predictsItsOwn(setup) ? perTokenOf(setup.examples, asItSays) : asItSays;
  const measured: MeasuredSeed[] = [];
  for (const { seed, models } of seeds) {
    const ofSeed: MeasuredModel[] = [];
    for (const [i, model] of models.entries()) {
      // All seeds have the same architecture, and so the same latency.
      ofSeed.push(await measure(setup, model, measured[0]?.models[i]!.row.latencyMs));
    }
    measured.push({ seed, models: ofSeed });
  }
  const labels = hardLabelsOf(setup.examples);
  const quality = qualityOf(task, kindOf(labels, teacher));
  const [first] = measured;
  return {
    comparison: {
      ...withRetention(
        quality,
        measured.length > 1
          ? comparisonOverSeeds(task, teacher, measured, labels)
          : { rows: withIntervals(task, [teacher, ...first!.models], labels) },
        alone.length > 1 ? withIntervals(task, alone, labels) : [],
      ),
      classGains: classGains(measured.flatMap(pairOf), labels, setup.labels ?? []),
      resampled: setup.isOfStudy
        ? sharedResamples(
            task,
            measured.map(({ models }) => models),
            labels,
          )
        : undefined,
    },
    predictions: measured.map(({ models }, i) =>
      predictionRecords(setup, teacher, i === 0 ? [teacher, ...models] : models),
    ),
  };
}

function pairOf({ models }: MeasuredSeed): ClassPair[] {
  const [student, control] = (['student', 'control'] as const).map((role) =>
    models.find(({ row }) => row.role === role),
  );
  return student && control ? [{ student, control }] : [];
}

/** @param members of an ensemble, which stand after its mean */
function withRetention(quality: Quality, comparison: Comparison, members: readonly ComparisonRow[]): Comparison {
  const teacher = comparison.rows.find(({ role }) => role === 'teacher')!;
  return {
    ...comparison,
    rows: [teacher, ...members, ...comparison.rows.filter((row) => row !== teacher)].map((row) => ({
      ...row,
      retention: row === teacher ? undefined : retention(quality, teacher.metrics, row.metrics),
    })),
  };
}

const nothingCounted: RowPrediction = { predictions: 0, correct: 0, negativeLogLikelihood: 0 };

/** Characters of a row's text that are kept, for lists. */
const keptText = 200;

function predictionRecords(
  { examples, labels = [], temperature }: ComparisonSetup,
  teacher: MeasuredModel,
  models: readonly MeasuredModel[],
): PredictionRecord[] {
  return Array.from({ length: examples.length }, (_, i) => {
    const row = examples.rowAt(i);
    const { labels: label } = examples.at(i)!;
    return {
      file: row.file,
      line: row.line,
      text: row.text.slice(0, keptText),
      label: labelIn(label, labels, models[0]!.predictions[i]!),
      softLabel: areDivided(models, i) ? softLabelOf(teacher.predictions[i]!, temperature, labels) : undefined,
      models: Object.fromEntries(
        models.map(({ row: { name }, predictions }) => {
          const { choice, softLabel, logits, teacherValue, ...prediction } = predictions[i]!;
          const named = choice === undefined ? undefined : labels[choice];
          return [name, { choice: named, choices: logits && saidIn(logits, labels), ...prediction }];
        }),
      ),
    };
  });
}

/** The hard label for people; none of a language model, nor of texts without a score. */
function labelIn(
  label: TokenExample['labels'],
  names: readonly string[],
  { value, teacherCosine }: RowPrediction,
): Label | undefined {
  if (typeof label === 'number') return names[label];
  if (!(label instanceof Float32Array)) return undefined;
  if (teacherCosine !== undefined) return Number.isNaN(label[0]) ? undefined : label[0];
  return value === undefined ? names.filter((_, i) => label[i] === 1) : label[0];
}

/** The labels that a model says, the surest first. */
function saidIn(logits: Float32Array, names: readonly string[]): ModelPrediction['choices'] {
  const probabilities = sigmoids(logits);
  const said = Array.from(logits.keys()).filter((label) => isSaid(logits[label]!));
  return said
    .sort((a, b) => logits[b]! - logits[a]!)
    .map((label) => ({ choice: names[label]!, probability: probabilities[label]! }));
}

/** Of each row; none of a language model. */
function hardLabelsOf(examples: Examples): HardLabels {
  const hard: (number | Float32Array)[] = [];
  for (let i = 0; i < examples.length; i++) {
    const { labels } = examples.at(i)!;
    if (!(labels instanceof Int32Array)) hard.push(labels);
  }
  return hard;
}

/** Whether the student and a control are not both right or both wrong on a row. */
function areDivided(models: readonly MeasuredModel[], row: number): boolean {
  const student = models.find((model) => model.row.role === 'student')?.predictions[row]!.correct;
  return models.some((model) => model.row.role === 'control' && model.predictions[row]!.correct !== student);
}

function softLabelOf(
  { softLabel }: RowPrediction,
  temperature: number,
  labels: readonly string[],
): SoftLabel | undefined {
  if (!softLabel) return undefined;
  return { temperature, top: softLabel.map(({ choice, probability }) => ({ choice: labels[choice]!, probability })) };
}

/** None of numbers, which are not sure of anything. */
function calibrationOf(tally: RowTally): Pick<ComparisonRow, 'calibration'> {
  const calibration = tally.calibration();
  return calibration.length > 0 ? { calibration } : {};
}

/** An ensemble is as large as all of its members, and takes as long. */
function sizeOfAll(members: readonly MeasuredModel[]): TeacherSize {
  const sum = (key: keyof TeacherSize): number => members.reduce((total, { row }) => total + (row[key] ?? 0), 0);
  return { parameters: sum('parameters'), bytes: sum('bytes'), latencyMs: sum('latencyMs') };
}

/** The teacher by what it answers: the mean of an ensemble's members, or an opaque model. */
async function measureTeacher(setup: ComparisonSetup, size: TeacherSize): Promise<MeasuredModel> {
  const { executor, task, teacher } = setup;
  const batches = predictsItsOwn(setup) ? setup.ofTeacher!.batches : setup.batches;
  const evaluator = new Evaluator({ executor, task, model: teacher.architecture, teacher, batches });
  const tally = RowTally.of(teacher.architecture, setup.temperature);
  const metrics = await evaluator.evaluateTeacher(tally);
  await evaluator.release();
  const row: ComparisonRow = {
    run: setup.run,
    role: 'teacher',
    name: 'teacher',
    ...size,
    split: setup.split,
    metrics,
    ...calibrationOf(tally),
  };
  return {
    row,
    predictions: Array.from({ length: setup.examples.length }, (_, i) => tally.rows.get(i) ?? nothingCounted),
  };
}

/** Whether what the teacher predicts are tokens of its own. */
const predictsItsOwn = ({ task, ofTeacher }: ComparisonSetup): boolean =>
  task === 'causal-lm' && ofTeacher !== undefined;

/**
 * A teacher with other tokens as if it had said the same of the student's: what it says of each row is shared out among the tokens that count there, so
 * that perplexities are of one kind. How often its own first choice is right says nothing beside the student's.
 */
function perTokenOf(examples: Examples, { row, predictions }: MeasuredModel): MeasuredModel {
  const counts = predictions.map((_, i) => countedPredictions(examples.at(i)!.labels as Int32Array, 'causal-lm'));
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const loss = sum(predictions.map((one) => one.negativeLogLikelihood!)) / sum(counts);
  const { accuracy: _, ...metrics } = row.metrics;
  return {
    row: { ...row, metrics: { ...metrics, loss, perplexity: Math.exp(loss) } },
    predictions: predictions.map(({ negativeLogLikelihood }, i) => ({
      predictions: counts[i]!,
      negativeLogLikelihood,
    })),
  };
}

/** Whether weights are inputs where a model is timed. Students are timed as their teacher is, or one could not be held against the other. */
const areInputs = ({ teachers }: ComparisonSetup): boolean =>
  teachers.some(({ model: { architecture, parameters } }) => {
    const isNarrow = Object.values(parameters).some((values) => values instanceof Uint16Array);
    return isNarrow || 4 * parameterCount(architecture) > MOST_COPIED_BYTES;
  });

/** @param latencyMs where it is known */
async function measure(
  setup: ComparisonSetup,
  { role, name, folder, held, parameters: ofFolder }: ComparedModel,
  latencyMs?: number,
): Promise<MeasuredModel> {
  const { executor, task, teacher } = setup;
  const asTeacher = role === 'teacher' ? setup.ofTeacher : undefined;
  const { batches, text: timed } = asTeacher ?? { batches: setup.batches, text: setup.latencyText };
  const { architecture, parameters } = held ?? (await loadModel(executor, folder));
  const evaluator = new Evaluator({
    executor,
    task,
    model: architecture,
    teacher: role === 'teacher' || predictsItsOwn(setup) ? undefined : teacher,
    batches,
  });
  const placed = placeParameters(executor, parameterSpecs(architecture), parameters);
  const tally = RowTally.of(architecture, role === 'teacher' ? setup.temperature : undefined);
  const metrics = await evaluator.evaluate(placed, { rows: tally });
  await evaluator.release();
  const { inputIds, typeIds } = task === 'sentence-embedding' ? firstText(timed) : timed;
  const text = { ids: inputIds, typeIds };
  const model = { architecture, parameters: areInputs(setup) ? placed : parameters };
  const latency = latencyMs ?? (await measureLatency(executor, model, text));
  Object.values(placed).forEach((parameter) => parameter.dispose());
  const row: ComparisonRow = {
    run: setup.run,
    role,
    name,
    parameters: ofFolder ?? parameterCount(architecture),
    bytes: await weightBytes(folder),
    latencyMs: latency,
    split: setup.split,
    metrics,
    ...calibrationOf(tally),
  };
  return {
    row,
    predictions: Array.from({ length: setup.examples.length }, (_, i) => tally.rows.get(i) ?? nothingCounted),
  };
}
