/** @file What this machine's processor can, as Linux says it. */

import { readFileSync } from 'node:fs';
import os from 'node:os';
import { processorFeatures } from '../src/engine/openvino/cache';

/** From what Linux says that the processor has, the one that matters most for products. */
const INSTRUCTIONS: readonly (readonly [string, string])[] = [
  ['amx_bf16', 'AMX'],
  ['avx512_bf16', 'AVX-512 with bfloat16'],
  ['avx512f', 'AVX-512'],
  ['avx2', 'AVX2'],
];

export const cpuinfo = (): string => readFileSync('/proc/cpuinfo', 'utf8');

/** Whether anything in bfloat16 is worth to be measured: without its instructions OpenVINO refuses it, and PyTorch imitates it. */
export function computesBfloat16(): boolean {
  const flags = processorFeatures().split(' ');
  return flags.includes('amx_bf16') || flags.includes('avx512_bf16');
}

/** @param text of /proc/cpuinfo */
export function instructionsOf(text: string): string {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]?.split(' '));
  return INSTRUCTIONS.find(([flag]) => flags.has(flag))?.[1] ?? os.arch();
}
