/** @file No thread of onnxruntime keeps the processor from others while it waits: neither for a run's graphs nor for a teacher's. */

import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { InferenceSession } from 'onnxruntime-node';
import { afterEach, expect, it, vi } from 'vitest';
import { openExecutor } from '../../src/engine/engines';
import { record } from '../../src/engine/graph/trace-backend';
import { openOnnxSession } from '../../src/engine/onnxruntime/onnx-session';

afterEach(() => vi.restoreAllMocks());

/** What each session that is made from now on is told of its threads. */
function told(): unknown[] {
  const spinning: unknown[] = [];
  const create = InferenceSession.create.bind(InferenceSession) as (...args: unknown[]) => Promise<InferenceSession>;
  vi.spyOn(InferenceSession, 'create').mockImplementation((...args: unknown[]) => {
    const { extra } = args[1] as { extra?: { session?: { intra_op?: { allow_spinning?: unknown } } } };
    spinning.push(extra?.session?.intra_op?.allow_spinning);
    return create(...args);
  });
  return spinning;
}

it('threads of the engine cpu sleep while they wait for work, and so do those of an ONNX teacher', async () => {
  const spinning = told();
  const executor = await openExecutor('cpu', { threads: 2 });
  const program = await executor.load(
    record('exp', { x: { shape: [2], dtype: 'float32' } }, ({ x }) => ({ y: tf.exp(x!) })),
  );
  await program.release();
  const model = path.resolve('test/golden/data/onnx/distilbert-without-mask/model.onnx');
  await (await openOnnxSession(model, { threads: 2 })).release();
  expect(spinning).toEqual(['0', '0']);
});
