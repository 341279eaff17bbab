/**
 * @file Opens engines in processes of their own, so that a driver that crashes or hangs disqualifies only itself: all in one first, since starting
 * a process costs more than opening most engines, and each that did not open there, for a cause that may lie in the others, in another.
 */

import { execFile, type ExecFileException } from 'node:child_process';
import { EngineUnavailable, type Executor } from '../../engine/executor';
import { openExecutor } from '../../engine/engines';
import type { EngineName, Precision } from '../../protocol/engines';
import { complaint, type Complaint } from '../../protocol/problem';
import { compareByQuickStep } from './quick-step';
import { measureSmallStep, type Speed } from './small-step';

/** What a process that opened an engine found. */
export type Trial =
  | {
      available: true;
      device: string;
      memoryBytes?: number | undefined;
      software?: true | undefined;
      speed?: Speed | undefined;
    }
  | { available: false; problem: Complaint };

/** The line of one engine. */
export type Told = Trial & { engine: EngineName };

export interface TrialOptions {
  precision: Precision;
  /** Time the small training step too. */
  measure: boolean;
}

/** Opening a driver, and compiling a step's shaders, in milliseconds. */
const OPENING_LIMIT = 30_000;
const MEASURING_LIMIT = 90_000;
const COMPARING_LIMIT = 45_000;

/** What is missing on this machine, whatever else the process has opened. */
const certain: readonly string[] = [
  'cuda-libraries-missing',
  'provider-not-offered',
  'tensorflow-addon-not-built',
  'wasm-not-built',
  'webgpu-no-adapter',
  'webgpu-no-vulkan-adapter',
];

/** In the process of its own. */
export async function tryEngine(engine: EngineName, { precision, measure }: TrialOptions): Promise<Trial> {
  try {
    const executor = await openExecutor(engine, { precision });
    return available(executor, measure ? await measureSmallStep(executor) : undefined);
  } catch (error) {
    return failedBy(error);
  }
}

/** In the process of their own: opens all, and times their quick steps in turn. What fails in one hinders no other. */
export async function compareOpened(engines: readonly EngineName[], precision: Precision): Promise<Told[]> {
  const opened = new Map<EngineName, Executor>();
  const told: Told[] = [];
  for (const engine of engines) {
    try {
      opened.set(engine, await openExecutor(engine, { precision }));
    } catch (error) {
      told.push({ engine, ...failedBy(error) });
    }
  }
  const found = await compareByQuickStep(opened);
  for (const [engine, executor] of opened) {
    const speed = found.get(engine)!;
    told.push({ engine, ...('failed' in speed ? failedBy(speed.failed) : available(executor, speed)) });
  }
  return told;
}

const available = ({ device, hardware }: Executor, speed: Speed | undefined): Trial => ({
  available: true,
  device,
  memoryBytes: hardware?.memoryBytes,
  software: hardware?.software ? true : undefined,
  speed,
});

function failedBy(error: unknown): Trial {
  if (error instanceof EngineUnavailable) return failed(error.complaint);
  return failed(complaint('engine-fails', { reason: error instanceof Error ? error.message : String(error) }));
}

const failed = (problem: Complaint): Trial => ({ available: false, problem });

/** Starts this program again for one engine. Never rejects. */
export async function tryEngineApart(
  engine: EngineName,
  { precision, measure }: TrialOptions,
  program = process.argv[1]!,
): Promise<Trial> {
  const options = [program, ...['try-engine', engine, '--precision', precision], ...(measure ? ['--measure'] : [])];
  return tryOne(engine, options, measure ? MEASURING_LIMIT : OPENING_LIMIT);
}

/** Engines that take their steps in turn, in one process; where that ends before it has told of all, the others each in another. Never rejects. */
export async function compareEnginesApart(
  engines: readonly EngineName[],
  precision: Precision,
  program = process.argv[1]!,
): Promise<Map<EngineName, Trial>> {
  const argumentsFor = (some: readonly EngineName[]): string[] => [
    program,
    ...['try-engine', ...some, '--precision', precision, '--compare'],
  ];
  const { told: found } = await startTrial(argumentsFor(engines), COMPARING_LIMIT);
  for (const engine of engines) {
    if (!found.has(engine)) found.set(engine, await tryOne(engine, argumentsFor([engine]), COMPARING_LIMIT));
  }
  return found;
}

async function tryOne(engine: EngineName, options: readonly string[], timeout: number): Promise<Trial> {
  const { told, error, stderr } = await startTrial(options, timeout);
  // Some drivers crash while they are unloaded; what was found before counts.
  const found = told.get(engine);
  if (found) return found;
  if (error?.killed) return failed(complaint('engine-does-not-answer', { seconds: timeout / 1000 }));
  return failed(complaint('engine-ends', { reason: lastLine(stderr) ?? error?.signal ?? 'no reason' }));
}

interface Ended {
  told: Map<EngineName, Trial>;
  error: ExecFileException | null;
  stderr: string;
}

function startTrial(options: readonly string[], timeout: number): Promise<Ended> {
  return new Promise((resolve) => {
    const limits = { timeout, killSignal: 'SIGKILL', windowsHide: true, maxBuffer: 1 << 24 } as const;
    execFile(process.execPath, options, limits, (error, stdout, stderr) => {
      const lines = stdout.split('\n').map(parse);
      const told = new Map(lines.flatMap((line) => (line ? [[line.engine, line] as const] : [])));
      resolve({ told, error, stderr });
    });
  });
}

/**
 * Starts this program again once for several engines. Never rejects.
 * @returns of those that it has opened, and those of which something is missing here; whether another can be had, only a process of its own tells
 */
export async function tryEnginesTogether(
  engines: readonly EngineName[],
  program = process.argv[1]!,
): Promise<Map<EngineName, Trial>> {
  const { told } = await startTrial([program, 'try-engine', ...engines], OPENING_LIMIT);
  return new Map([...told].filter(([, found]) => found.available || certain.includes(found.problem.code)));
}

/** Undefined where the line is a driver's. */
function parse(text: string): Told | undefined {
  try {
    const told: unknown = JSON.parse(text);
    return typeof told === 'object' && told !== null && 'engine' in told ? (told as Told) : undefined;
  } catch {
    return undefined;
  }
}

function lastLine(text: string): string | undefined {
  const last = text.trim().split('\n').at(-1);
  return last === '' ? undefined : last;
}
