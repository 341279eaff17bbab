/** @file How an exported folder is started: its own script, a job of Slurm, a manifest for Kubernetes. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Experiment, ResolvedExperiment } from '../../experiment/file/schema';
import { DEVICE_OF } from './meeting';
import { quoted } from './ssh';

/** As far as it is known: a process for each device where there is no number. */
export interface ElsewhereMachines {
  processes: number | undefined;
  hosts: number;
}

/** Where the first host waits for the others; above the ports that systems give away by themselves (RFC 6335: below 49152). */
const PORT = 29400;

/** Seconds before Slurm's limit in which a training saves and ends. */
const NOTICE_SECONDS = 120;

/**
 * Writes what its "where" needs beside run.sh, and says how it is started, in a sentence.
 */
export async function writeSchedulerFiles(
  folder: string,
  experiment: Pick<Experiment | ResolvedExperiment, 'name' | 'torchrun'>,
  machines: ElsewhereMachines,
  jobs: readonly string[],
): Promise<string> {
  const { where } = experiment.torchrun ?? {};
  if (where === 'slurm') {
    await writeFile(path.join(folder, 'slurm.sh'), slurmScript(experiment, machines, jobs));
    return 'In it, on a file system that all hosts share: sbatch slurm.sh.';
  }
  if (where === 'kubernetes') {
    const text = JSON.stringify(pytorchJob(experiment, machines), undefined, 2);
    await writeFile(path.join(folder, 'pytorchjob.json'), `${text}\n`);
    return `Copy it into the volume of the claim "${claimOf(experiment)}", then: kubectl apply -f pytorchjob.json.`;
  }
  if (machines.hosts > 1) {
    return `In it, on each of ${machines.hosts} hosts: HOSTS=${machines.hosts} RENDEZVOUS=HOST:${PORT} ./run.sh.`;
  }
  return 'In it: ./run.sh, with the Python that has PyTorch (PYTHON=…), on PROCESSES=… processes.';
}

/** Where the scripts find what they start. */
export interface ProgramPaths {
  /** What stands before a job's name: `jobs/`, or nothing. */
  jobs: string;
  /** From the scripts' own folder to that in which all the paths are. */
  root: string;
  /** The folder of Python's package, from there. */
  packages: string;
  /** Instead of what the environment names. */
  python?: string;
}

/** An exported folder's. */
const exported: ProgramPaths = { jobs: 'jobs/', root: '.', packages: '' };

/** Trains one job after the other; a person and a scheduler start the same. */
export function runScript(
  jobs: readonly string[],
  processes?: number,
  { jobs: before, root, packages, python }: ProgramPaths = exported,
): string {
  const most = '"$("$python" -c \'import torch; print(torch.cuda.device_count() or 1)\')"';
  return `#!/bin/sh
# Trains what is in this folder, one model after the other; what is finished or begun is gone on with.
#   PYTHON      the interpreter that has PyTorch (requirements.txt); python3
#   PROCESSES   on this host; ${processes ?? 'one a GPU, or one on the processor'}
#   HOSTS       how many run this script at once, on a shared folder; 1
#   RENDEZVOUS  HOST:PORT where they meet, on one of them
set -eu
cd "$(dirname "$0")${root === '.' ? '' : `/${root}`}"
python=${python === undefined ? '\${PYTHON:-python3}' : quoted(python)}
export PYTHONPATH="$PWD${packages === '' ? '' : `/${packages}`}" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# In a store that outlives them, workers that begin again would find the addresses of those before them (PyTorch 2.15).
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
processes=\${PROCESSES:-${processes ?? most}}
if [ "\${HOSTS:-1}" -gt 1 ]; then
  # Which address of this host the others reach, and whether it is here that they meet; host names need not be known to one another.
  found=$("$python" - "$RENDEZVOUS" << 'END'
import socket, sys
${DEVICE_OF}
host, _, port = sys.argv[1].rpartition(":")
family, kind, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
with socket.socket(family, kind) as asked:
    asked.connect(address)
    own = asked.getsockname()[0]
with socket.socket(family, kind) as bound:
    try:
        bound.bind((address[0], 0))
        is_host = True
    except OSError:
        is_host = False
print(f"--local-addr={own} --rdzv-conf=is_host={str(is_host).lower()}")
print(device_of(own) or "")
END
  )
  here=$(printf '%s\\n' "$found" | head -n 1)
  device=$(printf '%s\\n' "$found" | sed -n 2p)
  if [ -n "$device" ]; then
    export GLOO_SOCKET_IFNAME="\${GLOO_SOCKET_IFNAME:-$device}" NCCL_SOCKET_IFNAME="\${NCCL_SOCKET_IFNAME:-$device}"
  fi
fi
for job in ${jobs.join(' ')}; do
  # Who was asked to stop begins nothing more.
  if grep -qs '"stop"' "${before}$job/control.json"; then exit 0; fi
  if [ "\${HOSTS:-1}" -gt 1 ]; then
    # Each job has a meeting of its own: who is early waits for the others. Its name becomes a folder's.
    meet="--rdzv-backend=c10d --rdzv-endpoint=$RENDEZVOUS --rdzv-id=distillery-$(printf %s "$job" | tr / -) $here"
  else
    meet=--standalone
  fi
  # shellcheck disable=SC2086
  "$python" -m torch.distributed.run --nnodes="\${HOSTS:-1}" --nproc-per-node="$processes" --max-restarts=3 $meet \\
    ${before === '' ? '--log-dir="$job/logs" --tee=2 ' : ''}-m distillery_torch "${before}$job"
done
`;
}

/** A name that schedulers take: RFC 1123's label, short enough for what is put after it. */
function jobName({ name }: Pick<Experiment, 'name'>): string {
  const plain = (name ?? '')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  return `distillery-${plain}`.slice(0, 40).replace(/-+$/, '');
}

/** What sbatch reads. Where the job's time is over it saves, and waits in the queue again; so it does where a host is lost. */
export function slurmScript(
  { name, torchrun }: Pick<Experiment, 'name' | 'torchrun'>,
  { processes, hosts }: ElsewhereMachines,
  jobs: readonly string[],
  paths: ProgramPaths = exported,
): string {
  const { partition, account, qos, time } = torchrun?.slurm ?? {};
  // What is exported trains all, what is followed from here one.
  const isFollowed = paths !== exported;
  const hasDevices = torchrun?.devices !== undefined;
  const options = {
    'job-name': jobName({ name }),
    nodes: hosts,
    'ntasks-per-node': 1,
    ...(hasDevices && processes !== undefined && { 'gpus-per-node': processes }),
    ...(partition && { partition }),
    ...(account && { account }),
    ...(qos && { qos }),
    ...(time && { time }),
    ...(isFollowed ? { output: `${jobs[0]}/events`, error: `${jobs[0]}/errors` } : { output: 'slurm.log' }),
    'open-mode': 'append',
    signal: `B:TERM@${NOTICE_SECONDS}`,
  };
  const directives = Object.entries(options).map(([option, value]) => `#SBATCH --${option}=${value}`);
  const controls = jobs.map((job) => `${paths.jobs}${job}/control.json`).join(' ');
  const script = isFollowed ? `./${jobs[0]}/run.sh` : './run.sh';
  return `#!/bin/bash
${directives.join('\n')}
#SBATCH --requeue
# ${isFollowed ? 'Submitted' : 'sbatch slurm.sh, in this folder,'} on a file system that all hosts share.
set -eu
cd "$SLURM_SUBMIT_DIR"
${isFollowed ? `if grep -qs '"by": "slurm"' ${controls}; then rm -f ${controls}; fi` : `rm -f ${controls}`}
export HOSTS="$SLURM_JOB_NUM_NODES"
RENDEZVOUS=${torchrun?.rendezvous ?? `"$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):$((20000 + SLURM_JOB_ID % 10000))"`}
export RENDEZVOUS
ended=
save() {
  ended=1
  for control in ${controls}; do echo '{"wish": "stop", "by": "slurm"}' > "$control"; done
}
trap save TERM
srun --kill-on-bad-exit=1 ${script} &
work=$!
code=0
wait "$work" || code=$?
if [ -n "$ended" ]; then
  code=0
  wait "$work" || code=$?
  if [ "$code" -eq 0 ]; then
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
  fi
fi
${isFollowed ? `echo "{\\"distillery\\": \\"exit\\", \\"code\\": $code}"\n` : ''}exit "$code"
`;
}

const claimOf = ({ torchrun }: Pick<Experiment, 'torchrun'>): string => torchrun?.kubernetes?.claim ?? 'distillery';

/** A PyTorchJob of the Kubeflow Training Operator (kubeflow.org/v1). The folder is the volume's. */
export function pytorchJob(
  { name, torchrun }: Pick<Experiment, 'name' | 'torchrun'>,
  { processes, hosts }: ElsewhereMachines,
): Record<string, unknown> {
  const { image = 'pytorch/pytorch:latest', namespace } = torchrun?.kubernetes ?? {};
  const job = jobName({ name });
  // The operator makes a name for each replica's first pod.
  const rendezvous = torchrun?.rendezvous ?? `${job}-master-0:${PORT}`;
  const environment = {
    HOSTS: hosts,
    ...(processes !== undefined && { PROCESSES: processes }),
    RENDEZVOUS: rendezvous,
  };
  const devices = torchrun?.devices !== undefined && processes !== undefined ? processes : undefined;
  const template = {
    spec: {
      containers: [
        {
          // The operator looks for this name.
          name: 'pytorch',
          image,
          workingDir: '/distillery',
          command: ['./run.sh'],
          env: Object.entries(environment).map(([key, value]) => ({ name: key, value: String(value) })),
          ...(devices !== undefined && { resources: { limits: { [gpuOf(torchrun?.devices)]: devices } } }),
          volumeMounts: [
            { name: 'folder', mountPath: '/distillery' },
            // Workers of PyTorch hand data over in shared memory, of which a container has 64 MB.
            { name: 'shared-memory', mountPath: '/dev/shm' },
          ],
        },
      ],
      volumes: [
        { name: 'folder', persistentVolumeClaim: { claimName: claimOf({ torchrun }) } },
        { name: 'shared-memory', emptyDir: { medium: 'Memory' } },
      ],
    },
  };
  const replicas = (count: number): Record<string, unknown> => ({
    replicas: count,
    restartPolicy: 'OnFailure',
    template,
  });
  return {
    apiVersion: 'kubeflow.org/v1',
    kind: 'PyTorchJob',
    metadata: { name: job, ...(namespace && { namespace }) },
    spec: {
      runPolicy: { cleanPodPolicy: 'None' },
      pytorchReplicaSpecs: { Master: replicas(1), ...(hosts > 1 && { Worker: replicas(hosts - 1) }) },
    },
  };
}

const gpuOf = (devices = ''): string => (/MI\d/i.test(devices) ? 'amd.com/gpu' : 'nvidia.com/gpu');
