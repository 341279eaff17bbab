/** @file How a training's processes are started on a host and looked after: by its shell at once, or as a job of its Slurm cluster. */

import { writeFile, chmod } from 'node:fs/promises';
import path from 'node:path';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import type { SlurmJob } from '../../protocol/records';
import { packageFolder } from './interpreter';
import type { NetworkAddress } from './meeting';
import { runScript, slurmScript } from './scheduler';
import { quoted, type Host } from './ssh';
import type { Torchrun } from './torchrun';
import { keptErrors, MOST_RESTARTS } from './training';

/** A training's folder there, `THERE/JOB`; both below the home folder. */
export interface RemoteFolder {
  there: string;
  job: string;
}

/** A script of the POSIX shell for each. */
export interface Starting {
  /** Writes what it needs beside into the folder that is sent. */
  prepare(folder: string): Promise<void>;
  /** `joined`: where it is one of several hosts. */
  start: (joined?: Joined) => string;
  /** Succeeds where the processes are there, or are to come. */
  isAlive: string;
  /** Seconds between two looks. */
  every: number;
  /** Whether it may begin again by itself after its processes have failed. */
  comesAgain: boolean;
  /** Ends the processes that are there, without a checkpoint. */
  end: string;
  /** Takes back what has not begun yet, where the training is to stop. */
  cancel: string;
  /** Where it stands, while it is followed; `stateIn` reads it. Undefined where there is nothing between beginning and end. */
  state?: string;
  /** Says how it has ended, where it did not as it should: nothing, where that is not known. */
  ending: string;
}

/** A host among those that train together. */
interface Joined extends NetworkAddress {
  /** Of this start. */
  id: string;
  hosts: number;
  endpoint: string;
  isFirst: boolean;
}

/** Seconds in which all hosts have to be there again after one has gone. */
const JOIN_SECONDS = 300;

function meetingOf(joined: Joined | undefined): { options: string[]; environment: Record<string, string> } {
  if (!joined) return { options: ['--standalone', '--nnodes=1'], environment: {} };
  const { id, hosts, endpoint, isFirst, address, device } = joined;
  const options = [
    ...[`--nnodes=${hosts}`, '--rdzv-backend=c10d', `--rdzv-endpoint=${endpoint}`, `--rdzv-id=${id}`],
    ...[`--local-addr=${address}`, `--rdzv-conf=is_host=${isFirst},join_timeout=${JOIN_SECONDS}`],
  ];
  const names = device === null ? [] : ['GLOO_SOCKET_IFNAME', 'NCCL_SOCKET_IFNAME'];
  return { options, environment: Object.fromEntries(names.map((name) => [name, `\${${name}:-${device}}`])) };
}

export function startingOf(torchrun: Torchrun, experiment: ResolvedExperiment, folder: RemoteFolder): Starting {
  return torchrun.slurm ? bySlurm(torchrun, experiment, folder) : byShell(torchrun, folder);
}

/** What the shell there writes when a training's processes have ended. */
export const EXIT = /^\{"distillery": "exit", "code": (\d+)\}$/;

/** Its processes have no terminal and nobody who waits for them; what they say is in files. */
function byShell({ interpreter, processes, threads }: Torchrun, { there, job }: RemoteFolder): Starting {
  const kept = keptErrors(`${job}/logs`).map(quoted).join(' ');
  // Who asks this shell to end means what it waits for.
  const train = (options: readonly string[]): string =>
    `${quoted(interpreter.python)} -m torch.distributed.run ${options.map(quoted).join(' ')} --nproc-per-node=${processes} --max-restarts=${MOST_RESTARTS} ${kept} -m distillery_torch ${quoted(job)} & ` +
    `child=$!; trap 'kill $child' TERM; while :; do wait $child; code=$?; kill -0 $child 2> /dev/null || break; done; ` +
    `echo "{\\"distillery\\": \\"exit\\", \\"code\\": $code}"`;
  const environment = {
    PYTHONPATH: '$PWD/python',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    OMP_NUM_THREADS: String(threads),
    TORCH_DISABLE_SHARE_RDZV_TCP_STORE: '1',
  };
  const pid = quoted(`${there}/${job}/pid`);
  const isAlive = `kill -0 "$(cat ${pid} 2> /dev/null)" 2> /dev/null`;
  return {
    prepare: () => Promise.resolve(),
    start: (joined) => {
      const meeting = meetingOf(joined);
      const exported = Object.entries({ ...environment, ...meeting.environment });
      return [
        `cd ${quoted(there)}`,
        `rm -f ${quoted(`${job}/control.json`)}`,
        `export ${exported.map(([key, value]) => `${key}="${value}"`).join(' ')}`,
        `{ nohup sh -c ${quoted(train(meeting.options))} > ${quoted(`${job}/events`)} 2> ${quoted(`${job}/errors`)} < /dev/null & echo $! > ${quoted(`${job}/pid`)}; }`,
      ].join(' && ');
    },
    isAlive,
    every: 1,
    comesAgain: false,
    end: `kill "$(cat ${pid})" 2> /dev/null; while ${isAlive}; do sleep 1; done`,
    cancel: ':',
    ending: ':',
  };
}

/** A controller is asked by everybody, so not often. */
const SLURM_SECONDS = 10;

/** The folder of the mirror is where sbatch is called: on a file system that the nodes share. */
function bySlurm(torchrun: Torchrun, experiment: ResolvedExperiment, { there, job }: RemoteFolder): Starting {
  const number = quoted(`${there}/${job}/slurm`);
  const asked = `"$(cat ${number} 2> /dev/null)"`;
  const { interpreter, hosts } = torchrun;
  const machines = { processes: torchrun.slurm!.processes, hosts };
  return {
    prepare: async (folder) => {
      const up = path.posix.relative(job, '.');
      const program = { jobs: '', root: up, packages: packageName(), python: interpreter.python };
      await writeFile(path.join(folder, 'run.sh'), runScript([job], machines.processes, program));
      await chmod(path.join(folder, 'run.sh'), 0o755);
      await writeFile(path.join(folder, 'slurm.sh'), slurmScript(experiment, machines, [job], program));
    },
    // An earlier job's number does not stand for this one.
    start: () =>
      [
        `cd ${quoted(there)}`,
        `rm -f ${['control.json', 'slurm'].map((name) => quoted(`${job}/${name}`)).join(' ')}`,
        `: > ${quoted(`${job}/events`)}`,
        `: > ${quoted(`${job}/errors`)}`,
        `sbatch --parsable ${quoted(`${job}/slurm.sh`)} | cut -d ';' -f 1 > ${quoted(`${job}/slurm.new`)}`,
        `[ -s ${quoted(`${job}/slurm.new`)} ]`,
        `mv ${quoted(`${job}/slurm.new`)} ${quoted(`${job}/slurm`)}`,
      ].join(' && '),
    // A controller that does not answer has not said that the job is gone.
    isAlive: `{ [ -s ${number} ] && { said=$(squeue -h -o %T -j ${asked} 2>&1); code=$?; case "$said" in *[Ii]nvalid*) false ;; '') [ $code -ne 0 ] ;; *) true ;; esac; }; }`,
    every: SLURM_SECONDS,
    comesAgain: true,
    end: `scancel --full ${asked}`,
    cancel: `scancel --state=PENDING ${asked}`,
    state: `echo "job=$(cat ${number})"; squeue -h -o 'state=%T reason=%r' -j ${asked}`,
    ending: `sacct -n -X -P -o State -j ${asked} 2> /dev/null | grep . || scontrol show job -o ${asked} 2> /dev/null | sed -n 's/.*JobState=\\([A-Z_]*\\).*/\\1/p'; :`,
  };
}

const packageName = (): string => path.basename(packageFolder());

/** Undefined where the cluster has not said. */
function stateIn(said: string): SlurmJob | undefined {
  const job = /^job=(\d+)$/m.exec(said)?.[1];
  const [, state, reason] = /^state=([A-Z_]+) reason=(.*)$/m.exec(said) ?? [];
  if (job === undefined || state === undefined) return undefined;
  return { job, state, reason: reason && reason !== 'None' ? reason : undefined };
}

/** Tells where a job stands whenever that has changed. A cluster that cannot be asked is asked again. */
export class JobState {
  private timer: NodeJS.Timeout | undefined;
  private told = '';
  private isLooking = false;
  private isAsked = false;

  constructor(
    private readonly host: Host,
    private readonly script: string,
    private readonly changed: (job: SlurmJob) => Promise<void>,
  ) {
    this.lookAfter(0);
  }

  /** Something has happened there: its training has begun. */
  lookNow(): void {
    if (this.timer === undefined) return;
    if (this.isLooking) this.isAsked = true;
    else this.lookAfter(0);
  }

  private lookAfter(seconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), seconds * 1000);
  }

  private async look(): Promise<void> {
    this.isLooking = true;
    const { output } = await this.host.run(this.script);
    this.isLooking = false;
    const job = stateIn(output);
    if (this.timer === undefined) return;
    if (job && this.told !== JSON.stringify(job)) {
      this.told = JSON.stringify(job);
      await this.changed(job);
    }
    this.lookAfter(this.isAsked ? 0 : SLURM_SECONDS);
    this.isAsked = false;
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
