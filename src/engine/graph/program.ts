/** @file A tensor program that can be run in two ways: recorded as a graph, or evaluated by an eager tfjs backend. */

import type * as tf from '@tensorflow/tfjs-core';
import type { TensorSpec } from '../array';
import type { Graph } from './graph';

/** Adds an input to the program beside its declared ones, for example a dropout mask. */
export type AddInput = (name: string, spec: TensorSpec) => tf.Tensor;

export type Evaluate = (tensors: Record<string, tf.Tensor>, addInput: AddInput) => Record<string, tf.Tensor>;

export interface Program {
  /** The recording; its inputs include the added ones, and leave out those that no output depends on. */
  readonly graph: Graph;
  /** The function that was recorded, for executors that run tfjs operations one by one. */
  readonly evaluate: Evaluate;
}
