/**
 * @file The memory that it takes to open a checkpoint: its weights once, as float32, or as bfloat16 where they are stored so and the engine computes in
 * it.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeArchitecture, makeCheckpoint, storedForms, type StoredForm } from '../../bench/made-checkpoint';
import { uses, writeExperiment } from '../../bench/open-uses';
import { peakOf } from '../../bench/peak-of';
import { parameterCount } from '../../src/model/layouts/config';
import type { Precision } from '../../src/protocol/engines';
import { hasBfloat16 } from '../engine/processor';
import { tellFigures, torture } from '../torture';

let base: string;
beforeAll(() => (base = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'))));
afterAll(() => rmSync(base, { recursive: true }));

/** Of a second process that does the same: garbage is not collected at the same moment. */
const NOISE_BYTES = 12e6;

/** Bytes of the weights as float32, and of the most memory that the program has had. */
async function costOf(
  bytes: number,
  form: StoredForm,
  engine: string,
  use: 'inspect' | 'run',
  precision?: Precision,
): Promise<{ weights: number; peak: number }> {
  const folder = mkdtempSync(path.join(base, 'open-'));
  const architecture = madeArchitecture(bytes);
  const checkpoint = await makeCheckpoint(path.join(folder, 'teacher'), architecture, form);
  const experiment = writeExperiment(folder, path.relative(folder, checkpoint), engine, precision);
  const peak = await peakOf(uses(checkpoint, experiment, engine)[use], folder);
  rmSync(folder, { recursive: true });
  return { weights: 4 * parameterCount(architecture), peak };
}

async function shareOf(bytes: number, form: StoredForm, engine: string, use: 'inspect' | 'run'): Promise<number> {
  const small = await costOf(16e6, form, engine, use);
  const large = await costOf(bytes, form, engine, use);
  return (large.peak - small.peak - NOISE_BYTES) / (large.weights - small.weights);
}

describe('opening a checkpoint', () => {
  it.each([
    ['cpu', 'BF16'],
    ['openvino', 'F32'],
  ] as const)('on %s takes the memory of its weights once: %s', async (engine, form) => {
    expect(await shareOf(64e6, form, engine, 'inspect')).toBeLessThan(1.1);
  });

  it.skipIf(!torture || !hasBfloat16)(
    'that stays bfloat16 saves half, in a run that distils from it',
    async () => {
      const [wide, narrow] = [
        await costOf(1.2e9, 'F32', 'openvino', 'run', 'bfloat16'),
        await costOf(1.2e9, 'BF16', 'openvino', 'run', 'bfloat16'),
      ];
      const saved = (wide.peak - narrow.peak) / wide.weights;
      const what = 'a checkpoint of bfloat16 instead of float32, openvino in bfloat16';
      tellFigures('opening-openvino-bfloat16', { what, 'of its weights saved': saved });
      expect(saved).toBeGreaterThan(0.4);
    },
    300_000,
  );

  it.skipIf(!torture).each(['cpu', 'openvino'])(
    'of 2 GB takes no more in a run that distils from it on %s',
    async (engine) => {
      for (const form of storedForms) {
        const share = await shareOf(2e9, form, engine, 'run');
        const what = `opening a checkpoint, ${form}, ${engine}`;
        tellFigures(`opening-${engine}-${form.replace(' ', '-')}`, { what, 'times its weights': share });
        expect(share).toBeLessThan(1.1);
      }
    },
    900_000,
  );
});
