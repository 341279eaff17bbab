/** @file A model as a GGUF file. */

import { headSizeOf, type Architecture } from '../architecture';
import { parameterShapes } from '../layouts/config';
import { type GgufArchitecture, ROPE_FACTORS, storedParameter } from '../layouts/gguf';
import { ggufArchitectureFor, ggufKeys } from '../layouts/gguf-keys';
import { llama3Factors } from '../layouts/gguf-rope';
import { layoutOf } from '../layouts/families';
import type { Parameters } from '../parameters';
import { ComplaintError } from '../../protocol/problem';
import { type GgufTensorToWrite, type KeyToWrite, writeGguf, type WrittenTypeName } from './gguf-writer';

/** llama.cpp's numbers of what most of a file's tensors are (`general.file_type`). */
const FILE_TYPES: Record<WrittenTypeName, number> = { f32: 0, f16: 1, q8_0: 7 };

/** Values of a block of Q8_0. */
const BLOCK = 32;

/**
 * Writes the file, atomically.
 * @param type of the matrices; what has no rows of whole blocks is float16, and vectors, for which llama.cpp asks it, are float32
 * @param more keys beside the model's: its name, its tokenizer
 * @throws ComplaintError where llama.cpp would compute something else with the model
 */
export async function saveGguf(
  path: string,
  architecture: Architecture,
  parameters: Parameters,
  { type, more }: { type: WrittenTypeName; more: Readonly<Record<string, KeyToWrite>> },
): Promise<void> {
  const kind = requireGgufArchitecture(architecture);
  const { positionEmbeddings } = layoutOf(architecture.family);
  const typeFor = (parameter: string, shape: readonly number[]): WrittenTypeName => {
    if (shape.length === 1 || parameter === positionEmbeddings) return 'f32';
    return type === 'q8_0' && shape.at(-1)! % BLOCK !== 0 ? 'f16' : type;
  };
  const tensors: Record<string, GgufTensorToWrite> = { ...ropeFactors(architecture) };
  for (const [parameter, ours] of Object.entries(parameterShapes(architecture))) {
    const stored = storedParameter(kind, architecture, parameter, ours);
    const values = (): Float32Array => stored.fromOurs(parameters[parameter]!);
    tensors[stored.name] = { shape: stored.shape, type: typeFor(parameter, stored.shape), values };
  }
  const general: Record<string, KeyToWrite> = {
    'general.type': { text: 'model' },
    'general.file_type': { uint32: FILE_TYPES[type] },
    'general.quantization_version': { uint32: 2 },
  };
  await writeGguf(path, { ...ggufKeys(architecture, kind), ...general, ...more }, tensors);
}

/** As which a model is written. @throws ComplaintError where llama.cpp would compute something else with it */
export function requireGgufArchitecture(architecture: Architecture): GgufArchitecture {
  const kind = ggufArchitectureFor(architecture);
  if ('code' in kind) throw new ComplaintError(kind);
  return kind;
}

function ropeFactors(a: Architecture): Record<string, GgufTensorToWrite> {
  const scaling = a.rotary?.scaling;
  if (scaling?.type !== 'llama3') return {};
  const factors = llama3Factors(scaling, { theta: a.rotary!.theta, headSize: headSizeOf(a) });
  return { [ROPE_FACTORS]: { shape: [factors.length], type: 'f32', values: () => factors } };
}
