/** @file A graph whose large output ends in sums into rows gives the same in two parts as in one, and holds less. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import type { Executor } from '../../src/engine/executor';
import { loadParts, partsOf } from '../../src/engine/graph/late-scatters';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { Program } from '../../src/engine/graph/program';
import { record } from '../../src/engine/graph/trace-backend';
import { workingBytes } from '../../src/engine/graph/working-memory';
import { randomStream } from '../../src/engine/random';

const ROWS = 40;
const WIDTH = 64;
const LARGE = 2 ** 16; // times WIDTH: 16 MiB

/** The gradient of an embedding that is also the head: a product, and rows for the ids. */
const embedding = (vocabulary: number): Program =>
  record(
    'embedding',
    {
      logits: { shape: [ROWS, vocabulary], dtype: 'float32' },
      hidden: { shape: [ROWS, WIDTH], dtype: 'float32' },
      ids: { shape: [ROWS], dtype: 'int32' },
    },
    ({ logits, hidden, ids }) => {
      const product = tf.matMul(logits!, hidden!, true, false);
      const rows = tf.unsortedSegmentSum(
        tf.mul(hidden!, 2),
        tf.minimum(ids as tf.Tensor1D, tf.scalar(vocabulary - 1, 'int32')),
        vocabulary,
      );
      return { gradient: tf.add(product, rows), sum: tf.sum(hidden!) };
    },
  );

function inputsOf(vocabulary: number): Record<string, HostTensor> {
  const random = randomStream(7);
  const floats = (...shape: number[]): HostTensor => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random() - 0.5);
    return { shape, dtype: 'float32', data };
  };
  // Some ids more than once, one beyond the vocabulary.
  const ids = Int32Array.from({ length: ROWS }, (_, row) => (row % 3 === 0 ? 5 : row * 1000));
  ids[1] = vocabulary + 3;
  return {
    logits: floats(ROWS, vocabulary),
    hidden: floats(ROWS, WIDTH),
    ids: { shape: [ROWS], dtype: 'int32', data: ids },
  };
}

describe('late scatters', () => {
  let executor: Executor;
  beforeAll(async () => {
    executor = await createCpuExecutor({ threads: 2 });
  });
  const { graph } = embedding(LARGE);
  const inputs = inputsOf(LARGE);

  it('are apart where the output is large, and only there', () => {
    expect(partsOf(graph).map(({ name }) => name)).toEqual(['embedding', 'embedding-rows']);
    expect(partsOf(embedding(LARGE / 2).graph)).toHaveLength(1);
  });

  it('make less memory necessary at once', () => {
    const most = Math.max(...partsOf(graph).map(workingBytes));
    expect(workingBytes(graph) - most).toBeGreaterThanOrEqual(LARGE * WIDTH * 4);
  });

  it('give the same into the caller’s memory and out of it', async () => {
    const program = await executor.load(embedding(LARGE));
    const returned = await program.run(inputs);
    expect(Object.keys(returned).sort()).toEqual(['gradient', 'sum']);
    const into = executor.place({ ...returned.gradient!, data: new Float32Array(LARGE * WIDTH).fill(9) });
    const rest = await program.run(inputs, { gradient: into });
    await program.release();
    expect(Object.keys(rest)).toEqual(['sum']);
    const written = await into.read();
    expect(Buffer.compare(bytes(written), bytes(returned.gradient!.data))).toBe(0);
    const expected = expectedGradient(inputs);
    const difference = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - written[i]!)), 0);
    expect(difference).toBeLessThan(1e-5);
    into.dispose();
  });

  it('are left together where the places of the rows are computed from more than integers', async () => {
    const computed = record(
      'computed',
      { logits: graph.inputs.logits!, hidden: graph.inputs.hidden! },
      ({ logits, hidden }) => {
        const ids = tf.argMax<tf.Tensor1D>(tf.square(hidden!), 1);
        const product = tf.matMul(logits!, hidden!, true, false);
        return { gradient: tf.add(product, tf.unsortedSegmentSum(tf.mul(hidden!, 2), ids, LARGE)) };
      },
    );
    expect(computed.graph.nodes.some(({ op }) => op === 'ScatterElements')).toBe(true);
    const loads: string[] = [];
    await expect(
      loadParts(computed.graph, {}, ({ name }) => {
        loads.push(name);
        return Promise.reject(new Error('enough'));
      }),
    ).rejects.toThrow('enough');
    expect(loads).toEqual(['computed']);
  });
});

/** logitsᵀ · hidden, and twice a row of `hidden` on the row of its id. */
function expectedGradient({ logits, hidden, ids }: Record<string, HostTensor>): Float64Array {
  const gradient = new Float64Array(LARGE * WIDTH);
  for (let row = 0; row < ROWS; row++) {
    const id = Math.min(ids!.data[row]!, LARGE - 1);
    for (let column = 0; column < WIDTH; column++) {
      const value = hidden!.data[row * WIDTH + column]!;
      for (let token = 0; token < LARGE; token++) {
        gradient[token * WIDTH + column]! += logits!.data[row * LARGE + token]! * value;
      }
      gradient[id * WIDTH + column]! += 2 * value;
    }
  }
  return gradient;
}

const bytes = ({ buffer, byteOffset, byteLength }: HostTensor['data']): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
