/** @file Products with fixed weights in 8 bits: onnxruntime's DynamicQuantizeMatMul in the place of Gemm. */

import { sizeOf, type HostArray, type HostTensor } from './array';
import type { FrozenInputs, Graph, Node, QuantizedTensor } from './graph';

/** A graph whose products take quantized weights, and these. */
export interface QuantizedGraph {
  readonly graph: Graph;
  readonly weights: Readonly<Record<string, HostTensor | QuantizedTensor>>;
}

/** Smaller matrices, such as a classifier's, gain nothing and lose most. */
const SMALLEST_WEIGHT = 2 ** 12;

/**
 * The graph with every product x · W (+ bias) of a weight matrix in `weights` in 8 bits: W symmetric with a scale for each
 * output, x with a scale and a zero point that the product finds for the whole of x. Sums are exact, results float32.
 */
export function quantizeProducts(graph: Graph, weights: FrozenInputs): QuantizedGraph {
  const quantized: Record<string, HostTensor | QuantizedTensor> = {};
  const nodes = graph.nodes.map((node): Node => {
    const [x, name, bias] = node.inputs;
    const weight = isWeightProduct(node, graph, weights) ? weights[name!]! : undefined;
    if (!weight) return node;
    const { values, scales } = quantizeColumns(weight, node.attributes.transB === 1);
    const [matrix, scale] = [`${name}.int8`, `${name}.scale`];
    quantized[matrix] = values;
    quantized[scale] = scales;
    // The fourth input would be a zero point.
    const inputs = [x!, matrix, scale, ...(bias === undefined ? [] : ['', bias])];
    return { ...node, op: 'DynamicQuantizeMatMul', domain: 'com.microsoft', inputs, attributes: {}, floats: [] };
  });
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const inputs = Object.fromEntries(Object.entries(graph.inputs).filter(([name]) => used.has(name)));
  return { graph: { ...graph, inputs, nodes }, weights: quantized };
}

function isWeightProduct({ op, inputs, attributes }: Node, graph: Graph, weights: FrozenInputs): boolean {
  const [, name, bias] = inputs;
  const weight = weights[name!];
  if (op !== 'Gemm' || attributes.transA === 1 || weight?.shape.length !== 2) return false;
  const hasPlainBias = bias === undefined || graph.inputs[bias]?.shape.length === 1;
  return hasPlainBias && sizeOf(weight.shape) >= SMALLEST_WEIGHT;
}

interface QuantizedMatrix {
  /** [in, out] */
  values: QuantizedTensor;
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
