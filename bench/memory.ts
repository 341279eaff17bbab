/**
 * @file `npm run bench -- memory [CASE] [PRECISION] [MOMENTS] [ENGINE]`: what of the memory of a distillation is what, in MB, at each stage of its
 * first steps. Linux with glibc. A stage's peak is the kernel's, which is told to forget it at each.
 */

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { workingBytes } from '../src/engine/graph/working-memory';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { Executor } from '../src/engine/executor';
import { collectGarbage } from '../src/engine/freed-memory';
import { koffi } from '../src/engine/native-calls';
import type { MomentFormat, Precision } from '../src/protocol/engines';
import type { Trainer } from '../src/distill/training/trainer';
import { cases } from './cases';
import { createTrainer, readDistillation } from './ours';
import { writeSetup } from './setup';
import { memory } from './side';

const MEGA = 1e6;

/** More than those of an update. */
const NODES_OF_A_MODEL = 50;

const STEPS = 3;

/** glibc's account of malloc, in bytes, in the order of its struct mallinfo2. */
const FIELDS = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(' ');
const Mallinfo = koffi.struct('mallinfo2', Object.fromEntries(FIELDS.map((name) => [name, 'size_t'])));
const mallinfo = koffi.load('libc.so.6').func('mallinfo2', Mallinfo, []) as () => Record<string, number | bigint>;

const format = (bytes: number | bigint): string => (Number(bytes) / MEGA).toFixed(0);

async function stage(name: string): Promise<void> {
  const { resident, peak } = memory();
  // Of blocks mapped one by one; of the heaps, what is handed out and what is not.
  const { hblkhd, uordblks, fordblks } = mallinfo();
  const { arrayBuffers, heapTotal } = process.memoryUsage();
  const malloc = [hblkhd!, uordblks!, fordblks!].map(format);
  const row = [name, peak.toFixed(0), resident.toFixed(0), ...malloc, format(arrayBuffers), format(heapTotal)];
  console.log(`| ${row.join(' | ')} |`);
  await writeFile('/proc/self/clear_refs', '5');
}

/** The same executor, which tells after each load and run. */
function told(executor: Executor): Executor {
  return {
    ...executor,
    load: async (program, frozen) => {
      const { graph } = program;
      const loaded = await executor.load(program, frozen);
      if (graph.nodes.length > NODES_OF_A_MODEL)
        await stage(`${graph.name} loaded, ${format(workingBytes(graph))} MB by arithmetic`);
      return {
        graph: loaded.graph,
        release: () => loaded.release(),
        run: async (inputs, into) => {
          const outputs = await loaded.run(inputs, into);
          if (graph.nodes.length > NODES_OF_A_MODEL) await stage(`${graph.name} run`);
          return outputs;
        },
      };
    },
  };
}

interface Measured {
  name: string;
  precision: Precision;
  moments: MomentFormat;
  engine: Engine;
}

async function measure({ name, precision, engine, moments }: Measured): Promise<void> {
  const folder = await mkdtemp(join(os.tmpdir(), 'distillery-memory-'));
  try {
    // By another process, which leaves nothing in this one.
    execFileSync(process.execPath, [process.argv[1]!, '--write', folder, name], { stdio: 'inherit' });
    console.log('| after | peak of the stage | resident | malloc: mapped | handed out | holes | arrays | JavaScript |');
    console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
    await stage('start');
    const executor = await openExecutor(engine, { precision });
    await stage('engine open');
    const trainer = await trainerOf(folder, moments, executor);
    await stage('placed');
    collectGarbage();
    await stage('collected');
    for (let step = 0; step < STEPS; step++) {
      const { loss } = await trainer.step();
      await stage(`step ${step}, loss ${loss.total.toFixed(6)}`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function main(name = 'distilgpt2', ...rest: string[]): Promise<void> {
  if (name === '--write') return writeCase(rest[0]!, rest[1]!);
  const [precision = 'float32', moments = 'float32', engine = 'openvino'] = rest;
  await measure({ name, precision, moments, engine } as Measured);
}

/** Nothing else holds the initial weights. */
async function trainerOf(folder: string, moments: MomentFormat, executor: Executor): Promise<Trainer> {
  const distillation = await readDistillation(folder, false, executor);
  return createTrainer({ ...distillation, setup: { ...distillation.setup, moments } }, told(executor));
}

async function writeCase(folder: string, name: string): Promise<void> {
  const found = cases.find((one) => one.name === name);
  if (!found) throw new Error(`no case ${name}`);
  await writeSetup(folder, found, os.availableParallelism());
}

void main(...(process.argv.slice(2) as [string]));
