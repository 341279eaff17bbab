/** @file Runs an ONNX model that others have exported, on onnxruntime's CPU, by the names of its inputs and outputs. */

import type { Tensor, TypedTensor } from 'onnxruntime-node';
import { decodeFloat16 } from '../../protocol/float16';
import { EXACT_BYTE_PRODUCTS, loadRuntime, LOG_NOTHING, type Runtime } from './ort-session';

/** What an input may be. */
export type InputType = 'int64' | 'int32' | 'float32' | 'float16' | 'bool' | 'float64';

/** Whole numbers, which the input gets as its own type. */
export interface Feed {
  type: InputType;
  shape: readonly number[];
  values: Int32Array;
}

export interface OnnxSession {
  /** @returns the output of that name, as float32. Throws what onnxruntime says. */
  run(feeds: Readonly<Record<string, Feed>>, output: string): Promise<{ shape: readonly number[]; data: Float32Array }>;
  release(): Promise<void>;
}

/**
 * Loads a model. Its operators are onnxruntime's own: no library with others is ever loaded. Throws what onnxruntime says.
 * @param model the path of the file, beside which its external data lies
 */
export async function openOnnxSession(model: string, { threads }: { threads?: number } = {}): Promise<OnnxSession> {
  const ort = await loadRuntime();
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: LOG_NOTHING,
    ...(threads !== undefined && { intraOpNumThreads: threads }),
    enableCpuMemArena: false,
    enableMemPattern: false,
    extra: { session: { intra_op: { allow_spinning: '0' }, ...EXACT_BYTE_PRODUCTS } },
  });
  return {
    run: async (feeds, output) => {
      const tensors = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, tensorOf(ort, feed)]));
      const results = await session.run(tensors, [output]);
      const result = results[output]!;
      return { shape: result.dims, data: floatsOf(result) };
    },
    release: () => session.release(),
  };
}

function tensorOf(ort: Runtime, { type, shape, values }: Feed): Tensor {
  switch (type) {
    case 'int64':
      return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape);
    case 'int32':
      return new ort.Tensor('int32', values, shape);
    case 'bool':
      return new ort.Tensor('bool', Uint8Array.from(values), shape);
    case 'float64':
      return new ort.Tensor('float64', Float64Array.from(values), shape);
    case 'float16':
      // Bit patterns; 0 and 1, as masks have them, are the only numbers of that type that are given.
      return new ort.Tensor(
        'float16',
        Uint16Array.from(values, (value) => (value === 0 ? 0 : 0x3c00)),
        shape,
      );
    case 'float32':
      return new ort.Tensor('float32', Float32Array.from(values), shape);
  }
}

function floatsOf(result: Tensor): Float32Array {
  if (result.type === 'float32') return (result as TypedTensor<'float32'>).data;
  if (result.type === 'float64') return Float32Array.from((result as TypedTensor<'float64'>).data);
  if (result.type === 'float16') {
    const { buffer, byteOffset, length } = result.data as Uint16Array;
    return decodeFloat16(new Uint16Array(buffer, byteOffset, length));
  }
  throw new TypeError(`the output is ${result.type}, no floating-point numbers`);
}
