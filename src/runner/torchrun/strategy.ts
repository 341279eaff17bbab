/** @file How a training is divided among processes: the rule of `distillery plan`, for the devices that are here or that the experiment names. */

import { planScaling, type Strategy } from '../../distill/planning/scaling';
import type { Objective, Pairing } from '../../distill/pairing';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import type { Architecture } from '../../model/architecture';
import type { Role } from '../../protocol/records';
import type { PreparedRun } from '../run/prepared-run';
import type { Torchrun } from './torchrun';

/** A training on hard labels alone has no objective; nothing of this one but its hidden states enters a plan. */
const noObjective: Objective = {
  temperature: 1,
  alpha: 0,
  divergence: 'forward-kl',
  beta: 0.5,
  scaleByTemperatureSquared: false,
};

export interface Divided {
  role: Role;
  pairing: Pairing;
  teacher?: { architecture: Architecture } | undefined;
  spec: TrainingSpec;
}

/**
 * Strategy of one training, and what the plan says where a batch fits no device: it is trained as the file has it all the same, since the
 * arithmetic is on the safe side.
 */
export function strategyFor(
  { experiment, data }: Pick<PreparedRun, 'experiment' | 'data'>,
  { device, processes, hosts, strategy }: Pick<Torchrun, 'device' | 'processes' | 'hosts' | 'strategy'>,
  { role, pairing, teacher, spec }: Divided,
): { strategy: Strategy; warnings: string[] } {
  const { chosen, reason, notes } = planScaling(
    {
      student: pairing.student,
      teachers: teacher ? [teacher.architecture] : [],
      teacher: 'asked',
      objective: pairing.objective ?? noObjective,
      task: experiment.task,
      length: experiment.dataset.maxLength,
      batchSize: spec.batchSize,
      gradientAccumulation: spec.gradientAccumulation,
      precision: experiment.precision,
      rows: role === 'student' ? data.train.length : data.labelled.length,
      epochs: spec.epochs,
      stored: { values: 'auto' },
      recomputesBlocks: experiment.torchrun?.activationCheckpointing,
    },
    { device, devices: processes, hosts },
    strategy,
  );
  const fits = chosen.fits && chosen.batchSize === spec.batchSize;
  return { strategy: chosen.strategy, warnings: fits ? [] : [[reason, ...notes].join(' ')] };
}
