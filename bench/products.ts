/** @file How many floating-point operations a second the machine can do at best in a matrix product. */

import type { Executor } from '../src/engine/executor';
import { timeProduct } from '../src/engine/openvino/precision-times';

/** Rows, columns and inner size of a product large enough to show a library's best. */
const SIZE = 2048;

/** Operations a second of one large product. */
export async function productRate(executor: Executor): Promise<number> {
  return (2 * SIZE ** 3) / ((await timeProduct(executor, [SIZE, SIZE, SIZE])) / 1000);
}
