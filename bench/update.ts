/** @file `npm run bench -- update [MILLIONS]`: the end of a step, gradient norm and AdamW, in bytes a second beside what a copy of memory reaches. */

import { randomStream } from '../src/engine/random';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { MomentFormat } from '../src/protocol/engines';
import { findLibrary } from '../src/engine/libraries';
import { decaysByDefault } from '../src/distill/training/optimizer';
import { Updates } from '../src/distill/training/updates';
import { BYTES_A_PARAMETER, copier } from './bandwidth';
import { median, relativeSpread } from './statistics';

/** Of DistilGPT-2. */
const MILLIONS = 82;
const WIDTH = 1024;
const WARM_UP = 2;
const ROUNDS = 9;

/** The moments' four of those in half the bytes. */
const BYTES_WITH_NARROW_MOMENTS = BYTES_A_PARAMETER - 2 * 4;

const OPTIONS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decays: decaysByDefault };

interface Measured {
  name: string;
  bytes: number;
  run: () => Promise<void>;
  milliseconds: number[];
  /** Of the processor, all threads together. */
  busy: number[];
}

async function updateOn(engine: Engine, parameters: number, moments: MomentFormat = 'float32'): Promise<Measured> {
  const shape = [Math.round(parameters / WIDTH), WIDTH];
  const size = shape[0]! * WIDTH;
  const executor = await openExecutor(engine, {});
  const random = randomStream(1);
  const values = (scale: number): Float32Array => Float32Array.from({ length: size }, () => scale * (random() - 0.5));
  const initial = { weight: values(0.1) };
  const updates = new Updates(executor, { weight: { shape, dtype: 'float32' } }, { ...OPTIONS, moments }, initial);
  updates.gradients.weight!.write(values(0.01));
  let step = 0;
  return {
    name: moments === 'float32' ? engine : `${engine}, moments in ${moments}`,
    bytes: (moments === 'float32' ? BYTES_A_PARAMETER : BYTES_WITH_NARROW_MOMENTS) * size,
    milliseconds: [],
    busy: [],
    run: async () => {
      step++;
      await updates.apply({ learningRate: 1e-4, update: step, clipNorm: 1 }, false);
    },
  };
}

function copyOf(parameters: number): Measured {
  const copy = copier(parameters);
  const run = (): Promise<void> => {
    copy();
    return Promise.resolve();
  };
  return { name: 'copy', bytes: 8 * parameters, run, milliseconds: [], busy: [] };
}

async function main(millions: number): Promise<void> {
  const parameters = millions * 1e6;
  const engines: Engine[] = ['cpu', ...(findLibrary('openvino') === undefined ? [] : (['openvino'] as const))];
  const measured = [copyOf(parameters)];
  for (const engine of engines) measured.push(await updateOn(engine, parameters));
  if (engines.includes('openvino')) measured.push(await updateOn('openvino', parameters, 'bfloat16'));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const { run, milliseconds, busy } of measured) {
      const [started, before] = [performance.now(), process.cpuUsage()];
      await run();
      const { user, system } = process.cpuUsage(before);
      if (round < 0) continue;
      milliseconds.push(performance.now() - started);
      busy.push((user + system) / 1000);
    }
  }
  const rate = ({ bytes, milliseconds }: Measured): number => bytes / median(milliseconds) / 1e6;
  console.log(`${millions} million parameters, medians of ${ROUNDS} in turn\n`);
  console.log('| | ms | spread ± | ms of the processor | GB/s | of the copy |\n| --- | --- | --- | --- | --- | --- |');
  for (const one of measured) {
    const { name, milliseconds, busy } = one;
    const share = `${((100 * rate(one)) / rate(measured[0]!)).toFixed(0)} %`;
    const spread = `${(100 * relativeSpread(milliseconds)).toFixed(0)} %`;
    const [taken, used] = [milliseconds, busy].map((times) => median(times).toFixed(1));
    console.log(`| ${name} | ${taken} | ${spread} | ${used} | ${rate(one).toFixed(1)} | ${share} |`);
  }
}

void main(Number(process.argv[2] ?? MILLIONS));
