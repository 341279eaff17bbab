/** @file The Python that trains: which it is, and whether it has PyTorch. */

import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Experiment } from '../../experiment/file/schema';
import { complaint, ComplaintError, type Complaint } from '../../protocol/problem';
import { oldestTorch } from '../../protocol/torchrun';
import { builtFolder } from '../../engine/built-files';
import { NO_CONNECTION, quoted, type Host } from './ssh';

export interface Interpreter {
  /** Program or path. */
  python: string;
  /** PyTorch's version. */
  torch: string;
  /** Names of the GPUs that it sees, and how much memory each has. */
  gpus: readonly { name: string; bytes: number }[];
  /** Cores of its machine. */
  cores: number;
}

const FACTS_SCRIPT = `
import json, os, sys
found = {"python": sys.version.split()[0], "cores": os.cpu_count() or 1}
try:
    import torch, torch.distributed, safetensors
    found["torch"] = torch.__version__
    found["gpus"] = [
        {"name": torch.cuda.get_device_name(i), "bytes": torch.cuda.get_device_properties(i).total_memory}
        for i in range(torch.cuda.device_count())
    ]
except Exception as error:
    found["missing"] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
`;

/** PyTorch is large: on a cold disk its first import takes long. */
const ANSWER_TIMEOUT_MS = 180_000;

const usualName = process.platform === 'win32' ? 'python' : 'python3';

/** The folder of the package, from which Python is started too: it looks for modules in the current folder, which may be a stranger's. */
export function packageFolder(): string {
  const folder = builtFolder('../python') ?? builtFolder('python');
  if (folder === undefined) throw new Error('the package distillery_torch is not beside this program');
  return path.resolve(folder);
}

/** What a worker of ours is started with: nothing is written into this program's own folder, and nothing listens to the network. */
export function pythonEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: packageFolder(), PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' };
}

/**
 * The interpreter that the experiment names, that of the environment variable DISTILLERY_PYTHON (on another host: DISTILLERY_HOST_PYTHON), or
 * `python3`.
 * @throws ComplaintError where it is not there, or has no PyTorch or one that is too old
 */
export async function findInterpreter(experiment: Pick<Experiment, 'torchrun'>, host?: Host): Promise<Interpreter> {
  const python = host ? pythonThere(experiment) : pythonHere(experiment);
  const found = host ? await askInterpreterThere(python, host) : await askInterpreter(python);
  const lacks = lacking(found, python, host);
  if (lacks) throw new ComplaintError(lacks);
  return { python, torch: found.torch!, gpus: found.gpus ?? [], cores: found.cores ?? 1 };
}

const pythonHere = ({ torchrun }: Pick<Experiment, 'torchrun'>): string =>
  torchrun?.interpreter ?? process.env.DISTILLERY_PYTHON ?? usualName;

/** The interpreter of a host. */
export const pythonThere = ({ torchrun }: Pick<Experiment, 'torchrun'>): string =>
  torchrun?.interpreter ?? process.env.DISTILLERY_HOST_PYTHON ?? 'python3';

/** Why an interpreter that has answered cannot train; undefined where it can. */
export function lacking({ torch, missing }: InterpreterFacts, python: string, host?: Host): Complaint | undefined {
  if (torch === undefined) {
    const what = { python, reason: missing ?? 'no answer' };
    if (host) return complaint('torchrun-without-torch-there', { ...what, host: host.name });
    return complaint('torchrun-without-torch', what);
  }
  const version = torch.split('.').map(Number) as [number, number];
  const isOld = version[0] < oldestTorch[0] || (version[0] === oldestTorch[0] && version[1] < oldestTorch[1]);
  if (!isOld) return undefined;
  const what = { python, version: torch, least: oldestTorch.join('.') };
  return host
    ? complaint('torchrun-old-torch-there', { ...what, host: host.name })
    : complaint('torchrun-old-torch', what);
}

/** What an interpreter says of itself. */
export interface InterpreterFacts {
  torch?: string;
  gpus?: { name: string; bytes: number }[];
  cores?: number;
  missing?: string;
}

const readFacts = (output: string): InterpreterFacts =>
  JSON.parse(output.trim().split('\n').at(-1)!) as InterpreterFacts;

const COMPILE_SCRIPT = `
import json
try:
    import torch
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.compile(lambda x: x.cos() + 1)(torch.ones(8, device=device))
    print(json.dumps({}))
except Exception as error:
    print(json.dumps({"missing": next(line for line in f"{type(error).__name__}: {error}".splitlines() if line)}))
`;

/** @throws ComplaintError where torch.compile does not work with this Python */
export async function requireCompiler({ python }: Interpreter, host?: Host): Promise<void> {
  const { missing } = host
    ? await askInterpreterThere(python, host, COMPILE_SCRIPT)
    : await askInterpreter(python, COMPILE_SCRIPT);
  if (missing === undefined) return;
  throw new ComplaintError(complaint('torchrun-cannot-compile', { python, reason: missing }));
}

/** @throws ComplaintError where the host cannot be reached, or has no such interpreter */
export async function askInterpreterThere(
  python: string,
  host: Host,
  script = FACTS_SCRIPT,
): Promise<InterpreterFacts> {
  // Its own words where it is not there; a host that cannot be reached is told by itself.
  const { code, output, errors } = await host.run(`exec ${quoted(python)} -c ${quoted(script)}`);
  if (code === 0) return readFacts(output);
  if (code === NO_CONNECTION) await host.ask(':');
  const reason = errors.trim().split('\n').at(-1) ?? '';
  throw new ComplaintError(complaint('torchrun-no-interpreter-there', { python, host: host.name, reason }));
}

async function askInterpreter(python: string, script = FACTS_SCRIPT): Promise<InterpreterFacts> {
  try {
    const options = { cwd: packageFolder(), env: pythonEnvironment(), timeout: ANSWER_TIMEOUT_MS, windowsHide: true };
    const { stdout } = await promisify(execFile)(python, ['-c', script], options);
    return readFacts(stdout);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such program' : message.trim().split('\n').at(-1)!;
    throw new ComplaintError(complaint('torchrun-no-interpreter', { python, reason }));
  }
}
