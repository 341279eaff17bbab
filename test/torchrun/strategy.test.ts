/** Which strategy a training has: what `distillery plan` chooses, by the same function. */

import { expect, it } from 'vitest';
import { deviceNamed, deviceOfGpu } from '../../src/distill/planning/devices';
import type { TrainingSpec } from '../../src/experiment/file/blocks/training';
import type { Architecture } from '../../src/model/architecture';
import type { PreparedRun } from '../../src/runner/run/prepared-run';
import { createArchitecture } from '../../src/model/layouts/config';
import { deviceHere } from '../../src/runner/torchrun/device-here';
import { strategyFor } from '../../src/runner/torchrun/strategy';

const run = {
  experiment: { task: 'causal-lm', precision: 'bfloat16', dataset: { maxLength: 1024 } },
  data: { train: { length: 1e6 }, labelled: { length: 1e6 } },
} as unknown as PreparedRun;

const spec = { batchSize: 64, gradientAccumulation: 1, epochs: 1 } as TrainingSpec;

const decoder = (hiddenSize: number, layers: number): Architecture =>
  createArchitecture({
    family: 'llama',
    head: 'causal-lm',
    hiddenSize,
    layers,
    heads: hiddenSize / 128,
    intermediateSize: 4 * hiddenSize,
    vocabularySize: 32_000,
    maxPositions: 1024,
  });

const small = decoder(512, 6);
const seven = decoder(4096, 32);

const chosen = (student: Architecture, teacher: Architecture | undefined, strategy: 'auto' | 'ddp' = 'auto') =>
  strategyFor(
    run,
    { device: deviceNamed('H100')!, processes: 8, hosts: 1, strategy },
    {
      role: 'student',
      pairing: { student },
      teacher: teacher && { architecture: teacher },
      spec: { ...spec, gradientAccumulation: 1 },
    },
  );

it('a student that fits is whole on each device, one that does not is divided, and so is a teacher', () => {
  expect(chosen(small, small)).toEqual({ strategy: 'ddp', warnings: [] });
  expect(chosen(seven, undefined).strategy).toBe('fsdp');
  expect(chosen(seven, decoder(8192, 60)).strategy).toBe('fsdp with the teacher divided');
});

it('what is asked for is done, with a warning where it fits no device', () => {
  const { strategy, warnings } = chosen(seven, undefined, 'ddp');
  expect(strategy).toBe('ddp');
  expect(warnings[0]).toContain('does not fit');
});

it('processes on the processor share it, and are whole', () => {
  const plan = strategyFor(
    run,
    { device: deviceHere([], 4), processes: 4, hosts: 1, strategy: 'auto' },
    { role: 'control', pairing: { student: decoder(256, 1) }, spec: { ...spec, batchSize: 4 } },
  );
  expect(plan.strategy).toBe('ddp');
});

it.each([
  ['NVIDIA H100 80GB HBM3', 'H100'],
  ['NVIDIA H100 PCIe', 'H100-PCIe'],
  ['NVIDIA A100-SXM4-40GB', 'A100-40'],
  ['NVIDIA A100 80GB PCIe', 'A100-80'],
  ['NVIDIA L40S', 'L40S'],
  ['NVIDIA L4', 'L4'],
  ['NVIDIA GeForce RTX 4090', 'RTX-4090'],
  ['AMD Instinct MI300X', 'MI300X'],
  ['Another 9000', 'L4'],
])('%s is taken for %s, with the memory that it has', (name, known) => {
  const { operations, memoryRate } = deviceNamed(known)!;
  expect(deviceOfGpu({ name, bytes: 5e9 })).toMatchObject({ name, memoryBytes: 5e9, operations, memoryRate });
});

it('of several GPUs the smallest decides', () => {
  const gpus = [
    { name: 'NVIDIA H100 80GB HBM3', bytes: 80e9 },
    { name: 'NVIDIA L4', bytes: 24e9 },
  ];
  expect(deviceHere(gpus, 2).memoryBytes).toBe(24e9);
});
