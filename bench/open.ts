/**
 * @file `npm run bench -- open [GIGABYTES [ENGINES [FORM ...]]]`, ENGINES with commas between them, `openvino/bfloat16` for that precision: how much memory it takes to open a checkpoint, beside what the same takes of a small one.
 * Checkpoints are made here in the system's folder for such things, and removed. The real program looks at them, validates an
 * experiment with one as teacher, answers a text with it, and distils from it.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Precision } from '../src/protocol/engines';
import { parameterCount } from '../src/model/layouts/config';
import { computesBfloat16 } from './processor';
import { madeArchitecture, makeCheckpoint, storedForms, type StoredForm } from './made-checkpoint';
import { uses, writeExperiment } from './open-uses';
import { peakOf } from './peak-of';

const SMALL_BYTES = 24e6;

/** @param engine with its precision after a slash, where that is not float32: `openvino/bfloat16` */
async function peaksOf(
  bytes: number,
  form: StoredForm,
  engine: string,
  base: string,
): Promise<{ weights: number; peaks: number[] }> {
  const folder = mkdtempSync(path.join(base, 'open-'));
  try {
    const architecture = madeArchitecture(bytes);
    const checkpoint = await makeCheckpoint(path.join(folder, 'teacher'), architecture, form);
    const [name, precision] = engine.split('/') as [string, Precision?];
    const experiment = writeExperiment(folder, path.relative(folder, checkpoint), name, precision);
    const peaks: number[] = [];
    for (const args of Object.values(uses(checkpoint, experiment, name))) peaks.push(await peakOf(args, folder));
    return { weights: 4 * parameterCount(architecture), peaks };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const [, , gigabytes = '2', engines = `cpu,openvino${computesBfloat16() ? ',openvino/bfloat16' : ''}`, ...forms] =
    process.argv;
  const base = mkdtempSync(path.join(os.tmpdir(), 'distillery-open-'));
  const rows: string[] = [];
  try {
    for (const engine of engines.split(',')) {
      for (const form of forms.length > 0 ? (forms as StoredForm[]) : storedForms) {
        const small = await peaksOf(SMALL_BYTES, form, engine, base);
        const large = await peaksOf(Number(gigabytes) * 1e9, form, engine, base);
        const more = large.weights - small.weights;
        const shares = large.peaks.map((peak, i) => `${Math.round((100 * (peak - small.peaks[i]!)) / more)} %`);
        rows.push(`| ${form} | ${engine} | ${(large.weights / 1e9).toFixed(2)} | ${shares.join(' | ')} |`);
        console.log(rows.at(-1));
      }
    }
  } finally {
    rmSync(base, { recursive: true });
  }
  const names = Object.keys(uses('', '', ''));
  const text = `# Memory to open a checkpoint

The most memory that a process has had, less that of the same with a checkpoint of ${SMALL_BYTES / 1e6} MB, as a share of the weights in float32. The real program lists models, validates an experiment with it as teacher, inspects a text with it, and
distils from it, comparison included. \`npm run bench -- open\` repeats it.

| stored as | engine | float32, GB | ${names.join(' | ')} |
| --- | --- | ---: | ${names.map(() => '---:').join(' | ')} |
${rows.join('\n')}
`;
  writeFileSync('bench/OPEN.md', text);
}

void main();
