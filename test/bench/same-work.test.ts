/** @file Both sides of the benchmark do the same work. Runs where `npm run peers` has made test/peers/.venv. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cases, type Case } from '../../bench/cases';
import { difference, TOLERANCES } from '../../bench/compare';
import { createTrainer, readDistillation } from '../../bench/ours';
import { writeSetup } from '../../bench/setup';
import { Side, type StepLosses } from '../../bench/side';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const python = root('test/peers/.venv/bin/python');
const installed = existsSync(python);
if (!installed) console.warn('Skipped: the benchmark beside PyTorch. `npm run peers` installs it.');

/** A timed case with models small enough for a test. */
function shrunk(name: string): Case {
  const original = cases.find((benchCase) => benchCase.name === name)!;
  const sizes = { vocabularySize: 60, maxPositions: 16, bosId: 59, eosId: 59 };
  const teacher = { ...original.teacher, ...sizes, layers: 2, hiddenSize: 32, heads: 4, intermediateSize: 128 };
  const student = { ...original.student, ...sizes, layers: 1, hiddenSize: 16, heads: 2, intermediateSize: 64 };
  return { ...original, teacher, student, rows: 3, length: 16 };
}

async function ourLosses(folder: string, steps: number): Promise<StepLosses[]> {
  const trainer = createTrainer(await readDistillation(folder), await createCpuExecutor({ threads: 1 }));
  const losses: StepLosses[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss } = await trainer.step();
    losses.push({ total: loss.total, soft: loss.soft!, hard: loss.hard! });
  }
  await trainer.release();
  return losses;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-bench-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(!installed)('the benchmark', () => {
  it.each(['small-decoder', 'spam-filter'])('has the losses of PyTorch in the first steps of %s', async (name) => {
    await writeSetup(folder, shrunk(name), 1);
    const peer = new Side('PyTorch', [python, root('bench/peer.py'), folder]);
    const { versions } = await peer.ready;
    const block = await peer.run(6);
    await peer.close();
    const ours = await ourLosses(folder, 6);
    expect(versions).toHaveProperty('torch');
    expect(block.losses).toHaveLength(6);
    // Throws where a loss differs by more than the tolerance.
    expect(difference(ours, block.losses, peer.name, TOLERANCES.float32)).toBeGreaterThanOrEqual(0);
    // Training has begun: the sides do not agree because nothing changes.
    expect(ours[4]!.total).not.toBeCloseTo(ours[0]!.total, 3);
  });

  it('stops where the losses differ', () => {
    const losses: StepLosses[] = [{ total: 2, soft: 0.5, hard: 3 }];
    expect(() => difference(losses, [{ total: 2, soft: 0.501, hard: 3 }], 'PyTorch', TOLERANCES.float32)).toThrow(
      'the soft loss of step 0',
    );
    expect(() => difference(losses, [{ total: NaN, soft: 0.5, hard: 3 }], 'PyTorch', TOLERANCES.bfloat16)).toThrow(
      'the total loss of step 0',
    );
  });
});
