/** @file What the package in python/, which trains on PyTorch, has of what an experiment may ask for. */

import type { RunHost } from './records';

/** The engine's name in an experiment file. It is none of those that run recorded programs: it trains, and another engine does the rest. */
export const torchrunEngine = 'torchrun';

/** How the work is divided: the batch alone (DDP), or parameters, gradients and moments too (FSDP2). */
export const torchrunStrategies = ['auto', 'ddp', 'fsdp'] as const;

/** Where a training's processes are: this machine, hosts that the person names, or what a scheduler gives. */
export const launchers = ['local', 'ssh', 'slurm', 'kubernetes'] as const;

export type Launcher = (typeof launchers)[number];

/** Those that start an exported folder. */
export const schedulers = ['slurm', 'kubernetes'] as const satisfies Launcher[];

export type Scheduler = (typeof schedulers)[number];

/** Accelerators whose figures are known; `distill/planning/devices.ts` has them. */
export const deviceNames = [
  'H100',
  'H100-PCIe',
  'H200',
  'A100-40',
  'A100-80',
  'L4',
  'L40S',
  'RTX-4090',
  'MI300X',
] as const;

/** `8xH100`, or `H100` for one; case, spaces and dashes of a name do not matter. Undefined for another text. */
export function devicesOf(text: string): { count: number; name: (typeof deviceNames)[number] } | undefined {
  const [, count = '1', asked = ''] = /^(?:(\d{1,4})x)?(.+)$/i.exec(text) ?? [];
  const plain = (one: string): string => one.toLowerCase().replace(/[-_ ]/g, '');
  const name = deviceNames.find((one) => plain(one) === plain(asked));
  return name === undefined || Number(count) < 1 ? undefined : { count: Number(count), name };
}

/**
 * What a host may be called on a command line of ssh: a name, an address, with a user before it. It begins with a letter or a number, so that
 * it is never an option, and has nothing in it that a shell would read.
 */
export const hostPattern = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*$/;

/** Of several they are written with commas between them. */
export const hostNames = (text: string): string[] => text.split(',').map((name) => name.trim());

/** HOST:PORT. */
export const rendezvousPattern = /^[A-Za-z0-9][A-Za-z0-9.-]*:\d{1,5}$/;

/** Where dropout masks come from: those of the recorded engines to the last bit, or drawn on the device, which is faster. */
export const torchrunDraws = ['exact', 'device'] as const;

/** The oldest PyTorch that has all that is used: FSDP2 and a norm that is taken apart from the clipping. */
export const oldestTorch = [2, 6] as const;

/** All that train a run together. */
export const namesOfHosts = ({ name, others = [] }: RunHost): string[] => [name, ...others];
