/** @file The op tests against libtensorflow through tfjs-node's own kernels; what its own runner leaves out is left out here. */

import { openExecutor } from '../../src/engine/engines';
import type { Exclusion } from './result';
import { runSuite } from './suite';

/** Of tfjs's kernels, the ones that tfjs-node has never had. */
const absent = [
  'BitwiseAnd DenseBincount MaxPoolWithArgmax RaggedGather RaggedRange RaggedTensorToTensor SearchSorted SparseFillEmptyRows',
  'SparseReshape SparseSegmentMean SparseSegmentSum StringNGrams StringSplit StringToHashBucketFast Transform',
]
  .join(' ')
  .split(' ');

const NAN = 'what becomes of NaN';

const exclude: readonly Exclusion[] = [
  ...absent.map((kernel) => ({
    failure: new RegExp(`Kernel '${kernel}' not registered`),
    reason: 'kernels that tfjs-node does not have',
  })),
  { failure: /TF Backend supports only 'valid' and 'same' padding/, reason: 'padding by numbers' },
  { failure: /does not support dataFormat:'NCHW'/, reason: 'images with channels first' },
  {
    failure: /attr 'T' of \w+ is not in the list of allowed values/,
    reason: 'types that TensorFlow has no kernel for',
  },
  { spec: 'scatterND ', failure: /must match dimensions/, reason: 'shapes that TensorFlow checks more strictly' },
  { spec: 'avgPool3d ', failure: /output size would be negative/, reason: 'windows larger than the image' },
  { spec: 'conv2dTranspose ', failure: /could not create a primitive/, reason: 'strides that oneDNN refuses' },
  { spec: 'einsum ', failure: /Expected function to throw/, reason: 'does more than tfjs allows' },
  { spec: 'sign ', failure: /NaN/, reason: NAN },
  { spec: 'unique 1d tensor with NaN', reason: NAN },
  { spec: 'tan numbers exceed float32 precision', reason: 'compared to more digits than float32 has' },
  { spec: 'multinomial creates the same data given the same seed', reason: 'random numbers of its own' },
];

await openExecutor('tfjs-node', { threads: 1 });
await runSuite({ backend: 'tensorflow', isDataSync: true, exclude, oneIn: Number(process.argv[3] ?? 1) });
