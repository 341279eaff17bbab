/** @file OpenVINO's C library, called through koffi: typed functions, statuses as errors, long calls off the event loop. */

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { compileWith, koffi, type LibraryHandle } from '../native-calls';

type KoffiFunction = ReturnType<LibraryHandle['func']>;

/** A pointer to one of the library's objects. */
export type Handle = unknown;

/** Result and parameters of the functions in use, as openvino/c/openvino.h has them; variadic ones cannot be called off the event loop. */
const FUNCTIONS = {
  ov_core_create: ['int', '_Out_ void **core'],
  ov_core_set_properties: ['int', 'void *core, const char *device, size_t count, const ov_property_t *properties'],
  ov_core_get_property: ['int', 'void *core, const char *device, const char *key, _Out_ void **value'],
  ov_core_get_available_devices: ['int', 'void *core, _Out_ ov_available_devices_t *devices'],
  ov_available_devices_free: ['void', 'ov_available_devices_t *devices'],
  ov_core_read_model_from_memory_buffer: [
    'int',
    'void *core, const void *data, size_t size, void *weights, _Out_ void **model',
  ],
  ov_core_compile_model_props: [
    'int',
    'void *core, void *model, const char *device, size_t count, const ov_property_t *properties, _Out_ void **compiled',
  ],
  ov_core_import_model: ['int', 'void *core, const void *blob, size_t size, const char *device, _Out_ void **compiled'],
  ov_compiled_model_export_model: ['int', 'void *compiled, const char *path'],
  ov_model_free: ['void', 'void *model'],
  ov_compiled_model_free: ['void', 'void *compiled'],
  ov_compiled_model_create_infer_request: ['int', 'void *compiled, _Out_ void **request'],
  ov_infer_request_free: ['void', 'void *request'],
  ov_infer_request_set_tensor: ['int', 'void *request, const char *name, void *tensor'],
  ov_infer_request_infer: ['int', 'void *request'],
  ov_infer_request_get_profiling_info: ['int', 'void *request, _Out_ ov_profiling_info_list_t *list'],
  ov_profiling_info_list_free: ['void', 'ov_profiling_info_list_t *list'],
  ov_tensor_create_from_host_ptr: ['int', 'int type, ov_shape_t shape, void *data, _Out_ void **tensor'],
  ov_tensor_free: ['void', 'void *tensor'],
  ov_get_openvino_version: ['int', '_Out_ ov_version_t *version'],
  ov_version_free: ['void', 'ov_version_t *version'],
  ov_get_last_err_msg: ['const char *', ''],
  ov_get_error_info: ['const char *', 'int status'],
  ov_free: ['void', 'void *memory'],
} as const;

type FunctionName = keyof typeof FUNCTIONS;

interface ProfilingInfo {
  status: number;
  /** Microseconds. */
  realTime: number | bigint;
  nodeType: string;
  executedAs: string;
}

/** ov_profiling_info_t's status of a node that was neither skipped nor optimized out. */
const EXECUTED = 2;

/** What one kernel of a compiled graph took. */
export interface KernelTime {
  operator: string;
  /** The plugin's word for how it ran, for example `brgemm_avx512_amx_bf16`. */
  implementation: string;
  milliseconds: number;
}

type Properties = Readonly<Record<string, string>>;

const propertyList = (properties: Properties): { key: string; value: string }[] =>
  Object.entries(properties).map(([key, value]) => ({ key, value }));

let declared = false;

/** Types are global to koffi, so they are declared once. */
function declareTypes(): void {
  if (declared) return;
  declared = true;
  koffi.struct('ov_shape_t', { rank: 'int64_t', dims: 'int64_t *' });
  koffi.struct('ov_property_t', { key: 'const char *', value: 'const char *' });
  koffi.struct('ov_version_t', { buildNumber: 'const char *', description: 'const char *' });
  koffi.struct('ov_available_devices_t', { devices: 'const char **', size: 'size_t' });
  koffi.struct('ov_profiling_info_t', {
    status: 'int',
    realTime: 'int64_t',
    cpuTime: 'int64_t',
    nodeName: 'const char *',
    executedAs: 'const char *',
    nodeType: 'const char *',
  });
  koffi.struct('ov_profiling_info_list_t', { infos: 'ov_profiling_info_t *', size: 'size_t' });
}

/** The C library's file in a folder of flat shared-library files. */
function libraryFile(folder: string): string {
  const pattern =
    { win32: /^openvino_c\.dll$/i, darwin: /^libopenvino_c.*\.dylib$/ }[process.platform as string] ??
    /^libopenvino_c\.so/;
  const file = readdirSync(folder).find((name) => pattern.test(name));
  if (file === undefined) throw new Error(`${folder} holds no OpenVINO C library`);
  return path.join(folder, file);
}

export class OpenVinoLibrary {
  private readonly functions: Readonly<Record<FunctionName, KoffiFunction>>;
  /** The library's root object: devices, their properties, the compiler. Lives as long as the process. */
  private readonly core: Handle;
  /** Cores of which a device has properties, by these: importing takes them from there, where compiling is told them. */
  private readonly configured = new Map<string, Handle>();

  /** @throws Error with the system's own words where the library or one that it needs cannot be loaded */
  constructor(folder: string) {
    declareTypes();
    const library = koffi.load(libraryFile(folder));
    const entries = Object.entries(FUNCTIONS).map(([name, [result, parameters]]) => [
      name,
      library.func(`${result} ${name}(${parameters})`),
    ]);
    this.functions = Object.fromEntries(entries) as Record<FunctionName, KoffiFunction>;
    this.core = this.create('ov_core_create');
  }

  /** Calls a function that returns nothing, or whose result is wanted as it is. */
  call(name: FunctionName, ...args: unknown[]): unknown {
    return this.functions[name](...args) as unknown;
  }

  /** Calls a function that returns a status. */
  check(name: FunctionName, ...args: unknown[]): void {
    this.expectOk(this.call(name, ...args) as number);
  }

  /** Calls a function that returns a status, and an object or a number through its last parameter. */
  create(name: FunctionName, ...args: unknown[]): unknown {
    const out = [null];
    this.check(name, ...args, out);
    return out[0];
  }

  /** `check` on a thread of Node's pool. */
  async checkAsync(name: FunctionName, ...args: unknown[]): Promise<void> {
    const status = await new Promise<number>((resolve, reject) => {
      this.functions[name].async(...args, (error: Error | null, result: number) =>
        error ? reject(error) : resolve(result),
      );
    });
    this.expectOk(status);
  }

  /** `create` on a thread of Node's pool. */
  async createAsync(name: FunctionName, ...args: unknown[]): Promise<Handle> {
    const out = [null];
    await this.checkAsync(name, ...args, out);
    return out[0];
  }

  /** A property of a device in words, for example `OPTIMIZATION_CAPABILITIES` of `CPU`. */
  property(device: string, key: string): string {
    const text = this.create('ov_core_get_property', this.core, device, key);
    try {
      return koffi.decode(text, 'char', -1) as string;
    } finally {
      this.call('ov_free', text);
    }
  }

  /** `CPU`, and `GPU` or `GPU.0`, `GPU.1` … where its plugin finds any. */
  devices(): string[] {
    const list = {} as { devices: unknown; size: number | bigint };
    this.check('ov_core_get_available_devices', this.core, list);
    try {
      return koffi.decode(list.devices, koffi.array('const char *', Number(list.size))) as string[];
    } finally {
      this.call('ov_available_devices_free', list);
    }
  }

  /** For example 2026.4.1. */
  version(): string {
    return this.build().split('-')[0]!;
  }

  /** The version with the build's number and commit. */
  build(): string {
    const version = {} as { buildNumber: string };
    this.check('ov_get_openvino_version', version);
    return version.buildNumber;
  }

  /** Reads an ONNX model and compiles it, off the event loop. The result is to be freed by `ov_compiled_model_free`. */
  compile(onnx: Uint8Array, device: string, properties: Properties): Promise<Handle> {
    return compileWith(() => this.readAndCompile(onnx, device, properties));
  }

  private async readAndCompile(onnx: Uint8Array, device: string, properties: Properties): Promise<Handle> {
    const model = await this.createAsync(
      'ov_core_read_model_from_memory_buffer',
      this.core,
      onnx,
      onnx.byteLength,
      null,
    );
    try {
      const list = propertyList(properties);
      return await this.createAsync('ov_core_compile_model_props', this.core, model, device, list.length, list);
    } finally {
      this.call('ov_model_free', model);
    }
  }

  /**
   * Writes a compiled graph to a file.
   * @param file in a path that the library can open: where it cannot, this throws
   */
  async export(compiled: Handle, file: string): Promise<void> {
    await this.checkAsync('ov_compiled_model_export_model', compiled, file);
  }

  /**
   * The reverse of `export`, with the properties that it was compiled with. To be freed as what was compiled.
   * @param blob stays where it is until then: the graph's constants are read there
   */
  async import(blob: Uint8Array, device: string, properties: Properties): Promise<Handle> {
    const core = this.coreWith(device, properties);
    return compileWith(() => this.createAsync('ov_core_import_model', core, blob, blob.byteLength, device));
  }

  private coreWith(device: string, properties: Properties): Handle {
    const key = JSON.stringify([device, properties]);
    let core = this.configured.get(key);
    if (core === undefined) {
      core = this.create('ov_core_create');
      const list = propertyList(properties);
      this.check('ov_core_set_properties', core, device, list.length, list);
      this.configured.set(key, core);
    }
    return core;
  }

  /** The kernels that a request's last run executed, each with the mean of all runs of its compiled graph, whichever request they were of. */
  profile(request: Handle): KernelTime[] {
    const list = {} as { infos: unknown; size: number | bigint };
    this.check('ov_infer_request_get_profiling_info', request, list);
    try {
      const infos = koffi.decode(list.infos, koffi.array('ov_profiling_info_t', Number(list.size))) as ProfilingInfo[];
      return infos
        .filter(({ status }) => status === EXECUTED)
        .map(({ nodeType, executedAs, realTime }) => ({
          operator: nodeType,
          implementation: executedAs,
          milliseconds: Number(realTime) / 1000,
        }));
    } finally {
      this.call('ov_profiling_info_list_free', list);
    }
  }

  private expectOk(status: number): void {
    if (status === 0) return;
    const message = (this.call('ov_get_last_err_msg') ?? this.call('ov_get_error_info', status)) as string;
    throw new Error(`OpenVINO: ${message.trim()}`);
  }
}
