/** @file Our side of the comparison. Usage: step.js FOLDER ENGINE PRECISION [packed]; then a number of steps on each line of standard input. */

import { createInterface } from 'node:readline';
import * as ort from 'onnxruntime-node';
import { loadOpenVino } from '../src/engine/openvino/loading';
import { collectGarbage } from '../src/engine/freed-memory';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { Precision } from '../src/protocol/engines';
import { createTrainer, readDistillation } from './ours';
import { readSetup } from './setup';
import { mean } from './statistics';
import { memory, type Block, type Ready, type StepLosses } from './side';

/** What computes, with its version, where the device's name does not say it. */
const onnxruntime = (): Record<string, string> => ({ onnxruntime: ort.env.versions.node ?? '' });
const libraryOf: Partial<Record<Engine, () => Record<string, string>>> = {
  cpu: onnxruntime,
  webgpu: onnxruntime,
  openvino: () => ({ OpenVINO: loadOpenVino().version() }),
};

const write = (line: Ready | Block): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

async function main(folder: string, engine: Engine, precision: Precision, packed?: 'packed'): Promise<void> {
  const executor = await openExecutor(engine, { threads: (await readSetup(folder)).threads, precision });
  const emptyMegabytes = memory().resident;
  const trainer = createTrainer(await readDistillation(folder, packed !== undefined, executor), executor);
  collectGarbage(); // As before each training of a run.
  write({
    versions: { ...(libraryOf[engine]?.() ?? { [engine]: executor.device }), node: process.version },
    emptyMegabytes,
  });
  for await (const line of createInterface({ input: process.stdin })) {
    const losses: StepLosses[] = [];
    const paddings: number[] = [];
    const started = performance.now();
    for (let step = 0; step < Number(line); step++) {
      const { loss, padding } = await trainer.step();
      paddings.push(padding!);
      losses.push({ total: loss.total, soft: loss.soft!, hard: loss.hard! });
    }
    const milliseconds = performance.now() - started;
    write({ losses, milliseconds, peakMegabytes: memory().peak, padding: mean(paddings) });
  }
}

void main(...(process.argv.slice(2) as [string, Engine, Precision]));
