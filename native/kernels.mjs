/** @file tfjs-node's backend and kernels, for the bundle dist/tensorflow/kernels.js. */

import '@tensorflow/tfjs-node-gpu/src/register_all_kernels';
export { NodeJSKernelBackend } from '@tensorflow/tfjs-node-gpu/src/nodejs_kernel_backend';
