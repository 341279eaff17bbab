/** @file What a process trains on here, as `distillery plan` describes devices. */

import os from 'node:os';
import { deviceOfGpu, processorOf, type Device } from '../../distill/planning/devices';

/** The smallest of the GPUs, or a process's share of the processors and of their memory. */
export function deviceHere(gpus: readonly { name: string; bytes: number }[], processes: number): Device {
  const [smallest] = gpus.toSorted((a, b) => a.bytes - b.bytes);
  return smallest ? deviceOfGpu(smallest) : processorHere(processes);
}

/** This machine's processors, divided among so many processes. */
export function processorHere(processes = 1): Device {
  const gigahertz = Math.max(1, ...os.cpus().map(({ speed }) => speed / 1000));
  const cores = Math.max(1, Math.floor(os.availableParallelism() / processes));
  return processorOf(cores, gigahertz, os.totalmem() / processes);
}
