/** @file Products with fixed weights in 8 bits: onnxruntime's DynamicQuantizeMatMul in the place of Gemm. */

import type { HostArray, HostTensor } from '../array';
import type { FrozenInputs, Graph, ReducedTensor } from './graph';
import { reduceProducts, type ReducedGraph } from './weight-products';

/**
 * The graph with every product x · W (+ bias) of a weight matrix in `weights` in 8 bits: W symmetric with a scale for each
 * output, x with a scale and a zero point that the product finds for the whole of x. Sums are exact, results float32.
 */
export function quantizeProducts(graph: Graph, weights: FrozenInputs): ReducedGraph {
  return reduceProducts(graph, weights, ({ node, weight }) => {
    const [x, name, bias] = node.inputs;
    const { values, scales } = quantizeColumns(weight, node.attributes.transB === 1);
    const [matrix, scale] = [`${name}.int8`, `${name}.scale`];
    // The fourth input would be a zero point.
    const inputs = [x!, matrix, scale, ...(bias === undefined ? [] : ['', bias])];
    const product = { op: 'DynamicQuantizeMatMul', domain: 'com.microsoft', inputs, attributes: {}, floats: [] };
    return { nodes: [{ ...node, ...product }], weights: { [matrix]: values, [scale]: scales } };
  });
}

interface QuantizedMatrix {
  /** [in, out] */
  values: ReducedTensor;
  /** [out] */
  scales: HostTensor;
}

/** Several programs are loaded with the same weights. */
const known = new WeakMap<HostArray, QuantizedMatrix>();

/** @param isTransposed the weight is [out, in], as PyTorch's Linear; otherwise [in, out] */
function quantizeColumns({ shape, data }: HostTensor, isTransposed: boolean): QuantizedMatrix {
  const before = known.get(data);
  if (before) return before;
  const [outputs, depth] = isTransposed ? (shape as [number, number]) : ([shape[1], shape[0]] as [number, number]);
  const [outputStride, depthStride] = isTransposed ? [depth, 1] : [1, outputs];
  const values = new Int8Array(depth * outputs);
  const scales = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const at = output * outputStride;
    let largest = 0;
    for (let k = 0; k < depth; k++) largest = Math.max(largest, Math.abs(data[at + k * depthStride]!));
    const scale = largest / 127;
    scales[output] = scale;
    // A column of zeros stays one.
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let k = 0; k < depth; k++) values[k * outputs + output] = Math.round(data[at + k * depthStride]! * inverse);
  }
  const matrix: QuantizedMatrix = {
    values: { shape: [depth, outputs], dtype: 'int8', data: values },
    scales: { shape: [outputs], dtype: 'float32', data: scales },
  };
  known.set(data, matrix);
  return matrix;
}
