/** @file Evaluates a model on held-out batches: quality, and closeness to its teacher. */

import type { HostTensor } from '../../engine/array';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { isOpaque, type Architecture, type TeacherModel } from '../../model/architecture';
import { cosine, indexOfLargest, klDivergence, softmax } from '../../protocol/distribution';
import { binaryCrossEntropy, isSaid, labelKl, sigmoids } from '../../protocol/independent-labels';
import { addCounts, areEntityTags, countEntities, entityF1, noEntities } from '../../protocol/entities';
import type { Metrics, Task } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import { batchInputs, ByShape, type BatchInputs } from '../batch-inputs';
import { evaluationProgram, measuredAtOnce, measuringProgram, type PredictionMeasures } from './evaluation-program';
import {
  accuracy,
  agreement,
  AveragePrecision,
  expectedCalibrationError,
  labelF1,
  macroF1,
  pearson,
  perplexity,
  RankCorrelation,
  rootMeanSquare,
} from './metrics';
import { whileEvaluating } from '../../engine/freed-memory';
import { requireFinite, requireFiniteRows } from '../not-finite';
import { prefixed } from '../named';
import { nothingInside } from '../pairing';
import { isLanguageModel, predictsTokens, type BatchShape } from '../specs';
import type { Recordings } from '../training/recordings';
import { PredictionMeter } from './prediction-meter';
import type { Prober } from './prober';
import type { RowTally } from './row-tally';
import { FrozenTeacher, inHostMemory, type TargetSource, type Teacher } from '../teacher/teacher';

/** The teacher's answers to the evaluation batches are kept up to this size, so that it is asked once. */
export const KEPT_BYTES = 256 * 2 ** 20;

/** The teacher's answers to the batches of an evaluation. */
export class KnownAnswers {
  /** By the batch's number. */
  private readonly answers = new Map<number, Record<string, HostTensor>>();
  private bytes = 0;

  get(index: number): Record<string, HostTensor> | undefined {
    return this.answers.get(index);
  }

  /** Whether they are those to so many batches, which are all of them. */
  has(batches: number): boolean {
    return this.answers.size === batches;
  }

  /** Keeps them, where all together are no more than may be kept. */
  keep(index: number, answers: Record<string, HostTensor>): void {
    const bytes = Object.values(answers).reduce((sum, { data }) => sum + data.byteLength, 0);
    if (this.bytes + bytes > KEPT_BYTES) return;
    this.bytes += bytes;
    this.answers.set(index, answers);
  }
}

export interface EvaluatorSetup {
  executor: Executor;
  task: Task;
  /** An opaque one is evaluated by `evaluateTeacher` alone. */
  model: TeacherModel;
  /** Whom the model is held against; none where it is the teacher itself. */
  teacher?: Teacher | undefined;
  batches: Iterable<Batch>;
  /** Where others evaluate against the same teacher on the same batches, what it said to any of them. */
  known?: KnownAnswers | undefined;
  /** Of its programs, otherwise recorded here. */
  recordings?: Pick<Recordings, 'evaluation' | 'measures'> | undefined;
}

/** Who is told what in an evaluation. */
interface EvaluationTold {
  /** What the model says of each row. */
  rows?: RowTally | undefined;
  /** What its forward pass makes of each batch. */
  prober?: Pick<Prober, 'saw'> | undefined;
}

/** What a model makes of a batch, the one of that number. */
type Forward = (index: number, batch: BatchInputs) => Promise<Record<string, HostTensor>>;

/** Runs one model after another, or one as it learns, over the same batches. */
export class Evaluator {
  private readonly programs: ByShape<Promise<LoadedProgram>>;
  /** Of a language model, and of its teacher. */
  private readonly measures: LoadedOnce;
  private readonly teacherMeasures: LoadedOnce;
  private readonly measuringTeacher: () => Program;
  private readonly known: KnownAnswers;
  private readonly targets: TargetSource | undefined;

  constructor(private readonly setup: EvaluatorSetup) {
    const { executor, teacher, model, recordings } = setup;
    const pair = { teacher: teacher?.architecture, ensemble: teacher?.ensemble };
    const atOnce = measuredAtOnce(model.vocabularySize, executor.workingMemory !== undefined);
    this.programs = new ByShape((shape) => {
      const ours = seen(model);
      return executor.load(recordings?.evaluation(shape) ?? evaluationProgram(ours, shape));
    });
    this.measures = new LoadedOnce(() => {
      const ours = { student: seen(model), ...pair };
      return executor.load(recordings?.measures(ours, atOnce) ?? measuringProgram(ours, atOnce));
    });
    let measuring: Program | undefined;
    this.measuringTeacher = () => (measuring ??= measuringProgram(pair, atOnce));
    this.teacherMeasures = new LoadedOnce(() => executor.load(this.measuringTeacher()));
    this.targets = setup.teacher?.targets();
    this.known = setup.known ?? new KnownAnswers();
  }

  /**
   * @param parameters the model's, on the device; others beside them are ignored
   * @param told of what the model says
   * @throws NotFinite for the first logit, measure or metric that is no number
   */
  evaluate(parameters: Readonly<Record<string, DeviceTensor>>, told: EvaluationTold = {}): Promise<Metrics> {
    return whileEvaluating((afterBatch) => this.evaluateNow(parameters, told, afterBatch));
  }

  private async evaluateNow(
    parameters: Readonly<Record<string, DeviceTensor>>,
    { rows, prober }: EvaluationTold,
    afterBatch: () => void,
  ): Promise<Metrics> {
    const student = prefixed('student.', parameters);
    const forward: Forward = async (index, { shape, tensors }) => {
      const program = await this.programs.get(shape);
      const made = await program.run({ ...tensors, ...student });
      prober?.saw(index, (made.hidden ?? made.logits)!);
      return made;
    };
    const meter = await this.meterOf(this.measures, student);
    const metrics = await this.measureEach(forward, meter, rows, afterBatch);
    requireFinite({ ...metrics });
    return metrics;
  }

  /**
   * Of the teacher itself: what its targets say at T = 1.
   * @throws NotFinite as `evaluate`
   */
  evaluateTeacher(rows?: RowTally): Promise<Metrics> {
    return whileEvaluating((afterBatch) => this.evaluateTeacherNow(rows, afterBatch));
  }

  /** What that loads of our own for batches of these shapes, in the order in which it is needed. */
  programsOfTeacher(shapes: readonly BatchShape[]): (() => Program)[] {
    const { teacher, model } = this.setup;
    const asking =
      teacher instanceof FrozenTeacher ? shapes.map((shape) => () => teacher.program(nothingInside, shape)) : [];
    const measuring = isLanguageModel(model) ? [this.measuringTeacher] : [];
    return [...asking.slice(0, 1), ...measuring, ...asking.slice(1)];
  }

  private async evaluateTeacherNow(rows: RowTally | undefined, afterBatch: () => void): Promise<Metrics> {
    const meter = await this.meterOf(this.teacherMeasures, {});
    return this.measureEach(undefined, meter, rows, afterBatch);
  }

  /** @param forward of the model that is held against the teacher; without one it is the teacher that is measured */
  private async measureEach(
    forward: Forward | undefined,
    meter: PredictionMeter | undefined,
    rows: RowTally | undefined,
    afterBatch: () => void,
  ): Promise<Metrics> {
    const tally = tallyFor(this.setup.model);
    for (const { index, rows: asRows, batch } of this.inputs()) {
      const targets = await this.targetsOf(index, batch);
      const made = forward ? await forward(index, batch) : { logits: targets.prediction! };
      const heldAgainst = forward ? targets : {};
      const { counted } = batch.tensors;
      requireFiniteRows(prefixed("the teacher's ", targets), counted!.data);
      const add = (outputs: Record<string, HostTensor>): void => {
        requireFiniteRows(outputs, counted!.data);
        tally.add(batch, outputs, heldAgainst);
        rows?.add(asRows, batch, outputs, heldAgainst);
      };
      if (meter) await meter.add(batch, { ...made, ...prefixed('target.', targets) }, add);
      else add(made);
      afterBatch();
    }
    await meter?.finish();
    return tally.metrics();
  }

  /** Undefined of a classifier, whose few logits are looked at here. @param weights of the model that is measured beside its teacher's */
  private async meterOf(
    measures: LoadedOnce,
    weights: Readonly<Record<string, DeviceTensor>>,
  ): Promise<PredictionMeter | undefined> {
    if (!isLanguageModel(this.setup.model)) return undefined;
    return new PredictionMeter(await measures.get(), { ...weights, ...this.setup.teacher?.programInputs });
  }

  /** Made anew each time: of many rows, the batches take more than the rows themselves. */
  private *inputs(): Iterable<{ index: number; rows: Batch; batch: BatchInputs }> {
    let index = 0;
    for (const rows of this.setup.batches) yield { index: index++, rows, batch: batchInputs(rows, this.setup.task) };
  }

  private async targetsOf(index: number, batch: BatchInputs): Promise<Record<string, HostTensor>> {
    if (!this.targets) return {};
    const known = this.known.get(index);
    if (known) return known;
    const targets: Record<string, HostTensor> = {};
    for (const [name, target] of Object.entries(await this.targets.of(batch))) {
      targets[name] = await inHostMemory(target);
    }
    this.known.keep(index, targets);
    return targets;
  }

  async release(): Promise<void> {
    for (const program of this.programs.all()) await (await program).release();
    for (const one of [this.measures, this.teacherMeasures]) await one.release();
    await this.targets?.release();
  }
}

/** An opaque model is evaluated by what it answers. */
function seen(model: TeacherModel): Architecture {
  if (isOpaque(model)) throw new Error('an opaque model has no program of ours');
  return model;
}

/** A program that is loaded when it is first needed. */
class LoadedOnce {
  private loaded: Promise<LoadedProgram> | undefined;

  constructor(private readonly load: () => Promise<LoadedProgram>) {}

  get(): Promise<LoadedProgram> {
    return (this.loaded ??= this.load());
  }

  async release(): Promise<void> {
    await (await this.loaded)?.release();
  }
}

interface Tally {
  add(batch: BatchInputs, outputs: Record<string, HostTensor>, targets: Record<string, HostTensor>): void;
  metrics(): Metrics;
}

function tallyFor(model: TeacherModel): Tally {
  if (isLanguageModel(model)) return new PredictionTally();
  if (predictsTokens(model)) return new WordTally(model.labels!);
  if (model.problemType === 'embedding') return new EmbeddingTally();
  if (model.problemType === 'multi-label') return new LabelTally(model.labels!.length);
  return model.problemType === 'regression' ? new NumberTally() : new ClassTally();
}

class ClassTally implements Tally {
  protected readonly labels: number[] = [];
  protected readonly predictions: number[] = [];
  private readonly confidences: number[] = [];
  private readonly teacherPredictions: number[] = [];
  private teacherKl = 0;
  private loss = 0;

  add(batch: BatchInputs, outputs: Record<string, HostTensor>, targets: Record<string, HostTensor>): void {
    const { labels, counted } = batch.tensors;
    for (let row = 0; row < counted!.data.length; row++) {
      if (counted!.data[row] === 0) continue;
      const logits = rowOf(outputs.logits!, row);
      const probabilities = softmax(logits);
      const choice = indexOfLargest(probabilities);
      const label = labels!.data[row]!;
      this.labels.push(label);
      this.predictions.push(choice);
      this.confidences.push(probabilities[choice]!);
      this.loss -= Math.log(Math.max(probabilities[label]!, Number.MIN_VALUE));
      if (!targets.prediction) continue;
      const teacher = rowOf(targets.prediction, row);
      this.teacherPredictions.push(indexOfLargest(teacher));
      this.teacherKl += klDivergence(teacher, logits);
    }
  }

  metrics(): Metrics {
    const { labels, predictions, teacherPredictions } = this;
    const count = labels.length;
    return {
      accuracy: accuracy(predictions, labels),
      macroF1: macroF1(predictions, labels),
      loss: this.loss / count,
      calibrationError: expectedCalibrationError(
        this.confidences,
        predictions.map((choice, i) => choice === labels[i]),
      ),
      ...(teacherPredictions.length > 0 && {
        agreement: agreement(predictions, teacherPredictions),
        teacherKl: this.teacherKl / count,
      }),
    };
  }
}

/** Of words, whose classes may be tags of entities. */
class WordTally extends ClassTally {
  private readonly areEntities: boolean;
  private readonly entities = noEntities();

  constructor(private readonly names: readonly string[]) {
    super();
    this.areEntities = areEntityTags(names);
  }

  override add(batch: BatchInputs, outputs: Record<string, HostTensor>, targets: Record<string, HostTensor>): void {
    const first = this.labels.length;
    super.add(batch, outputs, targets);
    if (!this.areEntities) return;
    const rows = batch.tensors.predictionRows!.data.filter((_, i) => batch.tensors.counted!.data[i] !== 0);
    const textOf = (word: number): number => Math.floor(rows[word]! / batch.shape.length);
    for (let start = 0, end = 0; start < rows.length; start = end) {
      while (end < rows.length && textOf(end) === textOf(start)) end++;
      const tags = (of: readonly number[]): string[] =>
        of.slice(first + start, first + end).map((label) => this.names[label]!);
      addCounts(this.entities, countEntities(tags(this.predictions), tags(this.labels)));
    }
  }

  override metrics(): Metrics {
    const { macroF1: _, ...metrics } = super.metrics();
    return { ...metrics, ...(this.areEntities && { entityF1: entityF1(this.entities) }) };
  }
}

/** Of labels of which several may apply: each is a decision of its own. */
class LabelTally implements Tally {
  /** [rows · labels]. */
  private readonly applies: number[] = [];
  private readonly scores: number[] = [];
  private readonly said: number[] = [];
  private readonly confidences: number[] = [];
  private agreeing = 0;
  private teacherKl = 0;
  private loss = 0;
  private hasTeacher = false;

  constructor(private readonly labels: number) {}

  add(batch: BatchInputs, outputs: Record<string, HostTensor>, targets: Record<string, HostTensor>): void {
    const { labels, counted } = batch.tensors;
    for (let row = 0; row < batch.shape.rows; row++) {
      if (counted!.data[row] === 0) continue;
      const logits = rowOf(outputs.logits!, row);
      const teacher = targets.prediction && rowOf(targets.prediction, row);
      const applies = rowOf(labels!, row);
      sigmoids(logits).forEach((probability, label) => {
        const [said, logit] = [isSaid(logits[label]!), logits[label]!];
        this.applies.push(applies[label]!);
        this.scores.push(logit);
        this.said.push(Number(said));
        this.confidences.push(Math.max(probability, 1 - probability));
        this.loss += binaryCrossEntropy(logit, applies[label]!);
        if (teacher) this.agreeing += Number(isSaid(teacher[label]!) === said);
      });
      if (teacher) this.teacherKl += labelKl(teacher, logits) * this.labels;
      this.hasTeacher ||= teacher !== undefined;
    }
  }

  metrics(): Metrics {
    const { applies, scores, said, labels } = this;
    const { micro, macro } = labelF1(said, applies, labels);
    return {
      meanAveragePrecision: new AveragePrecision(scores, applies, labels).mean(),
      microF1: micro,
      macroF1: macro,
      loss: this.loss / said.length,
      calibrationError: expectedCalibrationError(
        this.confidences,
        said.map((one, i) => one === applies[i]),
      ),
      ...(this.hasTeacher && { agreement: this.agreeing / said.length, teacherKl: this.teacherKl / said.length }),
    };
  }
}

/** Of numbers. */
class NumberTally implements Tally {
  private readonly labels: number[] = [];
  private readonly values: number[] = [];
  private readonly teacherValues: number[] = [];

  add(batch: BatchInputs, outputs: Record<string, HostTensor>, targets: Record<string, HostTensor>): void {
    const { labels, counted } = batch.tensors;
    for (let row = 0; row < batch.shape.rows; row++) {
      if (counted!.data[row] === 0) continue;
      this.labels.push(labels!.data[row]!);
      this.values.push(outputs.logits!.data[row]!);
      if (targets.prediction) this.teacherValues.push(targets.prediction.data[row]!);
    }
  }

  metrics(): Metrics {
    const { labels, values, teacherValues } = this;
    const rmse = rootMeanSquare(values, labels);
    return {
      rmse,
      pearson: pearson(values, labels),
      spearman: new RankCorrelation(values, labels).of(),
      loss: rmse ** 2,
      ...(teacherValues.length > 0 && { teacherRmse: rootMeanSquare(values, teacherValues) }),
    };
  }
}

/** Of embeddings: beside the teacher's, and of pairs with a score how similar they are. */
class EmbeddingTally implements Tally {
  private readonly scores: number[] = [];
  private readonly cosines: number[] = [];
  private texts = 0;
  private teacherCosine = 0;
  private hasTeacher = false;

  add(batch: BatchInputs, outputs: Record<string, HostTensor>, targets: Record<string, HostTensor>): void {
    const { labels, labelled, counted } = batch.tensors;
    const own = outputs.logits!;
    for (let text = 0; text < counted!.data.length; text++) {
      if (counted!.data[text] === 0) continue;
      this.texts++;
      if (targets.prediction) this.teacherCosine += cosine(rowOf(own, text), rowOf(targets.prediction, text));
      // The second of a pair is looked at with the first.
      if (!batch.shape.isPaired || text % 2 === 1 || labelled!.data[text] === 0) continue;
      this.scores.push(labels!.data[text]!);
      this.cosines.push(cosine(rowOf(own, text), rowOf(own, text + 1)));
    }
    this.hasTeacher ||= targets.prediction !== undefined;
  }

  metrics(): Metrics {
    const { scores, cosines, hasTeacher } = this;
    const teacherCosine = hasTeacher ? this.teacherCosine / this.texts : 1;
    if (scores.length === 0) return { teacherCosine, loss: 1 - teacherCosine };
    return {
      spearman: new RankCorrelation(cosines, scores).of(),
      pearson: pearson(cosines, scores),
      loss: rootMeanSquare(cosines, scores) ** 2,
      ...(hasTeacher && { teacherCosine }),
    };
  }
}

class PredictionTally implements Tally {
  private readonly sums: Partial<Record<keyof PredictionMeasures, number>> = {};
  private readonly confidences: number[] = [];
  private readonly correct: boolean[] = [];

  add(batch: BatchInputs, outputs: Record<string, HostTensor>): void {
    const counted = batch.tensors.counted!.data;
    for (const [name, { data }] of Object.entries(outputs) as [keyof PredictionMeasures, HostTensor][]) {
      let sum = 0;
      for (let i = 0; i < data.length; i++) if (counted[i] !== 0) sum += data[i]!;
      this.sums[name] = (this.sums[name] ?? 0) + sum;
    }
    for (let i = 0; i < counted.length; i++) {
      if (counted[i] === 0) continue;
      this.confidences.push(outputs.confidence!.data[i]!);
      this.correct.push(outputs.correct!.data[i] === 1);
    }
  }

  metrics(): Metrics {
    const count = this.correct.length;
    const mean = (name: keyof PredictionMeasures): number => this.sums[name]! / count;
    return {
      accuracy: mean('correct'),
      perplexity: perplexity(this.sums.negativeLogLikelihood!, count),
      loss: mean('negativeLogLikelihood'),
      calibrationError: expectedCalibrationError(this.confidences, this.correct),
      ...(this.sums.agreement !== undefined && { agreement: mean('agreement'), teacherKl: mean('teacherKl') }),
    };
  }
}

function rowOf({ data, shape }: HostTensor, row: number): HostTensor['data'] {
  const width = shape[1]!;
  return data.subarray(row * width, (row + 1) * width);
}
