/** @file A graph that is run in segments gives what it gives as a whole, and blocks that are alike are compiled once. */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { mapValues } from '../../src/distill/named';
import type { HostTensor } from '../../src/engine/array';
import { withoutAddedRows } from '../../src/engine/graph/added-rows';
import type { Program } from '../../src/engine/graph/program';
import { identityOf, segmentsOf } from '../../src/engine/graph/segments';
import { record } from '../../src/engine/graph/trace-backend';
import { findLibrary } from '../../src/engine/libraries';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import { SegmentedProgram } from '../../src/engine/openvino/segmented-program';
import { randomStream } from '../../src/engine/random';
import { createArchitecture, type ArchitectureOptions } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { tinyPair, tinyTrainer, type TinyPair } from '../distill/tiny-pair';
import { expectClose } from '../golden/compare';
import { allOr } from '../torture';
import { hasBfloat16 } from './processor';

const BLOCKS = 3;
const CHUNKS = 3;
const ROWS = 32;
const WIDTH = 16;
const CLASSES = 50;

/** Blocks of unlike weights, and chunks of a loss with the same: softmaxes of some rows at a time, whose gradient is joined again. */
function blocksAndChunks(): Program {
  const rows = CHUNKS * ROWS;
  const matrices = Array.from({ length: BLOCKS }, (_, block) => [`w${block}`, { shape: [WIDTH, WIDTH] }] as const);
  const specs = { x: { shape: [rows, WIDTH] }, head: { shape: [CLASSES, WIDTH] }, ...Object.fromEntries(matrices) };
  const inputs = Object.entries(specs).map(
    ([name, { shape }]) => [name, { shape, dtype: 'float32' as const }] as const,
  );
  return record('blocks and chunks', Object.fromEntries(inputs), (tensors) => {
    let x = tf.square(tensors.x as tf.Tensor2D);
    const head = tensors.head as tf.Tensor2D;
    for (let block = 0; block < BLOCKS; block++) {
      const w = tensors[`w${block}`] as tf.Tensor2D;
      for (const activate of [tf.relu, tf.sigmoid, tf.tanh, tf.sin, tf.cos]) {
        x = tf.add(x, activate(tf.matMul(x, w)));
      }
    }
    const chunks = Array.from({ length: CHUNKS }, (_, chunk) => {
      let logits = tf.matMul(tf.slice2d(x, [chunk * ROWS, 0], [ROWS, -1]), head, false, true);
      for (const activate of [tf.sigmoid, tf.tanh, tf.sin, tf.cos, tf.abs, tf.square]) {
        logits = tf.add(logits, activate(logits));
      }
      return tf.softmax(logits);
    });
    const joined = tf.concat(chunks, 0);
    return { ofHead: tf.matMul(joined, x, true, false), ofRows: tf.matMul(joined, head), sum: tf.sum(joined) };
  });
}

function randomInputs({ graph }: Program): Record<string, HostTensor> {
  const random = randomStream(3);
  return Object.fromEntries(
    Object.entries(graph.inputs).map(([name, spec]) => {
      const size = spec.shape.reduce((a, b) => a * b, 1);
      return [name, { ...spec, data: Float32Array.from({ length: size }, () => random() - 0.5) }];
    }),
  );
}

describe('segments', () => {
  const { graph } = blocksAndChunks();

  it('of a large graph alone', () => {
    expect(segmentsOf(graph, false)).toBeUndefined();
  });

  it('that compute the same are the same graph', () => {
    const { segments, handedOn } = segmentsOf(graph, false, 0)!;
    const counts = new Map<string, number>();
    for (const segment of segments) {
      counts.set(identityOf(segment), (counts.get(identityOf(segment)) ?? 0) + 1);
    }
    expect([...counts.values()].filter((count) => count > 1)).toEqual([BLOCKS, CHUNKS]);
    // The chunks' results are written where they are joined.
    const [joined] = handedOn.filter(({ parts }) => parts.length > 0);
    expect(joined!.spec.shape).toEqual([CHUNKS * ROWS, CLASSES]);
    expect(joined!.parts).toHaveLength(CHUNKS);
  });

  it('hand on the logits of a chunk where outputs that are written later have room for them', () => {
    const rows = CHUNKS * ROWS;
    const { graph: chunks } = record(
      'chunks',
      { x: { shape: [rows, WIDTH], dtype: 'float32' }, head: { shape: [CLASSES, WIDTH], dtype: 'float32' } },
      (tensors) => {
        const [x, head] = [tensors.x as tf.Tensor2D, tensors.head as tf.Tensor2D];
        const losses = Array.from({ length: CHUNKS }, (_, chunk) => {
          const logits = tf.matMul(tf.slice2d(x, [chunk * ROWS, 0], [ROWS, -1]), head, false, true);
          const read = [tf.sigmoid, tf.tanh, tf.sin, tf.cos, tf.abs, tf.square].map((activate) => activate(logits));
          const all = read.reduce((sum, one) => tf.add(sum, tf.mul(one, logits)));
          return tf.sum(all, 1);
        });
        const joined = tf.concat(losses, 0);
        return { joined, later: tf.matMul(tf.mul(x, tf.reshape(joined, [rows, 1])), head, false, true) };
      },
    );
    const bytes = ROWS * CLASSES * 4;
    const { segments } = segmentsOf(chunks, false, bytes)!;
    const ofLogits = segments.filter(({ graph: { nodes, outputs } }) => {
      const made = Object.values(outputs);
      return nodes.length === 1 && made.length === 1 && made[0]!.shape.join() === [ROWS, CLASSES].join();
    });
    expect(ofLogits).toHaveLength(CHUNKS);
    expect(new Set(ofLogits.map(identityOf)).size).toBe(1);
  });

  it('make every output once', () => {
    const { segments } = segmentsOf(graph, false, 0)!;
    const made = segments.flatMap(({ outputs }) => Object.values(outputs));
    expect(new Set(made).size).toBe(made.length);
    expect(made).toEqual(expect.arrayContaining(Object.keys(graph.outputs)));
  });
});

describe('sums into rows of a large output', () => {
  it('are left to whoever has it', () => {
    const vocabulary = 2 ** 17;
    const { graph } = record(
      'embedding',
      {
        logits: { shape: [4, vocabulary], dtype: 'float32' },
        hidden: { shape: [4, 32], dtype: 'float32' },
        ids: { shape: [4], dtype: 'int32' },
      },
      ({ logits, hidden, ids }) => {
        const product = tf.matMul(logits!, hidden!, true, false);
        return { gradient: tf.add(product, tf.unsortedSegmentSum(tf.mul(hidden!, 2), ids as tf.Tensor1D, vocabulary)) };
      },
    );
    const { graph: early, added } = withoutAddedRows(graph);
    expect(added.map(({ output }) => output)).toEqual(['gradient']);
    expect(early.nodes.some(({ op }) => op.startsWith('Scatter'))).toBe(false);
    expect(early.outputs[added[0]!.rowIndices]).toEqual({ shape: [4, 1], dtype: 'int32' });
  });
});

const missing = findLibrary('openvino') === undefined;

const models: Record<string, { task: 'causal-lm' | 'text-classification'; model: Partial<ArchitectureOptions> }> = {
  gpt2: { task: 'causal-lm', model: { dropout: 0.1 } },
  llama: { task: 'causal-lm', model: { family: 'llama', tieWordEmbeddings: false } },
  bert: { task: 'text-classification', model: { attentionDropout: 0.1 } },
};

/** With more blocks than two, of which a last one that computes less leaves some that are alike. */
function deepPair(name: string): TinyPair {
  const { task, model } = models[name]!;
  const pair = tinyPair(task, { hidden: { layers: [[1, 1]], loss: 'mse', weight: 0.5 } });
  const student = createArchitecture({ ...pair.pairing.student, ...model, layers: 3 });
  const projections = Object.entries(pair.student).filter(([parameter]) => parameter.startsWith('projection.'));
  return {
    ...pair,
    pairing: { ...pair.pairing, student },
    student: { ...initializeParameters(student, 2), ...Object.fromEntries(projections) },
  };
}

describe.skipIf(missing)('a program in segments', () => {
  it('gives what it gives as a whole, and compiles each kind of them once', async () => {
    const program = blocksAndChunks();
    const inputs = randomInputs(program);
    const [whole, parts] = await Promise.all(
      [Infinity, 0].map((segmentsFrom) => createOpenVinoExecutor({ cache: null, segmentsFrom }).load(program)),
    );
    expect(whole).not.toBeInstanceOf(SegmentedProgram);
    expect((parts as SegmentedProgram).programs.length).toBeLessThan(BLOCKS + CHUNKS);
    const expected = await whole!.run(inputs);
    // Asked for at once, they are run one after the other.
    const others = mapValues(inputs, ({ data, ...spec }) => ({ ...spec, data: data.map((value) => -value) }));
    const [outputs] = await Promise.all([parts!.run(inputs), parts!.run(others)]);
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, { data }] of Object.entries(outputs)) expectClose(name, data, expected[name]!.data, 5e-6);
    await whole!.release();
    await parts!.release();
  });

  it.each(allOr(Object.keys(models), ['gpt2']))('teaches a student of %s the same, batches added up', async (name) => {
    const losses: number[][] = [];
    for (const segmentsFrom of [Infinity, 0]) {
      const executor = createOpenVinoExecutor({ segmentsFrom });
      const trainer = tinyTrainer(executor, deepPair(name), {}, undefined, { gradientAccumulation: 2 });
      const steps: number[] = [];
      for (let step = 0; step < 2; step++) steps.push((await trainer.step()).loss.total);
      losses.push(steps);
      await trainer.release();
    }
    losses[1]!.forEach((loss, step) => {
      expect(Math.abs(loss / losses[0]![step]! - 1), `step ${step}`).toBeLessThan(1e-5);
    });
  });

  it.skipIf(!hasBfloat16)('computes in bfloat16 nearly what it does as a whole', async () => {
    const losses: number[] = [];
    for (const segmentsFrom of [Infinity, 0]) {
      const executor = createOpenVinoExecutor({ cache: null, precision: 'bfloat16', segmentsFrom });
      const trainer = tinyTrainer(executor, deepPair('gpt2'));
      losses.push((await trainer.step()).loss.total);
      await trainer.release();
    }
    expect(Math.abs(losses[1]! / losses[0]! - 1)).toBeLessThan(1e-2);
  });
});
