/**
 * @file Opens engines in processes of their own, so that a driver that crashes or hangs disqualifies only itself: all in one first, since starting
 * a process costs more than opening most engines, and each that did not open there, for a cause that may lie in the others, in another.
 */

import { execFile } from 'node:child_process';
import { EngineUnavailable } from '../../engine/executor';
import { openExecutor } from '../../engine/engines';
import type { EngineName, Precision } from '../../protocol/engines';
import { complaint, type Complaint } from '../../protocol/problem';
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
    const { device, hardware } = executor;
    return {
      available: true,
      device,
      memoryBytes: hardware?.memoryBytes,
      software: hardware?.software ? true : undefined,
      speed: measure ? await measureSmallStep(executor) : undefined,
    };
  } catch (error) {
    if (error instanceof EngineUnavailable) return failed(error.complaint);
    return failed(complaint('engine-fails', { reason: error instanceof Error ? error.message : String(error) }));
  }
}

const failed = (problem: Complaint): Trial => ({ available: false, problem });

/** Starts this program again for one engine. Never rejects. */
export async function tryEngineApart(
  engine: EngineName,
  options: TrialOptions,
  program = process.argv[1]!,
): Promise<Trial> {
  const { precision, measure } = options;
  const args = [program, 'try-engine', engine, '--precision', precision, ...(measure ? ['--measure'] : [])];
  const timeout = measure ? MEASURING_LIMIT : OPENING_LIMIT;
  return new Promise((resolve) => {
    const limits = { timeout, killSignal: 'SIGKILL', windowsHide: true, maxBuffer: 1 << 24 } as const;
    execFile(process.execPath, args, limits, (error, stdout, stderr) => {
      const found = parse(stdout);
      // Some drivers crash while they are unloaded; what was found before counts.
      if (found) resolve(found);
      else if (error?.killed) resolve(failed(complaint('engine-does-not-answer', { seconds: timeout / 1000 })));
      else resolve(failed(complaint('engine-ends', { reason: lastLine(stderr) ?? error?.signal ?? 'no reason' })));
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
  const limits = { timeout: OPENING_LIMIT, killSignal: 'SIGKILL', windowsHide: true } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, [program, 'try-engine', ...engines], limits, (_error, stdout) => {
      const known = new Map<EngineName, Trial>();
      for (const line of stdout.split('\n')) {
        const found = parse(line);
        if (found && (found.available || certain.includes(found.problem.code))) known.set(found.engine, found);
      }
      resolve(known);
    });
  });
}

function parse(text: string): Told | undefined {
  try {
    return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Told;
  } catch {
    return undefined;
  }
}

function lastLine(text: string): string | undefined {
  const last = text.trim().split('\n').at(-1);
  return last === '' ? undefined : last;
}
