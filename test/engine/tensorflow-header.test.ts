import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import { koffi } from '../../src/engine/native-calls';

/** The addon as its own sources make it. */
interface Addon extends Record<`TF_${string}`, number> {
  createTensor(shape: number[], type: number, values: unknown): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): ArrayLike<number> | Uint8Array[];
  executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): Output[];
  getNumOfTensors(): number;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): Output[];
  getNumOfSavedModels(): number;
}
type AnyFunction = (...args: unknown[]) => unknown;
interface Attribute {
  name: string;
  type: number;
  value: unknown;
}
interface Output {
  id: number;
  shape: number[];
  dtype: number;
}

const root = path.resolve();
const header = readFileSync(path.join(root, 'native', 'tensorflow.h'), 'utf8');
const binding = path.join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu', 'binding');
const [compiler = '', ...compilerOptions] = (process.env.CXX ?? 'c++').split(' ');
const canCompile = !spawnSync(compiler, ['--version']).error;
const installed = findLibrary('tensorflow');
const libraryFile = { linux: 'libtensorflow_cc.so.2', darwin: 'libtensorflow_cc.2.dylib' }[process.platform as string];

/** What the header declares of the library: each function's whole prototype by its name. */
const prototypes = new Map(
  [
    .../extern "C" \{(.*)\} {2}\/\/ extern "C"/s
      .exec(header)![1]!
      .replace(/\/\/.*/g, '')
      .matchAll(/\w[^;]*;/g),
  ].map(([prototype]) => [/\b(TFE?_\w+)\(/.exec(prototype)![1]!, prototype]),
);

/** The numbers that an enumeration of the header gives to its names. */
function numbersOf(name: string): Record<string, number> {
  const [, body] = new RegExp(`enum ${name} : int \\{([^}]*)\\}`).exec(header)!;
  return Object.fromEntries(
    [...body!.matchAll(/(\w+) = (\d+)/g)].map(([, key, value]) => [key!, Number(value)] as const),
  );
}

describe('our header of libtensorflow', () => {
  it("declares the functions that tfjs-node's addon and it itself call, and no other", () => {
    const sources = readdirSync(binding).map((name) => readFileSync(path.join(binding, name), 'utf8'));
    const own = header.split('}  // extern "C"')[1]!;
    const called = [...sources, own].join('\n').match(/\bTFE?_(?!Auto|TString_)\w+(?=\()/g)!;
    expect([...prototypes.keys()].sort()).toEqual([...new Set(called)].sort());
  });

  it.each(['TF_DataType', 'TF_AttrType'])('declares of %s what the addon names, and no other', (name) => {
    const sources = readdirSync(binding).map((file) => readFileSync(path.join(binding, file), 'utf8'));
    const word = (key: string): boolean => sources.some((text) => new RegExp(`\\b${key}\\b`).test(text));
    expect(Object.keys(numbersOf(name)).filter((key) => !word(key))).toEqual([]);
  });
});

describe.skipIf(!canCompile || installed === undefined || libraryFile === undefined)(
  'our header of libtensorflow, compared with the installed library',
  () => {
    let folder: string;
    let addon: Addon;
    let library: ReturnType<typeof koffi.load>;

    beforeAll(() => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-header-'));
      process.env.TF_CPP_MIN_LOG_LEVEL = '3';
      // That of the program, compiled anew where the header or the sources have changed.
      const file = path.join(root, 'dist', 'tensorflow', 'tfjs_binding.node');
      const script =
        "import { buildAddon } from './scripts/build-addon.mjs'; const problem = await buildAddon(process.argv[1]); if (problem) throw new Error(problem);";
      execFileSync(process.execPath, ['--input-type=module', '--eval', script, file], { cwd: root });
      library = koffi.load(path.join(installed!, libraryFile!));
      addon = createRequire(import.meta.url)(file) as Addon;
    });
    afterAll(() => rm(folder, { recursive: true }));

    /** A function of the library, called by the words of our header: addresses and numbers. */
    function declared(name: string): AnyFunction {
      return library.func(
        prototypes
          .get(name)!
          .replace(/void \(\*deallocate\)\([^)]*\)/, 'void* deallocate')
          .replace(/\bTF_(Code|DataType|AttrType)\b/g, 'int')
          .replace(/\bTFE?_\w+(?=\s*[*])/g, 'void')
          .replace(/\s+/g, ' ')
          .replace(';', ''),
      ) as AnyFunction;
    }

    /** A function of the library that the addon has no use for, and so is not in the header. */
    const other = (prototype: string): AnyFunction => library.func(prototype) as AnyFunction;

    it('finds each declared function among its symbols', () => {
      const missing = [...prototypes.keys()].filter((name) => {
        try {
          return typeof declared(name) !== 'function';
        } catch {
          return true;
        }
      });
      expect(missing).toEqual([]);
    });

    it('has its version', () => {
      expect(declared('TF_Version')()).toBe(path.basename(installed!));
      expect(addon.TF_Version).toBe(path.basename(installed!));
    });

    it('calls success by the same number, and errors by others', () => {
      const { TF_OK } = numbersOf('TF_Code');
      const status = declared('TF_NewStatus')();
      expect(declared('TF_GetCode')(status)).toBe(TF_OK);
      const set = other('void TF_SetStatus(void* status, int code, const char* message)');
      for (let code = 1; code <= 16; code++) {
        set(status, code, `error ${code}`);
        expect(declared('TF_GetCode')(status)).toBe(code);
        expect(declared('TF_Message')(status)).toBe(`error ${code}`);
      }
      declared('TF_DeleteStatus')(status);
      expect(() => addon.executeOp('NoSuchOp', [], [], 1)).toThrow("'NoSuchOp' is neither");
    });

    const typeAttribute = (name: string, value: number): Attribute => ({ name, type: addon.TF_ATTR_TYPE!, value });
    const floats = (values: number[], shape = [values.length]): number =>
      addon.createTensor(shape, addon.TF_FLOAT!, new Float32Array(values));
    const run = (name: string, attributes: Attribute[], ...inputs: number[]): Output =>
      addon.executeOp(name, attributes, inputs, 1)[0]!;
    const valuesOf = ({ id }: Output): number[] => Array.from(addon.tensorDataSync(id) as ArrayLike<number>, Number);

    it('has elements of the declared types: their sizes and names', () => {
      /** By what the library calls them, with their bytes, where all are as long. */
      const types: Record<string, [name: string, bytes: number]> = {
        TF_FLOAT: ['float', 4],
        TF_INT32: ['int32', 4],
        TF_UINT8: ['uint8', 1],
        TF_STRING: ['string', 0],
        TF_COMPLEX64: ['complex64', 8],
        TF_INT64: ['int64', 8],
        TF_BOOL: ['bool', 1],
        TF_RESOURCE: ['resource', 0],
      };
      const numbers = numbersOf('TF_DataType');
      expect(Object.keys(numbers).sort()).toEqual(Object.keys(types).sort());
      const [x, zero] = [floats([1]), addon.createTensor([], addon.TF_INT32!, new Int32Array(1))];
      for (const [key, [name, bytes]] of Object.entries(types)) {
        expect(addon[key as `TF_${string}`]).toBe(numbers[key]);
        if (bytes > 0) expect(Number(declared('TF_DataTypeSize')(numbers[key]))).toBe(bytes);
        // The first takes no floats, the second nothing else, and each says the name of the type that it does not take.
        const refused =
          key === 'TF_FLOAT'
            ? () => run('ArgMax', [typeAttribute('output_type', numbers[key]!)], x, zero)
            : () => run('RandomStandardNormal', [typeAttribute('dtype', numbers[key]!)], zero);
        expect(refused).toThrow(`of ${name} is not in the list of allowed values`);
      }
    });

    it('has attributes of the declared kinds', () => {
      const numbers = numbersOf('TF_AttrType');
      const status = declared('TF_NewStatus')();
      const options = declared('TFE_NewContextOptions')();
      const context = declared('TFE_NewContext')(options, status);
      const kindOf = other(
        'int TFE_OpGetAttrType(void* op, const char* name, _Out_ unsigned char* isList, void* status)',
      );
      const attributes = {
        TF_ATTR_STRING: ['StringJoin', 'separator'],
        TF_ATTR_INT: ['StringJoin', 'N'],
        TF_ATTR_FLOAT: ['LeakyRelu', 'alpha'],
        TF_ATTR_BOOL: ['MatMul', 'transpose_b'],
        TF_ATTR_TYPE: ['MatMul', 'T'],
        TF_ATTR_SHAPE: ['EnsureShape', 'shape'],
      };
      const kinds = Object.entries(attributes).map(([key, [name, attribute]]) => {
        const op = declared('TFE_NewOp')(context, name, status);
        const kind = kindOf(op, attribute, [0], status);
        declared('TFE_DeleteOp')(op);
        return [key, kind];
      });
      expect(Object.fromEntries(kinds)).toEqual(numbers);
      declared('TFE_DeleteContext')(context);
      declared('TFE_DeleteContextOptions')(options);
      declared('TF_DeleteStatus')(status);
    });

    it('takes attributes of each kind, and lists of them, as they are declared', () => {
      const T = typeAttribute('T', addon.TF_FLOAT!);
      const x = floats([-2, 1.5, 2]);
      const attribute = (name: string, kind: string, value: unknown): Attribute => ({
        name,
        type: addon[`TF_ATTR_${kind}`]!,
        value,
      });
      expect(valuesOf(run('LeakyRelu', [T, attribute('alpha', 'FLOAT', 0.25)], x))).toEqual([-0.5, 1.5, 2]);
      expect(valuesOf(run('Bucketize', [T, attribute('boundaries', 'FLOAT', [-3, 1.5, 1.75])], x))).toEqual([1, 2, 3]);

      const [a, b] = [floats([1, 2, 3, 4], [2, 2]), floats([1, 10, 100, 1000], [2, 2])];
      const transposed = [T, attribute('transpose_a', 'BOOL', false), attribute('transpose_b', 'BOOL', true)];
      expect(valuesOf(run('MatMul', transposed, a, b))).toEqual([21, 2100, 43, 4300]);
      // No operation has a list of truths: this one says what it was given.
      expect(() => run('LeakyRelu', [T, attribute('alpha', 'BOOL', [true, false])], x)).toThrow("type 'list(bool)'");

      const deep = floats([5, 6], [1, 2, 1, 1]);
      expect(run('Squeeze', [T, attribute('squeeze_dims', 'INT', [0, 3])], deep).shape).toEqual([2, 1]);
      const two = [attribute('num', 'INT', 2), attribute('axis', 'INT', 1), T];
      expect(addon.executeOp('Unpack', two, [a], 2).map(valuesOf)).toEqual([
        [1, 3],
        [2, 4],
      ]);

      const cast = run('Cast', [typeAttribute('SrcT', addon.TF_FLOAT!), typeAttribute('DstT', addon.TF_INT32!)], x);
      expect([cast.dtype, valuesOf(cast)]).toEqual([addon.TF_INT32, [-2, 1, 2]]);

      expect(run('EnsureShape', [T, attribute('shape', 'SHAPE', [-1])], x).shape).toEqual([3]);
      expect(() => run('EnsureShape', [T, attribute('shape', 'SHAPE', [3, -1, 5])], x)).toThrow('[3,?,5]');
    });

    it('counts in as many bits as declared', () => {
      const status = declared('TF_NewStatus')();
      const long = 2 ** 33;
      const { TF_FLOAT } = numbersOf('TF_DataType');
      const tensor = declared('TF_AllocateTensor')(TF_FLOAT, BigInt64Array.of(BigInt(long), 0n), 2, 0);
      expect(declared('TF_TensorType')(tensor)).toBe(TF_FLOAT);
      expect(declared('TF_NumDims')(tensor)).toBe(2);
      expect([0, 1].map((axis) => Number(declared('TF_Dim')(tensor, axis)))).toEqual([long, 0]);
      expect(Number(declared('TF_TensorElementCount')(tensor))).toBe(0);
      expect(Number(declared('TF_TensorByteSize')(tensor))).toBe(0);
      const handle = declared('TFE_NewTensorHandle')(tensor, status);
      expect(declared('TFE_TensorHandleDataType')(handle)).toBe(TF_FLOAT);
      expect(declared('TFE_TensorHandleNumDims')(handle, status)).toBe(2);
      expect([0, 1].map((axis) => Number(declared('TFE_TensorHandleDim')(handle, axis, status)))).toEqual([long, 0]);
      declared('TFE_DeleteTensorHandle')(handle);
      declared('TF_DeleteTensor')(tensor);
      declared('TF_DeleteStatus')(status);

      const words = addon.createTensor(
        [3],
        addon.TF_STRING!,
        ['a', 'b', 'c'].map((word) => Buffer.from(word)),
      );
      const buckets = { name: 'num_buckets', type: addon.TF_ATTR_INT!, value: 2 ** 52 };
      expect(Math.max(...valuesOf(run('StringToHashBucketFast', [buckets], words)))).toBeGreaterThan(2 ** 40);
    });

    it('holds tensors of each type, and frees what is shared with JavaScript', () => {
      const before = addon.getNumOfTensors();
      const given: [number, ArrayLike<number>][] = [
        [addon.TF_FLOAT!, new Float32Array([1.5, -2])],
        [addon.TF_INT32!, new Int32Array([3, -4])],
        [addon.TF_UINT8!, new Uint8Array([5, 255])],
        [addon.TF_BOOL!, new Uint8Array([1, 0])],
      ];
      for (const [type, values] of given) {
        const tensor = addon.createTensor([1, 2], type, values);
        const doubled = run(
          'Tile',
          [typeAttribute('T', type)],
          tensor,
          addon.createTensor([2], addon.TF_INT32!, new Int32Array([2, 1])),
        );
        expect([doubled.shape, doubled.dtype]).toEqual([[2, 2], type]);
        if (type !== addon.TF_UINT8) expect(valuesOf(doubled)).toEqual([...Array.from(values), ...Array.from(values)]);
        addon.deleteTensor(tensor);
        addon.deleteTensor(doubled.id);
        addon.deleteTensor(tensor + 1);
      }
      expect(addon.getNumOfTensors()).toBe(before);

      const T = typeAttribute('T', addon.TF_FLOAT!);
      const complex = run('Complex', [T, typeAttribute('Tout', addon.TF_COMPLEX64!)], floats([1, 2]), floats([3, 4]));
      expect([complex.dtype, valuesOf(complex)]).toEqual([addon.TF_COMPLEX64, [1, 3, 2, 4]]);
      const long = addon.createTensor([1], addon.TF_INT64!, new Int32Array([-1, 1]));
      const same = run('Identity', [typeAttribute('T', addon.TF_INT64!)], long);
      expect([same.dtype, valuesOf(same)]).toEqual([addon.TF_INT64, [2 ** 32 + 2 ** 32 - 1]]);
      const variable = run('VarHandleOp', [
        typeAttribute('dtype', addon.TF_FLOAT!),
        { name: 'shape', type: addon.TF_ATTR_SHAPE!, value: [2] },
      ]);
      expect([variable.dtype, variable.shape]).toEqual([addon.TF_RESOURCE, []]);
    });

    it('runs a saved model, whose outputs are counted as declared', () => {
      const home = path.join(folder, 'model');
      writeSavedModel(home);
      const model = addon.loadSavedModel(home, 'serve');
      expect(addon.getNumOfSavedModels()).toBe(1);
      const x = floats([1, 2, 3, 4, 5, 6], [2, 3]);
      const outputs = addon.runSavedModel(model, [x], 'x:0', 'parts:1,parts:0');
      expect(outputs.map(({ shape }) => shape)).toEqual([[3], [3]]);
      expect(outputs.map(valuesOf)).toEqual([
        [4, 5, 6],
        [1, 2, 3],
      ]);
      addon.deleteSavedModel(model);
      expect(addon.getNumOfSavedModels()).toBe(0);
      expect(() => addon.loadSavedModel(path.join(folder, 'none'), 'serve')).toThrow('SavedModel');
    });

    /** Around the length from which a text no longer lies inside its string. */
    const lengths = [0, 1, 21, 22, 23, 24, 63, 64, 1000];
    const textOf = (length: number): string => 'abcdefghij'.repeat(100).slice(0, length);

    it('reads the strings that the addon writes, and writes ones that it reads', () => {
      const words = lengths.map((length) => new TextEncoder().encode(textOf(length)));
      const tensor = addon.createTensor([words.length], addon.TF_STRING!, words);
      expect(valuesOf(run('StringLength', [], tensor))).toEqual(lengths);
      const twice = run(
        'StringJoin',
        [
          { name: 'N', type: addon.TF_ATTR_INT!, value: 2 },
          { name: 'separator', type: addon.TF_ATTR_STRING!, value: ', ' },
        ],
        tensor,
        tensor,
      );
      const read = (addon.tensorDataSync(twice.id) as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString());
      expect(read).toEqual(lengths.map((length) => `${textOf(length)}, ${textOf(length)}`));
      addon.deleteTensor(tensor);
      addon.deleteTensor(twice.id);
    });

    describe('its strings, kind by kind', () => {
      /** Our inline functions as a library. */
      let ours: ReturnType<typeof koffi.load>;
      const STRING = 'void* string';
      beforeAll(() => {
        const [source, file] = [path.join(folder, 'strings.cc'), path.join(folder, 'strings.so')];
        writeFileSync(
          source,
          `#include "tensorflow.h"
          extern "C" size_t ours_bytes() { return sizeof(TF_TString); }
          extern "C" void ours_init(TF_TString* s) { TF_TString_Init(s); }
          extern "C" void ours_copy(TF_TString* s, const char* text, size_t size) { TF_TString_Copy(s, text, size); }
          extern "C" void ours_free(TF_TString* s) { TF_TString_Dealloc(s); }
          extern "C" size_t ours_size(const TF_TString* s) { return TF_TString_GetSize(s); }
          extern "C" const char* ours_text(const TF_TString* s) { return TF_TString_GetDataPointer(s); }`,
        );
        const options = ['-std=c++17', '-shared', '-fPIC', `-I${path.join(root, 'native')}`];
        execFileSync(compiler, [...compilerOptions, ...options, source, '-o', file]);
        ours = koffi.load(file);
      });

      const text = (side: 'ours' | 'theirs', string: Buffer): string => {
        const size =
          side === 'ours'
            ? ours.func(`size_t ours_size(${STRING})`)
            : library.func(`size_t TF_StringGetSize(${STRING})`);
        const data =
          side === 'ours'
            ? ours.func(`void* ours_text(${STRING})`)
            : library.func(`void* TF_StringGetDataPointer(${STRING})`);
        const length = Number(size(string));
        return length === 0 ? '' : Buffer.from(koffi.view(data(string), length)).toString();
      };

      it('are as long', () => {
        expect(Number(ours.func('size_t ours_bytes()')())).toBe(24);
      });

      it.each(lengths)('written by us, %i bytes are read, extended and freed by the library', (length) => {
        const string = Buffer.alloc(24, 0xff);
        ours.func(`void ours_init(${STRING})`)(string);
        ours.func(`void ours_copy(${STRING}, const char* text, size_t size)`)(string, textOf(length), length);
        expect(text('theirs', string)).toBe(textOf(length));
        expect(text('ours', string)).toBe(textOf(length));
        const capacity = Number(library.func(`size_t TF_StringGetCapacity(${STRING})`)(string));
        expect(capacity).toBeGreaterThanOrEqual(length);
        const longer = textOf(capacity).padEnd(capacity + 10, '!');
        library.func(`void TF_StringCopy(${STRING}, const char* text, size_t size)`)(string, longer, longer.length);
        expect(text('ours', string)).toBe(longer);
        library.func(`void TF_StringDealloc(${STRING})`)(string);
      });

      it.each(lengths)('written by the library, %i bytes are read, replaced and freed by us', (length) => {
        const string = Buffer.alloc(24, 0xff);
        library.func(`void TF_StringInit(${STRING})`)(string);
        library.func(`void TF_StringCopy(${STRING}, const char* text, size_t size)`)(string, textOf(length), length);
        expect(text('ours', string)).toBe(textOf(length));
        ours.func(`void ours_copy(${STRING}, const char* text, size_t size)`)(string, textOf(30), 30);
        expect(text('theirs', string)).toBe(textOf(30));
        ours.func(`void ours_free(${STRING})`)(string);
        expect(text('theirs', string)).toBe('');
      });

      it('that view the text of another are read by us, and leave it alone when they are freed', () => {
        const [string, other] = [Buffer.alloc(24), Buffer.from('the text of another, which is longer than 22 bytes')];
        library.func(`void TF_StringAssignView(${STRING}, const void* text, size_t size)`)(string, other, other.length);
        expect(text('ours', string)).toBe(other.toString());
        ours.func(`void ours_free(${STRING})`)(string);
        expect(text('theirs', string)).toBe('');
      });

      it('whose text lies at a distance are read alike', () => {
        // Nothing makes these: 2 in the two lowest bits of four bytes of length, then four bytes of distance.
        const string = Buffer.concat([Buffer.alloc(32), Buffer.from('at a distance')]);
        string.writeUInt32LE((13 << 2) | 2, 0);
        string.writeUInt32LE(32, 4);
        expect([text('ours', string), text('theirs', string)]).toEqual(['at a distance', 'at a distance']);
      });
    });
  },
);

/** A model that takes x [2, n] apart into its rows, in TensorFlow's saved_model.proto. */
function writeSavedModel(folder: string): void {
  const { root: types } = protobuf.parse(`syntax = "proto3";
    message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraph meta_graphs = 2; }
    message MetaGraph { MetaInfo meta_info_def = 1; Graph graph_def = 2; }
    message MetaInfo { repeated string tags = 4; }
    message Graph { repeated Node node = 1; }
    message Node { string name = 1; string op = 2; repeated string input = 3; map<string, Attribute> attr = 5; }
    message Attribute { oneof value { int64 i = 3; int32 type = 6; } }`);
  const float = { type: numbersOf('TF_DataType').TF_FLOAT };
  const node = [
    { name: 'x', op: 'Placeholder', attr: { dtype: float } },
    { name: 'parts', op: 'Unpack', input: ['x'], attr: { T: float, num: { i: 2 } } },
  ];
  const SavedModel = types.lookupType('SavedModel');
  const model = SavedModel.fromObject({
    savedModelSchemaVersion: 1,
    metaGraphs: [{ metaInfoDef: { tags: ['serve'] }, graphDef: { node } }],
  });
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'saved_model.pb'), SavedModel.encode(model).finish());
}
