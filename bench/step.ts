/** @file Our side of the comparison. Usage: step.js FOLDER; then a number of steps on each line of standard input. */

import { createInterface } from 'node:readline';
import * as ort from 'onnxruntime-node';
import { createCpuExecutor } from '../src/engine/onnxruntime';
import { createTrainer, readDistillation } from './ours';
import { readSetup } from './setup';
import { memory, type Block, type Ready, type StepLosses } from './side';

const write = (line: Ready | Block): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

async function main(folder: string): Promise<void> {
  const executor = await createCpuExecutor({ threads: (await readSetup(folder)).threads });
  const emptyMegabytes = memory().resident;
  const trainer = createTrainer(await readDistillation(folder), executor);
  write({ versions: { onnxruntime: ort.env.versions.node ?? '', node: process.version }, emptyMegabytes });
  for await (const line of createInterface({ input: process.stdin })) {
    const losses: StepLosses[] = [];
    const started = performance.now();
    for (let step = 0; step < Number(line); step++) {
      const { loss } = await trainer.step();
      losses.push({ total: loss.total, soft: loss.soft!, hard: loss.hard! });
    }
    write({ losses, milliseconds: performance.now() - started, peakMegabytes: memory().peak });
  }
}

void main(process.argv[2]!);
