/** @file The process of `openTogether`. Usage: shared-process-main.cjs ENGINE...; it writes a `SharedProcess`. */

import * as tf from '@tensorflow/tfjs-core';
import koffi from 'koffi';
import type { HostTensor } from '../../src/engine/array';
import { openExecutor, type Engine } from '../../src/engine/engines';
import { record } from '../../src/engine/graph/trace-backend';
import type { SharedProcess } from './shared-process';

async function main(engines: readonly Engine[]): Promise<void> {
  const x: HostTensor = { shape: [2, 2], dtype: 'float32', data: Float32Array.of(1, 2, 3, 4) };
  const square = record('square', { x }, (t) => ({ y: tf.matMul(t.x as tf.Tensor2D, t.x as tf.Tensor2D) }));
  const squares: SharedProcess['squares'] = {};
  for (const engine of engines) {
    const loaded = await (await openExecutor(engine)).load(square);
    squares[engine] = Array.from((await loaded.run({ x })).y!.data);
    await loaded.release();
  }
  process.stdout.write(JSON.stringify({ squares, keeps: keeps([64, 256]) } satisfies SharedProcess));
}

/** glibc gives back what it took by mmap, and counts such blocks. */
function keeps(sizes: readonly number[]): SharedProcess['keeps'] {
  try {
    const library = koffi.load('libc.so.6');
    koffi.struct('mallinfo2', {
      ...Object.fromEntries(['arena', 'ordblks', 'smblks', 'hblks'].map((name) => [name, 'size_t'])),
      others: koffi.array('size_t', 6),
    });
    const mallinfo = library.func('mallinfo2 mallinfo2()') as () => { hblks: number | bigint };
    const mapped = (): number => Number(mallinfo().hblks);
    const malloc = library.func('void *malloc(size_t bytes)');
    const free = library.func('void free(void *block)');
    return Object.fromEntries(
      sizes.map((size) => {
        const before = mapped();
        const block: unknown = malloc(size * 2 ** 20);
        const isKept = mapped() === before;
        free(block);
        return [size, isKept];
      }),
    );
  } catch {
    return {};
  }
}

void main(process.argv.slice(2) as Engine[]);
