/**
 * @file A model as an ONNX file that runs without this program: inputs and output under the names that other tools give them, of any batch and
 * length, in ONNX's own operators.
 */

import * as tf from '@tensorflow/tfjs-core';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { HostTensor } from '../../engine/array';
import { withFreeAxes, type FreeGraph, type SizedGraph } from '../../engine/graph/free-axes';
import type { ReducedWeights } from '../../engine/graph/graph';
import { lower } from '../../engine/graph/lowering';
import { encodeModel } from '../../engine/graph/onnx';
import { plainProduct } from '../../engine/graph/plain-product';
import { quantizeModel } from '../../engine/graph/quantized-model';
import { record } from '../../engine/graph/trace-backend';
import type { Architecture } from '../architecture';
import { logits } from '../computations/transformer';
import { parameterShapes } from '../layouts/config';
import type { Parameters } from '../parameters';
import { naming } from './atomic';

/** How weights are stored, and products computed. */
export type OnnxValues = 'f32' | 'int8';

/** Larger weights lie in a file of their own: a protobuf message may not exceed 2 GB. */
const MOST_INLINE = 2 ** 30;

/**
 * Writes the file, and where its weights are many NAME_data beside it, as other tools call it.
 * @param mostInline bytes of weights in the file itself
 * @returns the names of the files
 */
export async function writeOnnx(
  path: string,
  a: Architecture,
  parameters: Parameters,
  values: OnnxValues,
  mostInline = MOST_INLINE,
): Promise<string[]> {
  const { graph, inputs, outputs, weights } = onnxModel(a, parameters, values);
  const tensors = Object.values(weights);
  const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes <= mostInline) {
    const model = encodeModel(graph, weights, () => undefined, { inputs, outputs });
    await naming(path, writeFile(path, model));
    return [basename(path)];
  }
  const location = `${basename(path)}_data`;
  const offsets = new Map<object, number>();
  let end = 0;
  for (const tensor of tensors) {
    offsets.set(tensor, end);
    end += tensor.data.byteLength;
  }
  const locationOf = (tensor: object) => ({ location, offset: offsets.get(tensor)! });
  await naming(path, writeFile(path, encodeModel(graph, weights, locationOf, { inputs, outputs })));
  const data = join(dirname(path), location);
  const parts = tensors.map(
    ({ data: { buffer, byteOffset, byteLength } }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  await naming(data, writeFile(data, parts));
  return [basename(path), location];
}

/** The whole model as one graph, and what it has for weights. */
function onnxModel(
  a: Architecture,
  parameters: Parameters,
  values: OnnxValues,
): FreeGraph & { weights: ReducedWeights } {
  const recorded = modelGraph(a);
  const given = tokenInputs(a).map((name) => [name, recorded.inputs[name]!] as const);
  const free = { ...recorded, inputs: Object.fromEntries(given) };
  const weights: Record<string, HostTensor> = {};
  for (const [name, shape] of Object.entries(parameterShapes(a))) {
    // What the head does not read is not among the inputs.
    if (name in free.graph.inputs) weights[name] = { shape, dtype: 'float32', data: parameters[name]! };
  }
  if (values === 'f32') return { ...free, weights };
  const quantized = quantizeModel(free.graph, weights);
  return { ...free, ...quantized };
}

/** Name of what comes out, as other tools call it. */
export const onnxOutput = ({ head }: Architecture): string =>
  head === 'sentence-embedding' ? 'sentence_embedding' : 'logits';

/** Unlike any size of a model, and no products of each other. */
const BATCHES = [1009, 2003, 3001] as const;

/** Longer than any text that it can be given, so that every window and table of it shows. */
const lengthsFor = (a: Architecture): readonly number[] => {
  const longest = Math.max(a.maxPositions, 8);
  return [longest + 1, longest + 2, longest + 3];
};

function modelGraph(a: Architecture): FreeGraph {
  const lengths = lengthsFor(a);
  const recordings = BATCHES.map((batch, i) => recordedAt(a, batch, lengths[i]!, Math.max(...lengths)));
  return withFreeAxes(recordings as [SizedGraph, SizedGraph, SizedGraph], [...tokenInputs(a)]);
}

/** Names of what is given, as all tools call them. */
const tokenInputs = (a: Architecture): string[] => [
  'input_ids',
  'attention_mask',
  ...(a.typeVocabularySize > 1 ? ['token_type_ids'] : []),
];

function recordedAt(a: Architecture, batch: number, length: number, longest: number): SizedGraph {
  // The recording is longer than the model may be given: its tables are taken to be so too, and no window to be wider than they are.
  const window = a.slidingWindow === undefined ? undefined : Math.min(a.slidingWindow, a.maxPositions);
  const recorded: Architecture = {
    ...a,
    maxPositions: longest,
    ...(window !== undefined && { slidingWindow: window }),
  };
  const tokens = { shape: [batch, length], dtype: 'int32' } as const;
  const weights = Object.entries(parameterShapes(recorded)).map(
    ([name, shape]) => [name, { shape, dtype: 'float32' }] as const,
  );
  const inputs = {
    ...Object.fromEntries(tokenInputs(a).map((name) => [name, tokens])),
    ...Object.fromEntries(weights),
  };
  const { graph } = record('main', inputs, (tensors) => ({
    [onnxOutput(a)]: logits(recorded, tensors, {
      inputIds: tensors.input_ids as tf.Tensor2D,
      attentionMask: tf.cast(tensors.attention_mask as tf.Tensor2D, 'float32'),
      typeIds: tensors.token_type_ids as tf.Tensor2D | undefined,
      // As numbers of the program, and not as rows of a table: they follow from the length.
      positionIds: tf.tensor<tf.Rank.R2>(
        Int32Array.from({ length }, (_, i) => i),
        [1, length],
        'int32',
      ),
    }),
  }));
  return { graph: lower(graph, { FusedMatMul: [plainProduct] }), sizes: { batch, length } };
}
