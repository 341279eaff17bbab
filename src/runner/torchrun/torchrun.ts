/** @file How a run's trainings are divided among Python's processes: what the experiment asks for, and what the machine has. */

import os from 'node:os';
import type { Experiment, ResolvedExperiment } from '../../experiment/file/schema';
import type { torchrunStrategies } from '../../protocol/torchrun';
import { findInterpreter, type Interpreter } from './interpreter';

export interface Torchrun {
  interpreter: Interpreter;
  /** Workers on this machine. */
  processes: number;
  /** Of each worker. */
  threads: number;
  /** "auto" depends on the model: `strategyFor`. */
  strategy: (typeof torchrunStrategies)[number];
}

/** Bytes that a trained parameter takes on each device where it is not divided: itself, its gradient and two moments in float32. */
const BYTES_A_PARAMETER = 16;

/** Of a device's memory; the rest is for activations, logits and the teacher. */
const SHARE_FOR_STATE = 0.5;

/**
 * One worker a GPU, or one on the processor, unless the experiment says how many.
 * @throws ComplaintError where there is no Python with PyTorch
 */
export async function openTorchrun(
  experiment: Pick<Experiment | ResolvedExperiment, 'torchrun' | 'threads'>,
): Promise<Torchrun> {
  const interpreter = await findInterpreter(experiment);
  const { processes = 'auto', strategy = 'auto' } = experiment.torchrun ?? {};
  const count = processes === 'auto' ? Math.max(1, interpreter.gpus.length) : processes;
  const threads = Math.max(1, Math.floor((experiment.threads ?? os.availableParallelism()) / count));
  return { interpreter, processes: count, threads, strategy };
}

/** "auto": parameters, gradients and moments are divided where they would take more than half of a device's memory. */
export function strategyFor({ interpreter, processes, strategy }: Torchrun, parameters: number): 'ddp' | 'fsdp' {
  if (strategy !== 'auto') return strategy;
  const least = Math.min(...interpreter.gpus.map(({ bytes }) => bytes));
  return processes > 1 && BYTES_A_PARAMETER * parameters > SHARE_FOR_STATE * least ? 'fsdp' : 'ddp';
}
