/** @file Operations a second of a large matrix product on one engine. Usage: rate.js ENGINE PRECISION THREADS; writes one number. */

import { openExecutor, type Engine } from '../src/engine/engines';
import type { Precision } from '../src/protocol/engines';
import { productRate } from './products';

async function main(engine: Engine, precision: Precision, threads: number): Promise<void> {
  process.stdout.write(String(await productRate(await openExecutor(engine, { precision, threads }))));
}

const [engine, precision, threads] = process.argv.slice(2);
void main(engine as Engine, precision as Precision, Number(threads));
