/** @file Which weights of a teacher are in matrix products and in nothing else: an engine that computes products in bfloat16 rounds them itself. */

import type { Architecture } from '../../model/architecture';
import { parameterSpecs } from '../specs';
import { nothingInside } from '../pairing';
import { teacherProgram } from './teacher-program';

const PRODUCTS = new Set(['Gemm', 'MatMul', 'FusedMatMul']);

/** Tokens of the recording; which weights are read by what depends on none of its sizes. */
const LENGTH = 8;

/** Names of matrices, without those that are looked up, added or changed first. */
export function productWeights(teacher: Architecture): Set<string> {
  const predictions = teacher.head === 'sequence-classification' ? 1 : LENGTH;
  const { graph } = teacherProgram({ teacher, ...nothingInside }, { rows: 1, length: LENGTH, predictions });
  const otherwise = new Set(graph.nodes.flatMap(({ op, inputs }) => (PRODUCTS.has(op) ? inputs.slice(2) : inputs)));
  // What this program does not read at all is the head over a vocabulary, whose product is made with the losses.
  return new Set(
    Object.entries(parameterSpecs(teacher)).flatMap(([name, { shape }]) =>
      shape.length === 2 && !otherwise.has(`teacher.${name}`) ? [name] : [],
    ),
  );
}
