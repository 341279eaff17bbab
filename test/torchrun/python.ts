/** @file The Python environment that `npm run peers` makes, and runs of the real program with it. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import type { EvaluationRecord, MetricsRecord } from '../../src/protocol/records';

const windows = process.platform === 'win32';

export const python = fileURLToPath(
  new URL(`../peers/.venv/${windows ? 'Scripts/python.exe' : 'bin/python'}`, import.meta.url),
);

/** Written last by `npm run peers`. */
export const hasPython = existsSync(python);
if (!hasPython) console.warn('Skipped: trainings on PyTorch. `npm run peers` installs it.');

/** What torch.compile makes kernels for processors with. */
export const hasCompiler = await promisify(execFile)('c++', ['--version']).then(
  () => true,
  () => false,
);

export const environment = { DISTILLERY_PYTHON: python };

/** Several programs and PyTorch's processes of all hosts share this machine. */
export const comes = <T>(ask: () => T) => vi.waitUntil(ask, { timeout: 240_000, interval: 20 });

/** Changes the experiment of a small workspace. */
export function rewrite(workspace: string, change: (experiment: Experiment) => void): void {
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Experiment;
  change(experiment);
  writeFileSync(file, JSON.stringify(experiment));
}

export type Experiment = Record<string, Record<string, unknown>> & { engine?: unknown; controls?: unknown };

export function metricsOf(folder: string): MetricsRecord[] {
  return lines<MetricsRecord>(path.join(folder, 'metrics.jsonl'));
}

export function evaluationsOf(folder: string): EvaluationRecord[] {
  return lines<EvaluationRecord>(path.join(folder, 'evaluations.jsonl'));
}

function lines<T>(file: string): T[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** The largest relative difference of two curves of losses, component by component; one below a thousandth is of rounding. */
export function difference(own: readonly MetricsRecord[], other: readonly MetricsRecord[]): number {
  const differences = own.flatMap(({ loss }, i) =>
    Object.entries(loss).map(([name, value]) => {
      const wanted = other[i]!.loss[name as keyof typeof loss]!;
      return Math.abs(value - wanted) / Math.max(1e-3, Math.abs(wanted));
    }),
  );
  return Math.max(...differences);
}
