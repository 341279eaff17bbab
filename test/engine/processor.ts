/** @file What this machine's processor can, for tests that are about it. */

import { processorFeatures } from '../../src/engine/openvino/cache';

const features = new Set(processorFeatures().split(' '));

export const hasBfloat16 = features.has('avx512_bf16');
export const hasAmx = features.has('amx_bf16');
export const hasAvx512Core = features.has('avx512bw') && features.has('avx512vl') && features.has('avx512dq');
