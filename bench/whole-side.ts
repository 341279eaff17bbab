/**
 * @file Our side of a whole distillation. Usage: whole-side.js FOLDER ENGINE PRECISION CACHE; then a number of steps on a line
 * of standard input: the teacher is asked about what is not in the cache's folder yet, and the student takes the steps.
 */

import { createInterface } from 'node:readline';
import { layoutCache } from '../src/distill/teacher/cache-layout';
import { imitatedOf } from '../src/distill/pairing';
import { FrozenTeacher, TeacherTargets } from '../src/distill/teacher/teacher';
import { CachedTargets, fillCache } from '../src/distill/teacher/cache';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { Precision } from '../src/protocol/engines';
import type { Executor } from '../src/engine/executor';
import { TeacherCacheFiles } from '../src/run-directory/teacher-cache-files';
import { createTrainer, examplesOf, readDistillation, type Distillation } from './ours';
import { readSetup } from './setup';
import { memory, type Block, type Ready, type StepLosses } from './side';

/** The line that answers. */
export interface WholeBlock extends Block {
  /** Of `milliseconds`: until the teacher has answered everything. */
  askingMilliseconds: number;
  cacheBytes: number;
}

const write = (line: Ready | WholeBlock): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function main(folder: string, engine: Engine, precision: Precision, cache: string): Promise<void> {
  const executor = await openExecutor(engine, { threads: (await readSetup(folder)).threads, precision });
  const emptyMegabytes = memory().resident;
  const distillation = await readDistillation(folder);
  write({ versions: { node: process.version }, emptyMegabytes });
  for await (const line of createInterface({ input: process.stdin })) {
    write(await distil(distillation, executor, Number(line), cache));
  }
}

async function distil(
  distillation: Distillation,
  executor: Executor,
  steps: number,
  directory: string,
): Promise<WholeBlock> {
  const started = performance.now();
  const { pairing, setup, batches } = distillation;
  const { task } = setup;
  const examples = batches.flatMap(examplesOf);
  const imitated = imitatedOf(pairing);
  const values = 'float32';
  const layout = layoutCache(examples, { imitated, task, maxLength: batches[0]!.length, values });
  const record = { teacher: 'bench', task, examples: examples.length, bytes: layout.size, values } as const;
  const store = await TeacherCacheFiles.open(
    directory,
    { ...record, blocks: layout.blocks.length, created: new Date().toISOString() },
    layout.blocks,
  );
  const cache = { layout, store, task, imitated } as const;
  const frozen = new FrozenTeacher(executor, pairing.teacher, distillation.teacher);
  const teacher = new TeacherTargets(frozen);
  await fillCache({ ...cache, examples, padId: 0, teacher, mayGoOn: () => Promise.resolve(true) });
  await teacher.release();
  const askingMilliseconds = performance.now() - started;
  const trainer = createTrainer(distillation, executor, new CachedTargets(cache));
  const losses: StepLosses[] = [];
  for (let step = 0; step < steps; step++) {
    const { loss } = await trainer.step();
    losses.push({ total: loss.total, soft: loss.soft!, hard: loss.hard! });
  }
  const milliseconds = performance.now() - started;
  await store.close();
  return { losses, milliseconds, peakMegabytes: memory().peak, askingMilliseconds, cacheBytes: record.bytes };
}

void main(...(process.argv.slice(2) as [string, Engine, Precision, string]));
