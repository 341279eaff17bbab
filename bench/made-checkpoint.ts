/** @file A checkpoint of any size, made tensor by tensor, so that its making takes little memory. */

import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { sizeOf } from '../src/engine/array';
import { randomStream } from '../src/engine/random';
import type { Architecture } from '../src/model/architecture';
import { writeGguf } from '../src/model/files/gguf-writer';
import {
  configFromArchitecture,
  createArchitecture,
  parameterCount,
  parameterShapes,
} from '../src/model/layouts/config';
import { storedParameter, type GgufArchitecture } from '../src/model/layouts/gguf';
import { ggufArchitectureFor, ggufKeys } from '../src/model/layouts/gguf-keys';
import { encodeFloat16 } from '../src/protocol/float16';
import { ggufOfTokenizer } from '../src/tokenizer/gguf-export';
import type { TokenizerConfig } from '../src/tokenizer/tokenizer-json';
import { checkTokenizerJson } from '../src/tokenizer/tokenizer-json';

/** What its weights are stored as. */
export const storedForms = ['F32', 'F16', 'BF16', 'GGUF F16', 'GGUF Q8_0'] as const;
export type StoredForm = (typeof storedForms)[number];

/** Whose tokenizer it has, byte-level BPE. */
const tokenizerFolder = 'examples/models/language-model-teacher';
const VOCABULARY = 4096;

/** A Llama of about so many bytes of float32, whose blocks have 3 or 50 million parameters. */
export function madeArchitecture(bytes: number): Architecture {
  const ofLayers = (layers: number): Architecture =>
    createArchitecture({
      family: 'llama',
      head: 'causal-lm',
      hiddenSize: bytes > 1e9 ? 2048 : 512,
      heads: 8,
      layers,
      vocabularySize: VOCABULARY,
      maxPositions: 128,
      tieWordEmbeddings: true,
    });
  const [one, two] = [parameterCount(ofLayers(1)), parameterCount(ofLayers(2))];
  return ofLayers(Math.max(1, Math.round((bytes / 4 - one) / (two - one)) + 1));
}

/** Random matrices, and norms of 1. @returns the folder, or the GGUF file in it */
export async function makeCheckpoint(folder: string, architecture: Architecture, form: StoredForm): Promise<string> {
  mkdirSync(folder, { recursive: true });
  if (form === 'GGUF F16' || form === 'GGUF Q8_0') {
    const file = path.join(folder, 'model.gguf');
    await makeGguf(file, architecture, form === 'GGUF F16' ? 'f16' : 'q8_0');
    return file;
  }
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(configFromArchitecture(architecture)));
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(path.join(tokenizerFolder, file), path.join(folder, file));
  }
  makeSafetensors(path.join(folder, 'model.safetensors'), architecture, form);
  return folder;
}

/** The same million values again and again: nothing that is measured depends on them. */
function valuesOf(shape: readonly number[]): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  if (shape.length === 1) return values.fill(1);
  for (let at = 0; at < values.length; at += million.length) {
    values.set(million.subarray(0, values.length - at), at);
  }
  return values;
}

const random = randomStream(1);
const million = Float32Array.from({ length: 2 ** 20 }, () => 0.04 * random() - 0.02);

const encoders: Record<'F32' | 'F16' | 'BF16', (values: Float32Array) => Float32Array | Uint16Array> = {
  F32: (values) => values,
  F16: encodeFloat16,
  BF16: (values) => {
    const words = new Uint32Array(values.buffer);
    const bits = new Uint16Array(words.length);
    for (let i = 0; i < words.length; i++) bits[i] = words[i]! >>> 16;
    return bits;
  },
};

function makeSafetensors(file: string, architecture: Architecture, form: keyof typeof encoders): void {
  const shapes = Object.entries(parameterShapes(architecture));
  const width = form === 'F32' ? 4 : 2;
  let end = 0;
  const entries = shapes.map(([name, shape]) => {
    const start = end;
    end += width * sizeOf(shape);
    return [name, { dtype: form, shape, data_offsets: [start, end] }];
  });
  const text = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const to = openSync(file, 'w');
  try {
    writeSync(to, length);
    writeSync(to, header);
    for (const [, shape] of shapes) writeSync(to, encoders[form](valuesOf(shape)));
  } finally {
    closeSync(to);
  }
}

async function makeGguf(file: string, architecture: Architecture, type: 'f16' | 'q8_0'): Promise<void> {
  const kind = ggufArchitectureFor(architecture) as GgufArchitecture;
  const read = (name: string): unknown => JSON.parse(readFileSync(path.join(tokenizerFolder, name), 'utf8'));
  const tokenizer = ggufOfTokenizer(
    checkTokenizerJson(read('tokenizer.json')),
    read('tokenizer_config.json') as TokenizerConfig,
    VOCABULARY,
  );
  const tensors = Object.entries(parameterShapes(architecture)).map(([parameter, ours]) => {
    const { name, shape } = storedParameter(kind, architecture, parameter, ours);
    const isVector = shape.length === 1;
    return [name, { shape, type: isVector ? 'f32' : type, values: () => valuesOf(shape) }] as const;
  });
  await writeGguf(file, { ...ggufKeys(architecture, kind), ...tokenizer }, Object.fromEntries(tensors));
}
