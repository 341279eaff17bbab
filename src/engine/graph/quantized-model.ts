/**
 * @file A model for others with its weight matrices in 8 bits, in ONNX's own operators: products of bytes whose sums are exact, and tables that
 * are looked up as bytes.
 */

import { sizeOf, type HostTensor } from '../array';
import type { FrozenInputs, Graph, Node, ReducedTensor, Value } from './graph';
import { ONNX_TYPES } from './kernels/elementwise';
import { SMALLEST_WEIGHT, type ReducedGraph } from './weight-products';

/** What stands for 0 in a matrix of unsigned bytes. */
const ZERO = 128;
/** The zero as a byte and as a float32, by their names in a model. */
const ZERO_BYTE = 'zero.uint8';
const ZERO_NUMBER = 'zero.float32';

/**
 * The graph with each weight matrix [rows, columns] in bytes, symmetric around 128, with a scale for each output of its product, which for a table is
 * each row: a head that is tied to its embeddings stays one matrix. Inputs of products are quantized as they come, with a scale and a
 * zero point for the whole tensor, as `quantize_dynamic` of onnxruntime does.
 *
 * Bytes of weights are unsigned: by default onnxruntime's sums of unsigned by signed products overflow in 16 bits on processors with AVX2 and no
 * VNNI, which the person who runs the file would see as answers that are wrong by tenths.
 */
export function quantizeModel(graph: Graph, weights: FrozenInputs): ReducedGraph {
  const made: Record<string, HostTensor | ReducedTensor> = {};
  const nodes: Node[] = [];
  const done = new Set<string>();
  const add = (
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Node['attributes'] = {},
  ): void => {
    nodes.push({ op, domain: '', inputs, outputs: outputs.map(unseen), attributes, floats: [] });
  };
  /** Once for each name. */
  const once = (name: string, work: () => void): void => {
    if (!done.has(name)) work();
    done.add(name);
  };

  for (const node of graph.nodes) {
    const use = useOf(node, weights);
    if (!use) {
      nodes.push(node);
      continue;
    }
    const { name, weight, isByRow } = use;
    const [matrix, scale] = [`${name}.uint8`, `${name}.scale`];
    once(matrix, () => Object.assign(made, quantized(matrix, scale, weight, isByRow)));
    const result = node.outputs[0]!.name;
    if (node.op === 'Gather') {
      const ids = node.inputs[1]!;
      add('Gather', [matrix, ids], [`${result}.bytes`], { axis: 0 });
      add('Cast', [`${result}.bytes`], [`${result}.shifted`], { to: ONNX_TYPES.float32 });
      add('Sub', [`${result}.shifted`, ZERO_NUMBER], [`${result}.numbers`]);
      // The scales are a column, [rows, 1], so that each goes with its row.
      add('Gather', [scale, ids], [`${result}.scales`], { axis: 0 });
      add('Mul', [`${result}.numbers`, `${result}.scales`], [result]);
      continue;
    }
    const [x, , bias] = node.inputs;
    const bytes = `${x}.bytes`;
    once(bytes, () => add('DynamicQuantizeLinear', [x!], [bytes, `${x}.scale`, `${x}.zero`]));
    const columns = isByRow ? `${matrix}.columns` : matrix;
    if (isByRow) once(columns, () => add('Transpose', [matrix], [columns], { perm: [1, 0] }));
    const outputs = `${scale}.outputs`;
    // [1, outputs]
    if (isByRow) once(outputs, () => add('Transpose', [scale], [outputs], { perm: [1, 0] }));
    add('MatMulInteger', [bytes, columns, `${x}.zero`, ZERO_BYTE], [`${result}.sums`]);
    add('Cast', [`${result}.sums`], [`${result}.numbers`], { to: ONNX_TYPES.float32 });
    add('Mul', [`${x}.scale`, isByRow ? outputs : scale], [`${result}.scales`]);
    const product = bias === undefined ? result : `${result}.product`;
    add('Mul', [`${result}.numbers`, `${result}.scales`], [product]);
    if (bias !== undefined) add('Add', [product, bias], [result]);
  }
  made[ZERO_BYTE] = { shape: [], dtype: 'uint8', data: Uint8Array.of(ZERO) };
  made[ZERO_NUMBER] = { shape: [], dtype: 'float32', data: Float32Array.of(ZERO) };
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const kept = Object.entries({ ...weights, ...made }).filter(([name]) => used.has(name));
  return { graph: { ...graph, nodes }, weights: Object.fromEntries(kept) };
}

/** A value between nodes, of whose type and shape nothing is written. */
const unseen = (name: string): Value => ({ name, shape: [], type: 'float32' });

/** How a node uses a weight matrix that is worth it; undefined where it does not. @see SMALLEST_WEIGHT */
function useOf(
  { op, inputs, attributes }: Node,
  weights: FrozenInputs,
): { name: string; weight: HostTensor; isByRow: boolean } | undefined {
  const isTable = op === 'Gather' && attributes.axis === 0;
  if (!isTable && (op !== 'Gemm' || attributes.transA === 1)) return undefined;
  const name = inputs[isTable ? 0 : 1]!;
  const weight = weights[name];
  if (weight?.shape.length !== 2 || sizeOf(weight.shape) < SMALLEST_WEIGHT) return undefined;
  return { name, weight, isByRow: isTable || attributes.transB === 1 };
}

/** @param isByRow a scale for each row, as a column [rows, 1]; otherwise for each column, as a row [1, columns] */
function quantized(
  matrix: string,
  scale: string,
  { shape, data }: HostTensor,
  isByRow: boolean,
): Record<string, HostTensor | ReducedTensor> {
  const [rows, columns] = shape as [number, number];
  const values = new Uint8Array(rows * columns);
  const scales = new Float32Array(isByRow ? rows : columns);
  const places = isByRow ? (r: number): number => r : (_: number, c: number): number => c;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const at = places(r, c);
      scales[at] = Math.max(scales[at]!, Math.abs(data[r * columns + c]!) / 127);
    }
  }
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const of = scales[places(r, c)]!;
      // A row of zeros stays one.
      values[r * columns + c] = ZERO + (of === 0 ? 0 : Math.round(data[r * columns + c]! / of));
    }
  }
  return {
    [matrix]: { shape: [rows, columns], dtype: 'uint8', data: values },
    [scale]: { shape: isByRow ? [rows, 1] : [1, columns], dtype: 'float32', data: scales },
  };
}
