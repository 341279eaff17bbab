/** @file The frozen teacher's program, recorded once for each batch shape. */

import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { prefixed, withPrefix } from '../named';
import { isOpaque } from '../../model/architecture';
import { nameOfReading, type Imitated } from '../pairing';
import { predict, readBlock } from '../prediction';
import { parameterSpecs, predictionSpecs, tokenSpecs, type BatchShape } from '../specs';

/** Forward pass of the frozen teacher: tokens → what the student imitates. */
export function teacherProgram(imitated: Imitated, shape: BatchShape): Program {
  const { teacher, blocks } = imitated;
  if (isOpaque(teacher)) throw new Error('an opaque teacher has no program of ours');
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(teacher, shape),
    ...prefixed('teacher.', parameterSpecs(teacher)),
  };
  return record(`teacher-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const { prediction, ...inside } = predict(teacher, withPrefix('teacher.', tensors), tensors, { blocks });
    return { prediction, ...Object.fromEntries(blocks.map((one) => [nameOfReading(one), readBlock(inside, one)])) };
  });
}
