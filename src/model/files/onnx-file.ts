/**
 * @file What an ONNX file says of itself (onnx.proto): inputs, outputs, sizes of its weights, files beside it. It is read by range and
 * within bounds; nothing is computed, and no library is loaded that would.
 */

import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { complaint, InputError } from '../../protocol/problem';
import { Malformed, ProtobufFile, type Field } from './protobuf';

/** TensorProto.DataType, of those that inputs and outputs of language models have. */
const ELEMENT_TYPES = { 1: 'float32', 6: 'int32', 7: 'int64', 9: 'bool', 10: 'float16', 11: 'float64' } as const;

/** Bytes of an element of each floating-point type, by TensorProto.DataType: what is counted as weights, with integers of quantized ones. */
const WEIGHT_TYPES = new Set([1, 2, 3, 10, 11, 16, 21, 22]);

export type OnnxType = (typeof ELEMENT_TYPES)[keyof typeof ELEMENT_TYPES];

/** An input or output. */
export interface OnnxValue {
  name: string;
  /** Absent of a type that no input of a language model has. */
  type?: OnnxType | undefined;
  /** Extents, undefined where they may be any; absent where the file does not say. */
  shape?: (number | undefined)[] | undefined;
}

export interface OnnxFile {
  path: string;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  /** Files that hold weights outside it; absolute, each once. */
  external: string[];
  /** Weights in it, as numbers. */
  parameters: number;
  /** Of it and of those files. */
  bytes: number;
}

/** Operators of ONNX and of onnxruntime itself. */
const KNOWN_DOMAINS = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'com.microsoft',
  'com.microsoft.nchwc',
  'ai.onnx.training',
]);

/** Subgraphs in subgraphs. */
const DEEPEST = 16;

interface External {
  location: string;
  offset: number;
  length: number | undefined;
  /** Where in the model it is named. */
  at: number;
}

interface Found {
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  initializers: Set<string>;
  external: External[];
  parameters: number;
  domains: Set<string>;
  /** Of functions that the file itself defines. */
  ownDomains: Set<string>;
}

/**
 * Reads the file's header, and looks whether the files that it names lie beside it and are long enough.
 * @throws InputError that names the file, where it is missing, cut off, no ONNX model, or has its weights or operators elsewhere
 */
export async function readOnnxFile(path: string): Promise<OnnxFile> {
  const found = readModel(path);
  const unknown = [...found.domains].filter((domain) => !KNOWN_DOMAINS.has(domain) && !found.ownDomains.has(domain));
  if (unknown.length > 0) throw InputError.at(path, 'onnx-custom-operators', { domains: unknown.slice(0, 5) });
  const external = await externalFiles(path, found.external);
  const sizes = await Promise.all([path, ...external].map(async (file) => (await stat(file)).size));
  return {
    path,
    // Older files list their weights among the inputs.
    inputs: found.inputs.filter(({ name }) => !found.initializers.has(name)),
    outputs: found.outputs,
    external,
    parameters: found.parameters,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

function readModel(path: string): Found {
  let file: ProtobufFile;
  try {
    file = new ProtobufFile(path);
  } catch {
    throw InputError.at(path, 'onnx-unreadable', {});
  }
  try {
    const found: Found = {
      inputs: [],
      outputs: [],
      initializers: new Set(),
      external: [],
      parameters: 0,
      domains: new Set(),
      ownDomains: new Set(),
    };
    const isModel = new ModelReader(file, found).model();
    if (!isModel) throw InputError.at(path, 'onnx-not-a-model', {});
    return found;
  } catch (error) {
    if (error instanceof Malformed) {
      throw InputError.at(path, 'onnx-damaged', { byte: error.at, reason: error.message });
    }
    throw error;
  } finally {
    file.close();
  }
}

/** Reads the few fields of onnx.proto that matter here. Their numbers stand there; a field is repeated where it comes again. */
class ModelReader {
  constructor(
    private readonly file: ProtobufFile,
    private readonly found: Found,
  ) {}

  /** Whether there is a graph in it. */
  model(): boolean {
    let hasGraph = false;
    for (const field of this.file.message({ start: 0, end: this.file.size })) {
      if (field.number === 7) {
        hasGraph = true;
        this.graph(field, 0);
      } else if (field.number === 8) this.operatorSet(field);
      else if (field.number === 25) this.functionOf(field);
    }
    return hasGraph;
  }

  private operatorSet(at: Field): void {
    for (const field of this.file.message(at)) if (field.number === 1) this.found.domains.add(this.file.text(field));
  }

  private functionOf(at: Field): void {
    for (const field of this.file.message(at)) {
      if (field.number === 7) this.node(field, 1);
      else if (field.number === 9) this.operatorSet(field);
      else if (field.number === 10) this.found.ownDomains.add(this.file.text(field));
    }
  }

  private graph(at: Field, depth: number): void {
    if (depth > DEEPEST) throw new Malformed(at.start, 'its graphs are too deep in each other');
    for (const field of this.file.message(at)) {
      if (field.number === 1) this.node(field, depth);
      else if (field.number === 5) this.tensor(field, depth === 0);
      else if (field.number === 15) this.sparseTensor(field);
      else if (depth === 0 && field.number === 11) this.found.inputs.push(this.value(field));
      else if (depth === 0 && field.number === 12) this.found.outputs.push(this.value(field));
    }
  }

  private node(at: Field, depth: number): void {
    for (const field of this.file.message(at)) if (field.number === 5) this.attribute(field, depth);
  }

  /** Tensors and graphs may be attributes of nodes too. */
  private attribute(at: Field, depth: number): void {
    for (const field of this.file.message(at)) {
      if (field.number === 5 || field.number === 10) this.tensor(field, false);
      else if (field.number === 6 || field.number === 11) this.graph(field, depth + 1);
      else if (field.number === 22 || field.number === 23) this.sparseTensor(field);
    }
  }

  private sparseTensor(at: Field): void {
    for (const field of this.file.message(at)) {
      if (field.number === 1 || field.number === 2) this.tensor(field, false);
    }
  }

  private tensor(at: Field, isInitializer: boolean): void {
    let size = 1;
    let type = 0;
    const external: Record<string, string> = {};
    for (const field of this.file.message(at)) {
      if (field.number === 1) for (const extent of this.file.numbers(field)) size *= extent;
      else if (field.number === 2) type = field.value ?? 0;
      else if (field.number === 8 && isInitializer) this.found.initializers.add(this.file.text(field));
      else if (field.number === 13) Object.assign(external, this.entry(field));
    }
    if (isInitializer && WEIGHT_TYPES.has(type) && Number.isSafeInteger(size)) this.found.parameters += size;
    if (Object.keys(external).length === 0) return;
    const { location = '', offset = '0', length } = external;
    const numbers = { offset: Number(offset), length: length === undefined ? undefined : Number(length) };
    this.found.external.push({ location, ...numbers, at: at.start });
  }

  /** StringStringEntryProto. */
  private entry(at: Field): Record<string, string> {
    let [key, value] = ['', ''];
    for (const field of this.file.message(at)) {
      if (field.number === 1) key = this.file.text(field);
      else if (field.number === 2) value = this.file.text(field);
    }
    return ['location', 'offset', 'length'].includes(key) ? { [key]: value } : {};
  }

  /** ValueInfoProto. */
  private value(at: Field): OnnxValue {
    const value: OnnxValue = { name: '' };
    for (const field of this.file.message(at)) {
      if (field.number === 1) value.name = this.file.text(field);
      if (field.number !== 2) continue;
      for (const type of this.file.message(field)) if (type.number === 1) Object.assign(value, this.tensorType(type));
    }
    return value;
  }

  private tensorType(at: Field): Pick<OnnxValue, 'type' | 'shape'> {
    const told: Pick<OnnxValue, 'type' | 'shape'> = {};
    for (const field of this.file.message(at)) {
      if (field.number === 1) told.type = ELEMENT_TYPES[field.value as keyof typeof ELEMENT_TYPES];
      if (field.number === 2) {
        const extents = [...this.file.message(field)].filter(({ number }) => number === 1);
        told.shape = extents.map((extent) => this.extent(extent));
      }
    }
    return told;
  }

  /** A number, or undefined where there is a name in its place, or nothing. */
  private extent(at: Field): number | undefined {
    for (const field of this.file.message(at)) {
      if (field.number === 1 && field.value !== undefined && field.value >= 1) return field.value;
    }
    return undefined;
  }
}

/** The files that the weights lie in. Each must be below the model's folder, be there, and be as long as the model says. */
async function externalFiles(path: string, named: readonly External[]): Promise<string[]> {
  const folder = dirname(path);
  const longest = new Map<string, number>();
  for (const { location, offset, length = 0, at } of named) {
    const end = offset + length;
    if (!Number.isSafeInteger(end) || offset < 0 || length < 0) {
      throw InputError.at(path, 'onnx-damaged', { byte: at, reason: 'the place of a weight is no number' });
    }
    longest.set(location, Math.max(longest.get(location) ?? 0, end));
  }
  const files: string[] = [];
  for (const [location, end] of longest) {
    // onnxruntime takes a name with a star for an address in memory.
    const isPlain = location !== '' && !/[*:\\\0]/.test(location) && !isAbsolute(location);
    if (!isPlain || location.split('/').includes('..')) throw outside(path, location);
    const file = join(folder, location);
    const known = await stat(file).catch(() => undefined);
    if (!known?.isFile()) throw InputError.at(path, 'onnx-data-missing', { name: location });
    if (!(await isBeside(path, file))) throw outside(path, location);
    if (known.size < end) {
      throw InputError.at(file, 'onnx-data-cut-off', { bytes: known.size, wanted: end });
    }
    files.push(file);
  }
  return files;
}

const outside = (path: string, name: string): InputError =>
  InputError.of(complaint('onnx-data-outside', { name: name.slice(0, 200) }), { file: path, line: 1, column: 1 });

/**
 * Whether a file really lies below the folder of the model, also where links lead to either: in a cache of Hugging Face both are links
 * to files that lie beside each other.
 */
async function isBeside(model: string, file: string): Promise<boolean> {
  const [real, ...folders] = await Promise.all([
    realpath(file),
    realpath(dirname(model)),
    realpath(model).then(dirname),
  ]);
  return folders.some((folder) => {
    const inside = relative(folder, real);
    return !inside.startsWith(`..${sep}`) && inside !== '..' && !isAbsolute(inside);
  });
}
