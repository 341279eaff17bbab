/** @file What a teacher with another tokenizer says of spans of text, in the places in which its student predicts them. */

import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../engine/array';
import type { LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { ByShape, scalar, spanTensors, type BatchInputs, type Spans } from '../batch-inputs';
import { laterTokens } from '../losses/span-loss';
import { teacherProjection, truncateVocabulary } from '../losses/vocabulary-projection';
import { prefixed } from '../named';
import { nothingInside, type ModelPair } from '../pairing';
import { chunkRows } from '../prediction';
import { scalarSpecs, teacherInputSpecs, type BatchShape } from '../specs';
import { inHostMemory, type Targets, type TargetSource, type Teacher } from './teacher';

/**
 * Of a teacher's own predictions → `later`, as of `laterTokens`. Takes its `target.NAME` and `teacher.NAME`, the `labels` and `spanFirsts` of its
 * batch, and `temperature`.
 * @param vocabulary tokens of its tokenizer
 */
export function laterTokensProgram(pair: Omit<ModelPair, 'student'>, vocabulary: number, shape: BatchShape): Program {
  const ofEach = { shape: [shape.predictions], dtype: 'int32' as const };
  const inputs = {
    ...{ labels: ofEach, spanFirsts: ofEach },
    ...scalarSpecs(['temperature']),
    ...teacherInputSpecs(pair, nothingInside, shape),
  };
  return record(`later-tokens-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const projection = truncateVocabulary(teacherProjection(pair, tensors)!, vocabulary);
    const places = { firsts: tensors.spanFirsts as tf.Tensor1D, labels: tensors.labels as tf.Tensor1D };
    return { later: laterTokens(projection, places, tensors.temperature as tf.Scalar, chunkRows(vocabulary)) };
  });
}

/** Asks about the teacher's own tokens, and lays what it says of the first token of each span where the student predicts its own. */
export class SpanTargets implements TargetSource {
  private readonly programs: ByShape<Promise<LoadedProgram>>;

  /** @param vocabulary tokens of the teacher's tokenizer */
  constructor(
    private readonly source: TargetSource,
    private readonly teacher: Teacher,
    vocabulary: number,
  ) {
    const { executor, architecture, ensemble } = teacher;
    const pair = { teacher: architecture, ensemble };
    this.programs = new ByShape((shape) => executor.load(laterTokensProgram(pair, vocabulary, shape)));
  }

  /** Zero where no span begins. */
  async of(inputs: BatchInputs, temperature = 1): Promise<Targets> {
    const read = this.read(inputs);
    const said = await this.source.of(read, temperature);
    const program = await this.programs.get(read.shape);
    const { later } = await program.run({
      ...prefixed('target.', said),
      ...this.teacher.programInputs,
      ...spanTensors(read),
      ...{ labels: read.tensors.labels!, temperature: scalar(temperature) },
    });
    const targets: Record<string, HostTensor> = { later: inPlaces(later!, read.spans, inputs.spans) };
    for (const [name, tensor] of Object.entries(said)) {
      targets[name] = inPlaces(await inHostMemory(tensor), read.spans, inputs.spans);
    }
    return targets;
  }

  private read({ teacher }: BatchInputs): BatchInputs {
    if (!teacher) throw new Error('a batch of which nothing is known as its teacher reads it');
    return teacher;
  }

  prefetch(inputs: BatchInputs): void {
    this.source.prefetch?.(this.read(inputs));
  }

  get mayAsk(): boolean | undefined {
    return this.source.mayAsk;
  }

  async release(): Promise<void> {
    for (const program of this.programs.all()) await (await program).release();
    await this.source.release();
  }
}

/** Rows of the first predictions of spans, from the places of one reading in those of the other. [R, …] → [R of the other, …] */
function inPlaces({ data, shape, dtype }: HostTensor, from: Spans | undefined, to: Spans | undefined): HostTensor {
  if (!to || from?.begins.length !== to.begins.length) {
    throw new Error('teacher and student do not read the same spans of a batch');
  }
  const width = data.length / shape[0]!;
  const placed = new Float32Array(to.firsts.length * width);
  for (const [span, row] of to.begins.entries()) {
    const at = from.begins[span]! * width;
    placed.set(data.subarray(at, at + width), row * width);
  }
  return { shape: [to.firsts.length, ...shape.slice(1)], dtype, data: placed };
}
