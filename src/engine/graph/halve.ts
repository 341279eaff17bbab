/** @file Products with fixed weights in 16-bit floats, for GPUs that compute in them (WebGPU's shader-f16). */

import type { HostArray, HostTensor } from '../array';
import { encodeFloat16 } from '../../protocol/float16';
import {
  valuesOf,
  type ElementType,
  type FrozenInputs,
  type Graph,
  type Node,
  type ReducedTensor,
  type Value,
} from './graph';
import { ONNX_TYPES } from './kernels/elementwise';
import { reduceProducts, type ReducedGraph } from './weight-products';

/**
 * The graph with every product x · W (+ bias) of a weight matrix in `weights` in float16, operands and result; all else, such as
 * softmaxes, norms and sums of residuals, stays float32.
 */
export function halveProducts(graph: Graph, weights: FrozenInputs): ReducedGraph {
  const values = valuesOf(graph);
  const halved = new Set<string>();
  return reduceProducts(graph, weights, ({ node }) => {
    const halves: Record<string, ReducedTensor> = {};
    const nodes: Node[] = [];
    const half = (name: string): string => {
      const [tensor, result] = [weights[name], { ...values.get(name)!, name: `${name}.float16` }];
      if (tensor) halves[result.name] = halfOf(tensor);
      else if (!halved.has(name)) nodes.push(castNode(name, result, 'float16'));
      halved.add(name);
      return result.name;
    };
    const inputs = node.inputs.map(half);
    const exact = node.outputs[0]!;
    const rounded: Value = { name: `${exact.name}.product`, shape: exact.shape, type: 'float16' };
    nodes.push({ ...node, inputs, outputs: [rounded] }, castNode(rounded.name, exact, 'float32'));
    return { nodes, weights: halves };
  });
}

function castNode(input: string, { name, shape }: Value, type: ElementType): Node {
  const attributes = { to: ONNX_TYPES[type] };
  return { op: 'Cast', domain: '', inputs: [input], outputs: [{ name, shape, type }], attributes, floats: [] };
}

/** Several programs are loaded with the same weights. */
const known = new WeakMap<HostArray, ReducedTensor>();

function halfOf({ shape, data }: HostTensor): ReducedTensor {
  const half = known.get(data) ?? { shape, dtype: 'float16', data: encodeFloat16(data as Float32Array) };
  known.set(data, half);
  return half;
}
