/** @file What a training may be planned for: accelerators and the links between them, with their makers' figures. */

import { devicesOf, type deviceNames } from '../../protocol/torchrun';

/** Rates are the makers' peaks: dense (without sparsity), one direction of a link. */
export interface Device {
  name: string;
  memoryBytes: number;
  /** Matrix products with float32 accumulation, in operations a second. */
  operations: Readonly<Record<'float32' | 'bfloat16', number>>;
  /** Of its own memory, bytes a second. */
  memoryRate: number;
  /** To the other devices of its host. */
  link: Link;
  /** Between hosts, where nothing else is said. */
  network: NetworkName;
  /** Where the figures are from. */
  source: string;
}

export interface Link {
  name: string;
  /** One direction, of a device. */
  rate: number;
}

export interface Network {
  /** One direction, in bytes a second. */
  rate: number;
  /** Whether each device has an adapter of its own, or the host one for all. */
  each: 'device' | 'host';
  source: string;
}

/** PCI Express with 16 lanes: 16 and 32 GT/s a lane, 128b/130b (PCI-SIG, base specifications 4.0 and 5.0). */
const pcie4: Link = { name: 'PCIe 4.0', rate: 32e9 };
const pcie5: Link = { name: 'PCIe 5.0', rate: 64e9 };
/** "900 GB/s" and "600 GB/s" are both directions together. */
const nvlink4: Link = { name: 'NVLink 4', rate: 450e9 };
const nvlink3: Link = { name: 'NVLink 3', rate: 300e9 };

export const networks = {
  'infiniband-ndr': {
    rate: 50e9,
    each: 'device',
    source: 'NVIDIA DGX H100 data sheet: eight ConnectX-7 of 400 Gb/s, one a GPU',
  },
  'infiniband-hdr': {
    rate: 25e9,
    each: 'device',
    source: 'NVIDIA DGX A100 data sheet: eight ConnectX-6 of 200 Gb/s, one a GPU',
  },
  'ethernet-400g': { rate: 50e9, each: 'host', source: 'IEEE 802.3bs: 400 Gb/s' },
  'ethernet-100g': { rate: 12.5e9, each: 'host', source: 'IEEE 802.3ba: 100 Gb/s' },
  'ethernet-25g': { rate: 3.125e9, each: 'host', source: 'IEEE 802.3by: 25 Gb/s' },
  'ethernet-10g': { rate: 1.25e9, each: 'host', source: 'IEEE 802.3ae: 10 Gb/s' },
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof networks;

/** That a person may name in place of a device's own. */
export const links = { 'pcie-4': pcie4, 'pcie-5': pcie5 } as const satisfies Record<string, Link>;

const tera = 1e12;

/** A device's own float32 rate is that of ordinary float32 products: what computes with TF32 rounds them. */
export const devices: readonly (Device & { name: (typeof deviceNames)[number] })[] = [
  {
    name: 'H100',
    memoryBytes: 80e9,
    operations: { bfloat16: 989.4 * tera, float32: 66.9 * tera },
    memoryRate: 3.35e12,
    link: nvlink4,
    network: 'infiniband-ndr',
    source: 'NVIDIA H100 data sheet, SXM5 (1,979 TFLOPS are with sparsity)',
  },
  {
    name: 'H100-PCIe',
    memoryBytes: 80e9,
    operations: { bfloat16: 756 * tera, float32: 51 * tera },
    memoryRate: 2e12,
    link: pcie5,
    network: 'ethernet-100g',
    source: 'NVIDIA H100 data sheet, PCIe (1,513 TFLOPS are with sparsity)',
  },
  {
    name: 'H200',
    memoryBytes: 141e9,
    operations: { bfloat16: 989.4 * tera, float32: 66.9 * tera },
    memoryRate: 4.8e12,
    link: nvlink4,
    network: 'infiniband-ndr',
    source: 'NVIDIA H200 data sheet, SXM',
  },
  {
    name: 'A100-40',
    memoryBytes: 40e9,
    operations: { bfloat16: 312 * tera, float32: 19.5 * tera },
    memoryRate: 1.555e12,
    link: nvlink3,
    network: 'infiniband-hdr',
    source: 'NVIDIA A100 data sheet, SXM4 of 40 GB',
  },
  {
    name: 'A100-80',
    memoryBytes: 80e9,
    operations: { bfloat16: 312 * tera, float32: 19.5 * tera },
    memoryRate: 2.039e12,
    link: nvlink3,
    network: 'infiniband-hdr',
    source: 'NVIDIA A100 data sheet, SXM4 of 80 GB',
  },
  {
    name: 'L4',
    memoryBytes: 24e9,
    operations: { bfloat16: 121 * tera, float32: 30.3 * tera },
    memoryRate: 300e9,
    link: pcie4,
    network: 'ethernet-100g',
    source: 'NVIDIA L4 data sheet (242 TFLOPS are with sparsity)',
  },
  {
    name: 'L40S',
    memoryBytes: 48e9,
    operations: { bfloat16: 362.05 * tera, float32: 91.6 * tera },
    memoryRate: 864e9,
    link: pcie4,
    network: 'ethernet-100g',
    source: 'NVIDIA L40S data sheet (733 TFLOPS are with sparsity)',
  },
  {
    name: 'RTX-4090',
    memoryBytes: 24e9,
    operations: { bfloat16: 165.2 * tera, float32: 82.6 * tera },
    memoryRate: 1.008e12,
    link: pcie4,
    network: 'ethernet-10g',
    source: 'NVIDIA Ada GPU Architecture white paper, appendix A (bfloat16 with float32 accumulation)',
  },
  {
    name: 'MI300X',
    memoryBytes: 192e9,
    operations: { bfloat16: 1307.4 * tera, float32: 163.4 * tera },
    memoryRate: 5.3e12,
    // Seven links of 128 GB/s, both directions together.
    link: { name: 'Infinity Fabric', rate: 448e9 },
    network: 'infiniband-ndr',
    source: 'AMD Instinct MI300X data sheet',
  },
];

/** As a person may write it: `h100`, `RTX 4090`; undefined where there is none. */
export function deviceNamed(name: string): Device | undefined {
  return devices.find((device) => device.name === devicesOf(name)?.name);
}

/** As PyTorch calls them: "NVIDIA A100-SXM4-80GB", "NVIDIA GeForce RTX 4090". The first that fits is meant. */
const driverNames: readonly (readonly [RegExp, string])[] = [
  [/\bH200\b/, 'H200'],
  [/\bH100 PCIe\b/i, 'H100-PCIe'],
  [/\bH100\b/, 'H100'],
  [/\bA100\b.*\b40GB/, 'A100-40'],
  [/\bA100\b/, 'A100-80'],
  [/\bL40S\b/, 'L40S'],
  [/\bRTX 4090\b/, 'RTX-4090'],
  [/\bMI300X\b/, 'MI300X'],
  [/\bL4\b/, 'L4'],
];

/** A GPU that is here, with the memory that it has. One that is not in the table is taken to be as fast as the slowest in it. */
export function deviceOfGpu({ name, bytes }: { name: string; bytes: number }): Device {
  const known = driverNames.find(([pattern]) => pattern.test(name))?.[1] ?? 'L4';
  return { ...deviceNamed(known)!, name, memoryBytes: bytes };
}

/** Of one core in a cycle: two units of eight floats, a product and a sum each (Intel 64 optimization manual, AVX2 with FMA). */
const OPERATIONS_A_CYCLE = 32;

/** Two channels of DDR4-3200 (JEDEC JESD79-4): what a plain machine has at least. */
const HOST_MEMORY_RATE = 51.2e9;

/** A machine's processors; they compute bfloat16 no faster, as far as is known here. */
export function processorOf(cores: number, gigahertz: number, memoryBytes: number): Device {
  const rate = cores * gigahertz * 1e9 * OPERATIONS_A_CYCLE;
  return {
    name: `CPU with ${cores} core${cores === 1 ? '' : 's'}`,
    memoryBytes,
    operations: { float32: rate, bfloat16: rate },
    memoryRate: HOST_MEMORY_RATE,
    link: { name: 'memory', rate: HOST_MEMORY_RATE },
    network: 'ethernet-10g',
    source: 'cores and clock as the system tells them; AVX2 with FMA; two channels of DDR4-3200',
  };
}
