/** @file How unsure a language model is at each prediction: the entropy of its distribution at T = 1, and the programs that compute it. */

import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/array';
import type { GraphInput, LoadedProgram } from '../engine/executor';
import type { Program } from '../engine/graph/program';
import { record } from '../engine/graph/trace-backend';
import type { Architecture } from '../model/architecture';
import { vocabularyHead } from '../model/computations/transformer';
import { ByShape, type BatchInputs } from './batch-inputs';
import { logProbabilities, soften } from './losses/softening';
import {
  rowsOfProjection,
  teacherLogits,
  teacherProjection,
  truncateVocabulary,
  type TeacherProjection,
} from './losses/vocabulary-projection';
import { prefixed, withPrefix } from './named';
import { nothingInside, type ModelPair } from './pairing';
import { chunkRows, predict, rowChunks } from './prediction';
import { parameterSpecs, predictionSpecs, teacherInputSpecs, tokenSpecs, type BatchShape } from './specs';
import type { Teacher, Targets, TargetSource } from './teacher/teacher';

/** −Σ p · log p over so many tokens, nats, as a column [R, 1]. A head padded beyond them loses the surplus first. */
export function entropies(projection: TeacherProjection, vocabulary: number): tf.Tensor2D {
  const model = truncateVocabulary(projection, vocabulary);
  const parts = rowChunks(rowsOfProjection(model), chunkRows(vocabulary)).map(([start, size]) =>
    tf.tidy(() => {
      const logP = logProbabilities(soften(teacherLogits(model, start, size)));
      return tf.neg(tf.sum<tf.Tensor2D>(tf.mul(tf.exp(logP), logP), 1, true));
    }),
  );
  return tf.concat2d(parts, 0);
}

/** Of a student, which is asked without dropout: tokens and `student.NAME` → `entropy`. */
export function studentEntropies(student: Architecture, shape: BatchShape): Program {
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(student, shape),
    ...prefixed('student.', parameterSpecs(student)),
  };
  return record(`entropies-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const parameters = withPrefix('student.', tensors);
    const { prediction } = predict(student, parameters, tensors);
    const projection = { ...vocabularyHead(student, parameters), hidden: prediction };
    return { entropy: entropies(projection, student.vocabularySize) };
  });
}

/** Of a teacher, one or the mean of several, from its outputs: `target.NAME` and `teacher.NAME` → `entropy`. */
export function teacherEntropies(pair: Omit<ModelPair, 'student'>, vocabulary: number, shape: BatchShape): Program {
  return record(
    `teacher-entropies-${shape.rows}x${shape.length}`,
    teacherInputSpecs(pair, nothingInside, shape),
    (tensors) => ({
      entropy: entropies(teacherProjection(pair, tensors)!, vocabulary),
    }),
  );
}

/** Computes a teacher's entropies from its answers. */
export class TeacherEntropies {
  private readonly programs: ByShape<Promise<LoadedProgram>>;

  constructor(
    private readonly teacher: Teacher,
    vocabulary: number,
  ) {
    const { executor, architecture, ensemble } = teacher;
    this.programs = new ByShape((shape) =>
      executor.load(teacherEntropies({ teacher: architecture, ensemble }, vocabulary, shape)),
    );
  }

  async of({ shape }: BatchInputs, targets: Targets): Promise<HostTensor> {
    const program = await this.programs.get(shape);
    const inputs: Record<string, GraphInput> = { ...prefixed('target.', targets), ...this.teacher.programInputs };
    return (await program.run(inputs)).entropy!;
  }

  async release(): Promise<void> {
    for (const program of this.programs.all()) await (await program).release();
  }
}

/** What a source says, and its entropies, which are kept with that. */
export function withEntropies(source: TargetSource, teacher: Teacher, vocabulary: number): TargetSource {
  const computed = new TeacherEntropies(teacher, vocabulary);
  return {
    of: async (inputs, temperature) => {
      const targets = await source.of(inputs, temperature);
      return { ...targets, entropy: await computed.of(inputs, targets) };
    },
    release: async () => {
      await computed.release();
      await source.release();
    },
  };
}
