/** @file Engines and precisions by the names under which experiment files ask for them, and what they compute on. */

export const engineNames = [
  'cpu',
  'openvino',
  'webgpu',
  'cuda',
  'directml',
  'coreml',
  'tfjs-node',
  'tfjs-node-gpu',
  'tfjs-wasm',
] as const;

export type EngineName = (typeof engineNames)[number];

/** "float32", or "bfloat16": products in bfloat16; softmaxes, losses, master weights and the update in float32. */
export const precisions = ['float32', 'bfloat16'] as const;

export type Precision = (typeof precisions)[number];

/** How an optimizer's moments are kept between updates, which compute in float32 either way. */
export const momentFormats = ['float32', 'bfloat16'] as const;

export type MomentFormat = (typeof momentFormats)[number];

/** The engine that keeps them in fewer bits. */
export const engineOfMoments = {
  bfloat16: 'openvino',
} as const satisfies Readonly<Record<Exclude<MomentFormat, 'float32'>, EngineName>>;

/** Number formats of a frozen teacher. */
export const teacherPrecisions = ['float32', 'float16', 'int8'] as const;

export type TeacherPrecision = (typeof teacherPrecisions)[number];

/** The engine that asks a teacher in fewer bits, faster than in float32. */
export const engineOfTeacherPrecision = {
  float16: 'webgpu',
  int8: 'cpu',
} as const satisfies Readonly<Record<Exclude<TeacherPrecision, 'float32'>, EngineName>>;

/** What several engines share: one run at a time trains on it. */
export type DeviceKind = 'cpu' | 'gpu';

interface EngineFacts {
  device: DeviceKind;
  precisions: readonly Precision[];
  /** Operating systems (`process.platform`) it exists on; all where absent. */
  systems?: readonly string[];
  /** Others always beat it: it is there to be asked for by name, and "auto" does not measure it. */
  isNeverFastest?: true;
  /** It has no kernel that sorts, which the comparison of language models with different tokenizers needs. */
  cannotSort?: true;
}

const float32 = ['float32'] as const;

export const engineFacts: Readonly<Record<EngineName, EngineFacts>> = {
  cpu: { device: 'cpu', precisions: float32 },
  openvino: { device: 'cpu', precisions },
  webgpu: { device: 'gpu', precisions: float32, cannotSort: true },
  cuda: { device: 'gpu', precisions: float32, systems: ['linux'] },
  directml: { device: 'gpu', precisions: float32, systems: ['win32'] },
  coreml: { device: 'gpu', precisions: float32, systems: ['darwin'] },
  'tfjs-node': { device: 'cpu', precisions: float32, isNeverFastest: true },
  'tfjs-node-gpu': { device: 'gpu', precisions: float32, systems: ['linux', 'win32'] },
  'tfjs-wasm': { device: 'cpu', precisions: float32, isNeverFastest: true },
};

/** The engines that can sort. */
export const enginesThatSort = (): EngineName[] => engineNames.filter((name) => !engineFacts[name].cannotSort);

/** The engines that compute in a precision. */
export function enginesWith(precision: Precision): EngineName[] {
  return engineNames.filter((name) => engineFacts[name].precisions.includes(precision));
}
