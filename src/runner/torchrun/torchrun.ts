/** @file What a run's trainings are divided among: processes of this machine, or of hosts elsewhere, as the experiment asks for. */

import os from 'node:os';
import { deviceNamed, type Device } from '../../distill/planning/devices';
import type { Experiment, ResolvedExperiment } from '../../experiment/file/schema';
import { complaint, ComplaintError } from '../../protocol/problem';
import { devicesOf, type torchrunStrategies } from '../../protocol/torchrun';
import { rememberHost } from '../devices/hosts';
import { findInterpreter, requireCompiler, type Interpreter } from './interpreter';
import { Host, NO_CONNECTION, ThisMachine } from './ssh';
import { deviceHere } from './device-here';

export interface Torchrun {
  /** Where they are, if not here. */
  host?: Host;
  interpreter: Interpreter;
  /** Workers of each host. */
  processes: number;
  hosts: number;
  /** Of each worker. */
  threads: number;
  /** Of each worker: a GPU, or its share of the processors. */
  device: Device;
  /** Where it is trained as a job of that host's cluster: how many processes each of its hosts has; undefined: as many as GPUs are found there. */
  slurm?: { processes: number | undefined };
  /** "auto" depends on the model: `strategyFor`. */
  strategy: (typeof torchrunStrategies)[number];
}

/**
 * One worker a GPU, or one on the processor, unless the experiment says how many.
 * @throws ComplaintError where there is no Python with PyTorch, torch.compile is asked for and does not work, or it is to be trained elsewhere
 */
export async function openTorchrun(
  experiment: Pick<Experiment | ResolvedExperiment, 'torchrun' | 'threads'>,
  on?: string,
): Promise<Torchrun> {
  const { processes = 'auto', strategy = 'auto', where = 'local', hosts = 1 } = experiment.torchrun ?? {};
  if (where === 'ssh' && on === undefined) throw new ComplaintError(complaint('torchrun-host-missing', {}));
  if (where === 'slurm') return openSlurm(experiment, on);
  if (where !== 'local' && where !== 'ssh') throw new ComplaintError(complaint('torchrun-where-exported', { where }));
  if (hosts > 1) throw new ComplaintError(complaint('torchrun-hosts-here', { hosts }));
  const host = where === 'ssh' ? new Host(on!) : undefined;
  const interpreter = await findInterpreter(experiment, host);
  if (host) await rememberHost(host.name, interpreter);
  if (experiment.torchrun?.compile) await requireCompiler(interpreter, host);
  const count = processes === 'auto' ? Math.max(1, interpreter.gpus.length) : processes;
  const cores = host ? interpreter.cores : os.availableParallelism();
  const threads = Math.max(1, Math.floor((experiment.threads ?? cores) / count));
  const device = deviceHere(interpreter.gpus, count);
  return { ...(host && { host }), interpreter, processes: count, hosts, threads, device, strategy };
}

/** What jobs are submitted, looked after and taken back with. */
const SLURM_PROGRAMS = 'sbatch squeue scancel';

/** From here, or from a host that ssh reaches. */
async function openSlurm(
  experiment: Pick<Experiment | ResolvedExperiment, 'torchrun' | 'threads'>,
  on?: string,
): Promise<Torchrun> {
  const host = on === undefined ? new ThisMachine() : new Host(on);
  const found = await host.run(`for program in ${SLURM_PROGRAMS}; do command -v $program || exit 1; done`);
  if (found.code === NO_CONNECTION) await host.ask(':');
  if (found.code !== 0) {
    throw new ComplaintError(
      on === undefined ? complaint('torchrun-slurm-not-here', {}) : complaint('torchrun-slurm-not-there', { host: on }),
    );
  }
  const interpreter = await findInterpreter(experiment, on === undefined ? undefined : host);
  if (on !== undefined) await rememberHost(on, interpreter);
  if (experiment.torchrun?.compile) await requireCompiler(interpreter, on === undefined ? undefined : host);
  const machines = machinesElsewhere(experiment);
  const { processes } = machines;
  return { ...machines, host, interpreter, processes: processes ?? 1, threads: 1, slurm: { processes } };
}

/**
 * What the hosts have that it is taken along to, as far as the experiment says: "auto" is one worker a device, and undefined where nobody
 * knows how many. Where no devices are named they are taken to be as this machine's processors.
 */
export function machinesElsewhere({ torchrun }: Pick<Experiment | ResolvedExperiment, 'torchrun'>): Pick<
  Torchrun,
  'device' | 'hosts' | 'strategy'
> & {
  processes: number | undefined;
} {
  const { processes = 'auto', strategy = 'auto', hosts = 1, devices } = torchrun ?? {};
  const named = devices === undefined ? undefined : devicesOf(devices);
  const count = processes === 'auto' ? named?.count : processes;
  const device = named ? deviceNamed(named.name)! : deviceHere([], count ?? 1);
  return { device, processes: count, hosts, strategy };
}
