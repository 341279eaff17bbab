/** @file Where an experiment is trained, whatever its file says: by an engine of this machine, on hosts, as jobs of a cluster. */

import { checkTorchrun } from '../../experiment/checks/check-settings';
import { Findings } from '../../experiment/checks/findings';
import { torchrunSchema } from '../../experiment/file/blocks/torchrun';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import type { Source } from '../../experiment/file/source';
import { InputError } from '../../protocol/problem';
import { hostNames, torchrunEngine } from '../../protocol/torchrun';

/** What a person says beside the file. */
export interface Placement {
  /** Trains with the engine torchrun on this host, over ssh; on several, with commas between them, together. */
  on?: string | undefined;
  /** Trains as a job of Slurm, submitted here or on that host, whatever the experiment's "where" is. */
  slurm?: boolean | undefined;
  /** Computes with this engine, whatever the experiment names or the run has had. */
  engine?: ResolvedExperiment['engine'] | undefined;
}

export const isPlaced = ({ on, slurm = false, engine }: Placement): boolean =>
  on !== undefined || engine !== undefined || slurm;

/** The same experiment, trained there. @param hosts how many are to be named; 1: as many as are */
export function placed(
  experiment: ResolvedExperiment,
  hosts: number,
  { on, slurm, engine }: Placement,
): ResolvedExperiment {
  const there = slurm ? bySlurm(experiment) : experiment;
  if (on !== undefined) return onHost(there, hosts, on);
  return engine === undefined ? there : here(there, engine);
}

/** The same experiment, trained on hosts that ssh reaches, or by the cluster of one. */
function onHost(experiment: ResolvedExperiment, hosts: number, on: string): ResolvedExperiment {
  const isSlurm = experiment.torchrun?.where === 'slurm';
  return {
    ...experiment,
    engine: torchrunEngine,
    torchrun: {
      ...torchrunSchema.parse({}),
      ...experiment.torchrun,
      ...(isSlurm ? { where: 'slurm' } : { where: 'ssh', hosts: hosts === 1 ? hostNames(on).length : hosts }),
    },
  };
}

/** The same, trained as a job of Slurm. */
const bySlurm = (experiment: ResolvedExperiment): ResolvedExperiment => ({
  ...experiment,
  engine: torchrunEngine,
  torchrun: { ...torchrunSchema.parse({}), ...experiment.torchrun, where: 'slurm' },
});

/** The same, computed on this machine. */
const here = (experiment: ResolvedExperiment, engine: ResolvedExperiment['engine']): ResolvedExperiment => ({
  ...experiment,
  engine,
  ...(experiment.torchrun &&
    experiment.torchrun.where !== 'local' && { torchrun: { ...experiment.torchrun, where: 'local', hosts: 1 } }),
});

/** Throws an InputError where the engine that an experiment is placed on has not what it asks for. */
export function requireEngine(experiment: ResolvedExperiment, source: Source, folder: string): void {
  const findings = new Findings(source, folder);
  checkTorchrun(experiment, findings);
  const [first, ...others] = findings.problems;
  if (first) throw new InputError([first, ...others]);
}
