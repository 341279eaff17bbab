/** @file What a run's trainings are divided among: processes of this machine, or of hosts elsewhere, as the experiment asks for. */

import os from 'node:os';
import { deviceNamed, type Device } from '../../distill/planning/devices';
import type { Experiment, ResolvedExperiment } from '../../experiment/file/schema';
import { complaint, ComplaintError, type Complaint } from '../../protocol/problem';
import type { HostFacts } from '../../protocol/machine-records';
import type { RunHost } from '../../protocol/records';
import { devicesOf, hostNames, type torchrunStrategies } from '../../protocol/torchrun';
import { keepHost, rememberHost } from '../devices/hosts';
import { lookAtHost } from './check-host';
import { findInterpreter, requireCompiler, type Interpreter } from './interpreter';
import { meet } from './meeting';
import { Host, NO_CONNECTION, ThisMachine } from './ssh';
import { deviceHere } from './device-here';

export interface Torchrun {
  /** Where they are, if not here. */
  host?: Host;
  /** Hosts that train together with it, over ssh, each in a folder of its own. */
  others?: readonly Host[];
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

/** What hosts lack, each of them and all of it. */
export class HostsLack extends ComplaintError {
  constructor(readonly all: readonly [Complaint, ...Complaint[]]) {
    super(all[0]);
  }
}

/** Those that train, the first first; none where this machine does. */
export const hostsOf = ({ host, others = [] }: Pick<Torchrun, 'host' | 'others'>): Host[] =>
  host ? [host, ...others] : [];

/** As `run.json` has them. */
export function hostRecord(torchrun: Pick<Torchrun, 'host' | 'others'>): RunHost {
  const [name, ...others] = hostsOf(torchrun).map((host) => host.name);
  return { name: name!, others: others.length > 0 ? others : undefined };
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
  if (where === 'ssh') {
    if (on === undefined) throw new ComplaintError(complaint('torchrun-host-missing', {}));
    return openHosts(experiment, hostNames(on));
  }
  if (where === 'slurm') return openSlurm(experiment, on);
  if (where !== 'local') throw new ComplaintError(complaint('torchrun-where-exported', { where }));
  if (hosts > 1) throw new ComplaintError(complaint('torchrun-hosts-here', { hosts }));
  const interpreter = await findInterpreter(experiment);
  if (experiment.torchrun?.compile) await requireCompiler(interpreter);
  const count = processes === 'auto' ? Math.max(1, interpreter.gpus.length) : processes;
  const cores = os.availableParallelism();
  const threads = Math.max(1, Math.floor((experiment.threads ?? cores) / count));
  const device = deviceHere(interpreter.gpus, count);
  return { interpreter, processes: count, hosts, threads, device, strategy };
}

/**
 * Hosts that the person has named, each of which has what it needs, and which reach one another.
 * @throws ComplaintError
 */
async function openHosts(
  experiment: Pick<Experiment | ResolvedExperiment, 'torchrun' | 'threads'>,
  names: readonly string[],
): Promise<Torchrun> {
  const { processes = 'auto', strategy = 'auto', hosts = 1, rendezvous } = experiment.torchrun ?? {};
  const named = names.map((name) => new Host(name));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new ComplaintError(complaint('torchrun-host-twice', { host: twice }));
  if (named.length !== hosts) {
    throw new ComplaintError(complaint('torchrun-hosts-named', { hosts, named: named.length }));
  }
  const records = await Promise.all(named.map((host) => lookAtHost(host, experiment)));
  const [problem, ...more] = records.flatMap(({ problems }) => problems);
  if (problem) throw new HostsLack([problem, ...more]);
  // Where that cannot be kept the training begins all the same.
  for (const record of records) await keepHost(record).catch(() => undefined);
  const found = records.map((record) => record.found!);
  const words = found.map(({ torch, gpus }) => `PyTorch ${torch} ${gpus.length > 0 ? 'with' : 'without'} GPUs`);
  const other = words.findIndex((one) => one !== words[0]);
  if (other > 0) {
    const [first, host] = [names[0]!, names[other]!];
    throw new ComplaintError(
      complaint('torchrun-hosts-differ', { first, firstHas: words[0]!, host, has: words[other]! }),
    );
  }
  const [{ python, torch, gpus }] = found as [HostFacts];
  const interpreter = { python, torch: torch!, gpus, cores: Math.min(...found.map(({ cores = 1 }) => cores)) };
  if (experiment.torchrun?.compile) for (const host of named) await requireCompiler(interpreter, host);
  if (named.length > 1) await meet(named, python, rendezvous);
  const fewest = Math.min(...found.map((one) => one.gpus.length));
  const count = processes === 'auto' ? Math.max(1, fewest) : processes;
  const threads = Math.max(1, Math.floor((experiment.threads ?? interpreter.cores) / count));
  const device = deviceHere(
    found.flatMap((one) => one.gpus),
    count,
  );
  const [host, ...others] = named as [Host, ...Host[]];
  return { host, others, interpreter, processes: count, hosts, threads, device, strategy };
}

/** What jobs are submitted, looked after and taken back with. */
const SLURM_PROGRAMS = 'sbatch squeue scancel';

/** From here, or from a host that ssh reaches. */
async function openSlurm(
  experiment: Pick<Experiment | ResolvedExperiment, 'torchrun' | 'threads'>,
  on?: string,
): Promise<Torchrun> {
  const named = hostNames(on ?? '').length;
  if (named > 1) throw new ComplaintError(complaint('torchrun-slurm-hosts', { named }));
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
