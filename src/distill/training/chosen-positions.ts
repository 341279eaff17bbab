/**
 * @file Which positions of a step the soft loss counts: of each example's counted positions a part, those whose prediction is the least sure, or by lot
 * (as Wang et al., 2021, "Selective Knowledge Distillation for Neural Machine Translation" choose words by their loss). Chosen between two
 * programs, so that the second computes no logits where nothing is learnt.
 */

import type { HostTensor } from '../../engine/array';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import type { Task } from '../../protocol/records';
import { randomStream } from '../../engine/random';
import { ByShape, type BatchInputs } from '../batch-inputs';
import { TeacherEntropies } from '../entropies';
import { positionsOf, type Objective, type Pairing, type Positions } from '../pairing';
import type { BatchShape } from '../specs';
import { exampleRowsOf } from '../teacher/records';
import { inHostMemory, type Targets, type Teacher } from '../teacher/teacher';
import type { Recordings } from './recordings';

/** Of so many counted positions: the fraction, rounded half up, and one at least of any. */
export const chosenOf = (counted: number, fraction: number): number =>
  counted === 0 ? 0 : Math.max(1, Math.floor(counted * fraction + 0.5));

/** Whether the student loss has no weight in any step, so that a position that is not chosen is of no account. */
const isSoftAlone = ({ alpha }: Pick<Objective, 'alpha'>): boolean => alpha === 1;

/**
 * What is recorded for a batch. Where the soft loss is all that is learnt from, a prediction for each position that may be chosen,
 * a multiple of 8; of rows without padding no batch has more.
 * @param needed predictions of a batch that has more nevertheless
 */
export function programShape(objective: Objective | undefined, shape: BatchShape, needed = 0): BatchShape {
  const positions = positionsOf(objective);
  if (!positions || !isSoftAlone(objective!)) return shape;
  const { rows, predictions } = shape;
  const most = Math.max(needed, rows * chosenOf(Math.ceil(predictions / rows), positions.fraction));
  return { ...shape, predictions: Math.min(predictions, Math.ceil(most / 8) * 8), of: predictions };
}

/** N of a batch. */
export interface Counts {
  /** Of the soft loss. */
  count: number;
  /** Of the hard loss. */
  labelledCount: number;
}

/** How many of a batch's positions count, before it is known which. */
export function chosenCounts(batch: BatchInputs, task: Task, objective: Objective): Counts {
  const { fraction } = positionsOf(objective)!;
  const ofEach = exampleRowsOf(batch, task).map(({ predictions }) => chosenOf(predictions.length, fraction));
  return {
    count: ofEach.reduce((a, b) => a + b, 0),
    labelledCount: isSoftAlone(objective) ? 0 : batch.labelledCount,
  };
}

/**
 * The batch as its step's program takes it: the soft loss counts of each example the positions of highest entropy, the first of equal ones. Where nothing
 * else is learnt from, the others are no predictions any more, and `chosen` int32 [P] says which of the batch's those are.
 * @param entropies of the batch's predictions, [R], or what else they are ordered by; one that is no number comes first, so that it is noticed
 */
export function choosePositions(
  batch: BatchInputs,
  task: Task,
  objective: Objective,
  entropies: ArrayLike<number>,
): BatchInputs {
  const { fraction } = positionsOf(objective)!;
  const order = (prediction: number): number =>
    Number.isNaN(entropies[prediction]) ? Infinity : entropies[prediction]!;
  const chosen = exampleRowsOf(batch, task)
    .flatMap(({ predictions }) =>
      [...predictions]
        .sort((a, b) => (order(a) === order(b) ? a - b : order(b) - order(a)))
        .slice(0, chosenOf(predictions.length, fraction)),
    )
    .sort((a, b) => a - b);
  const { tensors } = batch;
  if (!isSoftAlone(objective)) {
    const counted = new Float32Array(batch.shape.predictions);
    for (const prediction of chosen) counted[prediction] = 1;
    return { ...batch, tensors: { ...tensors, counted: { ...tensors.counted!, data: counted } }, count: chosen.length };
  }
  const shape = programShape(objective, batch.shape, chosen.length);
  const size = shape.predictions;
  const padded = new Int32Array(size);
  padded.set(chosen);
  const ofChosen = ({ data }: HostTensor): Int32Array => padded.map((position) => data[position]!);
  const int = (data: Int32Array): HostTensor => ({ shape: [size], dtype: 'int32', data });
  const float = (data: Float32Array): HostTensor => ({ shape: [size], dtype: 'float32', data });
  return {
    ...batch,
    shape,
    tensors: {
      ...tensors,
      predictionRows: int(ofChosen(tensors.predictionRows!)),
      labels: int(ofChosen(tensors.labels!)),
      counted: float(new Float32Array(size).fill(1, 0, chosen.length)),
      labelled: float(new Float32Array(size)),
      chosen: int(padded),
    },
    count: chosen.length,
    labelledCount: 0,
  };
}

/** Of what is drawn for positions. */
const POSITIONS_STREAM = 0x706f7369;

/** A number for each prediction of a batch that counts, by seed, step and row alone. */
export function drawnOrder(batch: BatchInputs, task: Task, seed: number, step: number): Float64Array {
  const order = new Float64Array(batch.shape.predictions);
  for (const { example, predictions } of exampleRowsOf(batch, task)) {
    const random = randomStream(seed, POSITIONS_STREAM, step, example);
    for (const prediction of predictions) order[prediction] = random();
  }
  return order;
}

interface ChosenPositionsSetup {
  executor: Executor;
  task: Task;
  pairing: Pairing;
  recordings: Recordings;
  teacher?: Teacher | undefined;
  seed: number;
}

type Student = Readonly<Record<string, DeviceTensor>>;

/** Asks student or teacher how sure they are, or draws. */
export class ChosenPositions {
  private readonly ofTeacher: TeacherEntropies | undefined;
  private readonly ofStudent: ByShape<Promise<LoadedProgram>>;

  private constructor(
    private readonly setup: ChosenPositionsSetup,
    private readonly objective: Objective,
    private readonly by: Positions['by'],
  ) {
    const { executor, pairing, recordings, teacher } = setup;
    this.ofTeacher = teacher && new TeacherEntropies(teacher, pairing.student.vocabularySize);
    this.ofStudent = new ByShape((shape) => executor.load(recordings.entropies(shape)));
  }

  /** Undefined where the soft loss counts all. */
  static of(setup: ChosenPositionsSetup): ChosenPositions | undefined {
    const { objective } = setup.pairing;
    const positions = positionsOf(objective);
    return objective && positions && new ChosenPositions(setup, objective, positions.by);
  }

  countsOf(batch: BatchInputs): Counts {
    return chosenCounts(batch, this.setup.task, this.objective);
  }

  /**
   * @param targets what the teacher says of the whole batch, and its entropies where they are kept
   * @param student everything trained, as `student.NAME`
   */
  async in(batch: BatchInputs, targets: Targets, student: Student, step: number): Promise<BatchInputs> {
    const order = await this.orderOf(batch, targets, student, step);
    return choosePositions(batch, this.setup.task, this.objective, order);
  }

  private async orderOf(
    batch: BatchInputs,
    targets: Targets,
    student: Student,
    step: number,
  ): Promise<ArrayLike<number>> {
    switch (this.by) {
      case 'random':
        return drawnOrder(batch, this.setup.task, this.setup.seed, step);
      case 'student-entropy':
        return (await (await this.ofStudent.get(batch.shape)).run({ ...batch.tensors, ...student })).entropy!.data;
      case 'teacher-entropy':
        return (targets.entropy ? await inHostMemory(targets.entropy) : await this.ofTeacher!.of(batch, targets)).data;
    }
  }

  async release(): Promise<void> {
    await this.ofTeacher?.release();
    for (const program of this.ofStudent.all()) await (await program).release();
  }
}
