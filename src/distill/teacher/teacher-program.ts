/** @file The frozen teacher's program, recorded once for each batch shape. */

import type * as tf from '@tensorflow/tfjs-core';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { prefixed, withPrefix } from '../named';
import { isOpaque } from '../../model/architecture';
import { vectorName, type Imitated } from '../pairing';
import { predict } from '../prediction';
import { parameterSpecs, predictionSpecs, teacherOutputSpecs, tokenSpecs, type BatchShape } from '../specs';

/** Forward pass of the frozen teacher: tokens → what the student imitates. */
export function teacherProgram(imitated: Imitated, shape: BatchShape): Program {
  const { teacher, blocks: whole, attentions: seen, vectors: wantedVectors = [] } = imitated;
  if (isOpaque(teacher)) throw new Error('an opaque teacher has no program of ours');
  const wanted = Object.keys(teacherOutputSpecs(imitated, shape));
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(teacher, shape),
    ...prefixed('teacher.', parameterSpecs(teacher)),
  };
  return record(`teacher-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const given = predict(teacher, withPrefix('teacher.', tensors), tensors, { whole, seen });
    const { prediction, hiddenStates, scores, vectors } = given;
    // hiddenStates[0] is after the embeddings, so block b's output is hiddenStates[b + 1].
    const outputs: Record<string, tf.Tensor> = {
      prediction,
      ...Object.fromEntries(hiddenStates.slice(1).map((state, block) => [`hidden.${block}`, state])),
      ...Object.fromEntries(scores.map((one, block) => [`attention.${block}`, one])),
      ...Object.fromEntries(wantedVectors.map((one) => [vectorName(one), vectors[one.block]![one.kind]()])),
    };
    return Object.fromEntries(wanted.map((name) => [name, outputs[name]!]));
  });
}
