/** @file The machine that a benchmark runs on. */

import os from 'node:os';
import { cpuinfo, instructionsOf } from './processor';
import type { Machine } from './report';

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
