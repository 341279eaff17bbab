/** @file Finds out by trying what a GPU's provider can compute: which operators have a kernel, whether 16-bit floats work. */

import type { InferenceSession } from 'onnxruntime-node';
import type { HostTensor } from '../array';
import { valuesOf, type Graph } from '../graph/graph';
import { GraphBuilder } from '../graph/graph-builder';
import { cast } from '../graph/kernels/elementwise';
import { createSession, runSession, wrap, type Runtime } from '../onnxruntime/ort-session';

type SessionOptions = InferenceSession.SessionOptions;

/** Operators of the graph, with the types of their inputs, that do not load by themselves. */
export async function operatorsWithoutKernel(ort: Runtime, graph: Graph, options: SessionOptions): Promise<string[]> {
  const constants = new Map(graph.constants.map((constant) => [constant.value.name, constant]));
  const values = valuesOf(graph);
  const missing = new Set<string>();
  const tried = new Set<string>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => values.get(name)!);
    const signature = `${node.op}(${inputs.map(({ type }) => type).join(', ')})`;
    if (tried.has(signature)) continue;
    tried.add(signature);
    const given = inputs.filter(({ name }) => !constants.has(name));
    const alone = {
      name: signature,
      inputs: Object.fromEntries(given.map(({ name, shape, type }) => [name, { shape, dtype: type }])),
      outputs: Object.fromEntries(node.outputs.map(({ name, shape, type }) => [name, { shape, dtype: type }])),
      nodes: [node],
      constants: inputs.flatMap(({ name }) => constants.get(name) ?? []),
    };
    if (!(await loads(ort, alone as Graph, options))) missing.add(signature);
  }
  return [...missing];
}

async function loads(ort: Runtime, graph: Graph, options: SessionOptions): Promise<boolean> {
  try {
    await (await createSession(ort, graph, {}, options)).release();
    return true;
  } catch {
    return false;
  }
}

/** Whether the GPU computes in 16-bit floats: WebGPU's feature shader-f16. */
export async function hasFloat16(ort: Runtime, options: SessionOptions): Promise<boolean> {
  const builder = new GraphBuilder('float16');
  const x = builder.input('x', { shape: [1], dtype: 'float32' });
  const graph = builder.finish({ y: cast(builder, cast(builder, x, 'float16'), 'float32') });
  const session = await createSession(ort, graph, {}, options);
  const inputs = { x: { shape: [1], dtype: 'float32', data: Float32Array.of(0.5) } satisfies HostTensor };
  try {
    await runSession({ session, graph, frozen: {}, inputs, into: {} }, (input) => wrap(ort, input as HostTensor));
    return true;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}
