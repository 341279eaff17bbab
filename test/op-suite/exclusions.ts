/** @file Which of tfjs's op tests the recorded engine is not expected to pass, each with its reason. */

import type { Engine } from '../../src/engine/engines';
import type { Exclusion } from './result';

/** Kernels that the table of rules lacks on purpose, by why no transformer, loss or optimizer of ours reaches them. */
const absent: Readonly<Record<string, string>> = {
  'images and convolutions':
    'AvgPool AvgPool3D BatchToSpaceND Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 CropAndResize DepthToSpace DepthwiseConv2dNative Dilation2D FlipLeftRight FusedBatchNorm FusedConv2D FusedDepthwiseConv2D LRN MaxPool MaxPool3D MaxPoolWithArgmax MirrorPad NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 ResizeBilinear ResizeNearestNeighbor SpaceToBatchND Transform',
  'complex numbers': 'Complex',
  'ragged and sparse tensors':
    'RaggedGather RaggedRange RaggedTensorToTensor SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSum SparseToDense',
  'functions that no model of ours computes':
    'Acos Acosh Asin Asinh Atan Atan2 Atanh Cosh Elu Expm1 IsFinite IsInf LeakyRelu Prelu Relu6 Round Selu Sinh Tan',
  'arithmetic of whole numbers': 'All Any BitwiseAnd FloorDiv Mod',
  'counting, sorting and searching, which the host does': 'Bincount DenseBincount Multinomial SearchSorted Unique',
  'look-ups by tuples of indices; ours are rows': 'GatherNd ScatterNd TensorScatterUpdate',
  'running sums': 'Cumprod Cumsum',
  'other forms of what is there': 'BroadcastArgs Diag Einsum LinSpace OneHot Reverse StridedSlice _FusedMatMul',
};

export const kernelsLeftOut: readonly Exclusion[] = Object.entries(absent).flatMap(([reason, kernels]) =>
  kernels.split(' ').map((kernel) => ({ failure: new RegExp(`Kernel '${kernel}' not registered`), reason })),
);

const everywhere: readonly Exclusion[] = [
  { failure: /the engine has no (string|complex64) tensors/, reason: 'texts stay on the host' },
  { failure: /'(readSync|time)' not yet implemented/, reason: 'values arrive asynchronously; profiling is elsewhere' },
  { failure: /GatherV2 with batchDims is not in the kernel table/, reason: 'look-ups with batch dimensions' },
  { spec: 'gather throws when index is out of bound', reason: 'indices are not known while recording' },
  { spec: 'throws when begin is negative', reason: 'another wording of the error' },
];

const NAN = 'what becomes of NaN: losses and gradients are checked for it, never computed with it';

/** OpenVINO has them; onnxruntime, which a new graph is checked by, has not. */
const WHOLE_PRODUCTS = 'products of whole numbers';

const EMPTY = 'tensors without elements, of which OpenVINO has none: no batch is empty';

const SHADERS_WITHOUT_NAN = "WebGPU's compilers may take for granted that there is no NaN";

/** Where an executor's own operators differ from tfjs's. */
const byEngine: Partial<Record<Engine, readonly Exclusion[]>> = {
  cpu: [
    { spec: 'argmax ignores NaNs', reason: NAN },
    { spec: 'argmin ignores NaNs', reason: NAN },
    { spec: 'max return NaNs', reason: NAN },
    { spec: 'min return NaNs', reason: NAN },
    { spec: 'sign ', failure: /= NaN, expected/, reason: NAN },
    { spec: 'exp int32', reason: 'compares e¹⁰ to more digits than float32 has' },
    { spec: 'matmul upcasts when dtypes dont match', reason: WHOLE_PRODUCTS },
    { spec: 'unsortedSegmentSum ignores negative segmentIds', reason: 'token ids are never negative' },
  ],
  openvino: [
    { failure: /(expected\[\d+\] = NaN|= NaN, expected)/, reason: NAN },
    // With AVX2 the first passes and the second fails; the first was seen to fail on a processor with AVX-512.
    { spec: 'greater', failure: /actual\[1\] = 1, expected\[1\] = 0/, reason: NAN, mayPass: true },
    { spec: 'argmax ignores NaNs', reason: NAN, mayPass: true },
    { spec: 'matmul upcasts when dtypes dont match', failure: /implementation for Gemm/, reason: WHOLE_PRODUCTS },
    { failure: /OpenVINO: invalid c input parameters/, reason: EMPTY },
    { spec: 'topk 1d array with k = 0', reason: EMPTY },
    { spec: 'topk lower-index element', failure: /out\.1 of TopK/, reason: 'which of equal elements comes first' },
    { spec: 'exp int32', reason: 'compares e¹⁰ to more digits than float32 has' },
    { spec: 'unsortedSegmentSum ignores negative segmentIds', reason: 'token ids are never negative' },
  ],
  webgpu: [
    { failure: /expected\[\d+\] = NaN/, reason: SHADERS_WITHOUT_NAN },
    {
      spec: 'topk',
      failure: /without a WebGPU kernel/,
      reason: 'places of sorted elements, which no kernel there reads',
    },
    { spec: 'cos gradient', reason: 'an imitated GPU knows sin and cos to three digits', mayPass: true },
    { spec: 'exp int32', reason: 'compares e¹⁰ to more digits than float32 has' },
    { spec: 'unsortedSegmentSum ignores negative segmentIds', reason: 'token ids are never negative' },
  ],
};

export function testsLeftOut(engine: Engine): readonly Exclusion[] {
  return [...everywhere, ...(byEngine[engine] ?? [])];
}
