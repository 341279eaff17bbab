/** @file An ONNX model that others have exported, as onnxruntime computes it here. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Graph, Node, Value } from '../../src/engine/graph/graph';
import { encodeModel } from '../../src/engine/graph/onnx';
import { openOnnxSession } from '../../src/engine/onnxruntime/onnx-session';

const DEPTH = 16;

const node = (op: string, inputs: string[], outputs: string[], attributes: Node['attributes'] = {}): Node => ({
  op,
  domain: '',
  inputs,
  outputs: outputs.map((name): Value => ({ name, shape: [], type: 'float32' })),
  attributes,
  floats: [],
});

/** x · W as `quantize_dynamic` of onnxruntime writes it, with signed bytes of weights. */
const graph: Graph = {
  name: 'quantized',
  inputs: { x: { shape: [1, DEPTH], dtype: 'float32' } },
  outputs: { y: { shape: [1, 2], dtype: 'float32' } },
  constants: [],
  nodes: [
    node('DynamicQuantizeLinear', ['x'], ['bytes', 'scale', 'zero']),
    node('MatMulInteger', ['bytes', 'w', 'zero'], ['sums']),
    node('Cast', ['sums'], ['numbers'], { to: 1 }),
    node('Mul', ['numbers', 'scale'], ['y']),
  ],
};

it('a product of signed bytes is exact on every processor, also where sums of two leave 16 bits', async () => {
  const w = Int8Array.from({ length: 2 * DEPTH }, (_, i) => (i % 2 === 0 ? 127 : -127));
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-test-')), 'model.onnx');
  writeFileSync(
    file,
    encodeModel(graph, { w: { shape: [DEPTH, 2], dtype: 'int8', data: w } }, () => undefined),
  );
  const session = await openOnnxSession(file, { threads: 1 });
  const x = { type: 'float32', shape: [1, DEPTH], values: new Int32Array(DEPTH).fill(255) } as const;
  const { data } = await session.run({ x }, 'y');
  await session.release();
  expect([...data]).toEqual([DEPTH * 255 * 127, -DEPTH * 255 * 127]);
});
