/**
 * @file Trains a teacher that comes with the samples and writes it to examples/models/NAME:
 *
 *   npm run build && node scripts/samples/teacher.mjs definitions-teacher
 *                    node scripts/samples/teacher.mjs language-model-teacher
 *
 * The program itself does the training, as scripts/samples/NAME.distill.json says, on the definitions that are in no part
 * of the samples. The same engine and processor give the same weights. They are stored as float16, which halves the file.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRules, packages } from './rules.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const name = process.argv[2] ?? '';
const experiment = `${name}.distill.json`;
if (!existsSync(join(here, experiment))) throw new Error(`Name a teacher whose NAME.distill.json lies in ${here}.`);
const work = join(packages, '.cache', name);
const target = join(here, '../../examples/models', name);

const { makeTeacherRows } = await loadRules('samples.mjs');
const { storeHalved } = await loadRules('halved-model.ts');

await mkdir(work, { recursive: true });
await writeFile(join(work, 'teacher.jsonl'), await makeTeacherRows(packages));
await copyFile(join(here, experiment), join(work, experiment));
const trained = process.argv.includes('--trained') ? await newestRun() : await run();
await storeHalved(join(trained, 'teacher', 'model'), target);
console.log(`${target} holds the teacher.`);

/** Runs the experiment, with its progress on standard error, and gives the run's folder. */
async function run() {
  const runner = join(here, '../../dist/runner.js');
  const child = spawn(process.execPath, [runner, 'run', experiment, '--json'], {
    cwd: work,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`The training ended with exit code ${code}.`);
  return JSON.parse(said).directory;
}

/** With --trained: a teacher that was trained already. */
async function newestRun() {
  const runs = join(work, '.distillery', 'runs');
  return join(runs, (await readdir(runs)).sort().at(-1));
}
