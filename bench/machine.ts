/** @file The machine that a benchmark runs on. */

import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Machine } from './report';

/** From what Linux says that the processor has, the one that matters most for products. */
const INSTRUCTIONS: readonly (readonly [string, string])[] = [
  ['amx_bf16', 'AMX'],
  ['avx512_bf16', 'AVX-512 with bfloat16'],
  ['avx512f', 'AVX-512'],
  ['avx2', 'AVX2'],
];

const flagsOf = (cpuinfo: string): ReadonlySet<string> => new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(' '));

const cpuinfo = (): string => readFileSync('/proc/cpuinfo', 'utf8');

/** Whether anything in bfloat16 is worth to be measured: without its instructions OpenVINO refuses it, and PyTorch imitates it. */
export function computesBfloat16(): boolean {
  const flags = flagsOf(cpuinfo());
  return flags.has('amx_bf16') || flags.has('avx512_bf16');
}

/** @param text of /proc/cpuinfo */
export function instructionsOf(text: string): string {
  const flags = flagsOf(text);
  return INSTRUCTIONS.find(([flag]) => flags.has(flag))?.[1] ?? os.arch();
}

export const machine = (threads: number): Machine => ({
  date: new Date().toISOString().slice(0, 10),
  processor: os.cpus()[0]?.model.trim() ?? os.arch(),
  instructions: instructionsOf(cpuinfo()),
  cores: os.cpus().length,
  threads,
  system: os.type(),
  load: os.loadavg()[0]!,
});

/** A file's name for what this machine measures. */
export const machineName = ({ processor, instructions }: Machine): string =>
  `${processor} ${instructions}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
