/** @file Writes a recorded graph as an ONNX model (onnx.proto, IR version 9, operator set 20). */

import { Root, type Type } from 'protobufjs';
import { sizeOf, type HostTensor } from '../array';
import type { FreeGraph, ModelValue } from './free-axes';
import type { Attribute, Constant, Graph, Node, ReducedTensor } from './graph';
import { ONNX_TYPES } from './kernels/elementwise';

/** The messages and fields of onnx.proto that a recorded graph needs. */
const field = (id: number, type: string): { id: number; type: string } => ({ id, type });
const repeated = (id: number, type: string): { id: number; type: string; rule: string } => ({
  id,
  type,
  rule: 'repeated',
});

const schema = Root.fromJSON({
  nested: {
    AttributeProto: {
      fields: {
        name: field(1, 'string'),
        f: field(2, 'float'),
        i: field(3, 'int64'),
        s: field(4, 'bytes'),
        ints: { ...repeated(8, 'int64'), options: { packed: false } },
        type: field(20, 'int32'),
      },
    },
    NodeProto: {
      fields: {
        input: repeated(1, 'string'),
        output: repeated(2, 'string'),
        name: field(3, 'string'),
        opType: field(4, 'string'),
        attribute: repeated(5, 'AttributeProto'),
        domain: field(7, 'string'),
      },
    },
    StringStringEntryProto: { fields: { key: field(1, 'string'), value: field(2, 'string') } },
    TensorProto: {
      fields: {
        dims: { ...repeated(1, 'int64'), options: { packed: false } },
        dataType: field(2, 'int32'),
        name: field(8, 'string'),
        rawData: field(9, 'bytes'),
        externalData: repeated(13, 'StringStringEntryProto'),
        dataLocation: field(14, 'int32'),
      },
    },
    Dimension: { fields: { dimValue: field(1, 'int64'), dimParam: field(2, 'string') } },
    TensorShapeProto: { fields: { dim: repeated(1, 'Dimension') } },
    TensorTypeProto: { fields: { elemType: field(1, 'int32'), shape: field(2, 'TensorShapeProto') } },
    TypeProto: { fields: { tensorType: field(1, 'TensorTypeProto') } },
    ValueInfoProto: { fields: { name: field(1, 'string'), type: field(2, 'TypeProto') } },
    GraphProto: {
      fields: {
        node: repeated(1, 'NodeProto'),
        name: field(2, 'string'),
        initializer: repeated(5, 'TensorProto'),
        input: repeated(11, 'ValueInfoProto'),
        output: repeated(12, 'ValueInfoProto'),
      },
    },
    OperatorSetIdProto: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
    ModelProto: {
      fields: {
        irVersion: field(1, 'int64'),
        producerName: field(2, 'string'),
        graph: field(7, 'GraphProto'),
        opsetImport: repeated(8, 'OperatorSetIdProto'),
      },
    },
  },
});

/** onnxruntime's own operators. */
const CONTRIB = 'com.microsoft';

const modelType: Type = schema.lookupType('ModelProto');

/** AttributeProto.AttributeType. */
const FLOAT = 1;
const INT = 2;
const STRING = 3;
const INTS = 7;

/** TensorProto.DataLocation. */
const EXTERNAL = 1;

/** A model, and the bytes of its frozen inputs, which stand outside it: a protobuf message may not exceed 2 GB. */
export interface OnnxModel {
  readonly model: Uint8Array;
  /** Where they are, each under a file name of its own, so that they need not be copied into one block. */
  readonly frozen: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** Where ONNX's external data lies: a file name, or what an executor takes for one, and the first byte in it. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number | bigint;
}

/** What a model has as an initializer whose data lies outside it. */
type Initializer = HostTensor | ReducedTensor;

/** The model with the frozen inputs' data outside it. */
export function toOnnx(graph: Graph, frozenInputs: Readonly<Record<string, Initializer>> = {}): OnnxModel {
  const frozen: { path: string; data: Uint8Array }[] = [];
  const model = encodeModel(graph, frozenInputs, ({ data: { buffer, byteOffset, byteLength } }) => {
    const location = `frozen-${frozen.length}.bin`;
    frozen.push({ path: location, data: new Uint8Array(buffer, byteOffset, byteLength) });
    return { location, offset: 0 };
  });
  return { model, frozen };
}

/** What a model tells of its inputs and outputs where that is not what its graph has. */
type Interface = Pick<FreeGraph, 'inputs' | 'outputs'>;

/** The model alone. `locate` says of each frozen input where its data lies; in the model itself where it says nothing. */
export function encodeModel<T extends Initializer>(
  graph: Graph,
  frozenInputs: Readonly<Record<string, T>>,
  locate: (tensor: T) => ExternalData | undefined,
  told: Interface = interfaceOf(graph),
): Uint8Array {
  const frozen = Object.entries(frozenInputs).map(([name, tensor]) => frozenMessage(name, tensor, locate(tensor)));
  const message = {
    irVersion: 9,
    producerName: 'distillery',
    opsetImport: [
      { domain: '', version: 20 },
      ...(graph.nodes.some(({ domain }) => domain === CONTRIB) ? [{ domain: CONTRIB, version: 1 }] : []),
    ],
    graph: {
      name: graph.name,
      node: leavesLast(graph.nodes).map(nodeMessage),
      initializer: [...graph.constants.map(constantMessage), ...frozen],
      input: Object.entries(told.inputs)
        .filter(([name]) => !(name in frozenInputs))
        .map(([name, value]) => valueMessage(name, value)),
      output: Object.entries(told.outputs).map(([name, value]) => valueMessage(name, value)),
    },
  };
  return modelType.encode(message).finish();
}

/**
 * The nodes that no other reads, at the end and in reverse, but single numbers before them. onnxruntime computes depth-first from
 * the last such node, so that the recorded order is kept and the numbers come last: otherwise it computes the gradients of all
 * weights only when the backward pass has ended, and holds everything that they are made of until then.
 */
export function leavesLast(nodes: readonly Node[]): Node[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const isLeaf = ({ outputs }: Node): boolean => !outputs.some(({ name }) => read.has(name));
  const isNumber = ({ outputs }: Node): boolean => outputs.every(({ shape }) => sizeOf(shape) === 1);
  const leaves = nodes.filter(isLeaf).reverse();
  return [
    ...nodes.filter((node) => !isLeaf(node)),
    ...leaves.filter(isNumber),
    ...leaves.filter((node) => !isNumber(node)),
  ];
}

function nodeMessage(node: Node, index: number): object {
  return {
    name: `${index}`,
    opType: node.op,
    domain: node.domain,
    input: node.inputs,
    output: node.outputs.map((output) => output.name),
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeMessage(name, value, node.floats)),
  };
}

function attributeMessage(name: string, value: Attribute, floats: readonly string[]): object {
  if (typeof value === 'string') return { name, type: STRING, s: Buffer.from(value) };
  if (typeof value !== 'number') return { name, type: INTS, ints: value };
  return floats.includes(name) ? { name, type: FLOAT, f: value } : { name, type: INT, i: value };
}

function constantMessage({ value, data }: Constant): object {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name: value.name, dims: value.shape, dataType: ONNX_TYPES[value.type], rawData };
}

function interfaceOf({ inputs, outputs }: Graph): Interface {
  const told = (values: Graph['inputs']): Record<string, ModelValue> =>
    Object.fromEntries(Object.entries(values).map(([name, { dtype, shape }]) => [name, { type: dtype, shape }]));
  return { inputs: told(inputs), outputs: told(outputs) };
}

function valueMessage(name: string, { type, shape }: ModelValue): object {
  const dim = shape.map((extent) => (typeof extent === 'string' ? { dimParam: extent } : { dimValue: extent }));
  return { name, type: { tensorType: { elemType: ONNX_TYPES[type], shape: { dim } } } };
}

function frozenMessage(name: string, { shape, dtype, data }: Initializer, at: ExternalData | undefined): object {
  const told = { name, dims: shape, dataType: ONNX_TYPES[dtype] };
  if (!at) return { ...told, rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  const place = { location: at.location, offset: String(at.offset), length: String(data.byteLength) };
  return {
    ...told,
    dataLocation: EXTERNAL,
    externalData: Object.entries(place).map(([key, value]) => ({ key, value })),
  };
}
