/** @file Which of the CPU plugin's kernels computes a product here: it takes the processor's instructions, and what the environment forbids of them, into account. */

import type { Graph } from '../graph/graph';
import { GraphBuilder } from '../graph/graph-builder';
import { toOnnx } from '../graph/onnx';
import { knownInputs } from './check';
import type { KernelTime, OpenVinoLibrary } from './library';
import { OpenVinoProgram } from './program';

/** Rows and columns, enough for the kernels that large products have. */
const SIZE = 64;

/** One thread is as good as many for it. */
const PROPERTIES = { INFERENCE_PRECISION_HINT: 'f32', INFERENCE_NUM_THREADS: '1', PERF_COUNT: 'YES' };

/** Asked once in a process, which has one library. */
const known = new WeakMap<OpenVinoLibrary, Promise<string>>();

/** The plugin's word for the kernel of products in float32, for example `brgemm_avx2_f32`. */
export function productKernel(library: OpenVinoLibrary): Promise<string> {
  const asked = known.get(library) ?? kernelOfSmallProduct(library);
  known.set(library, asked);
  return asked;
}

async function kernelOfSmallProduct(library: OpenVinoLibrary): Promise<string> {
  const graph = smallProduct();
  const compiled = await library.compile(toOnnx(graph, {}).model, 'CPU', PROPERTIES);
  const program = new OpenVinoProgram(library, compiled, graph, {}, new Set());
  const kernels: KernelTime[] = [];
  program.onRun = (run) => kernels.push(...run);
  await program.runOnce(knownInputs(graph, {}));
  await program.release();
  return kernels.find(({ operator }) => operator === 'MatMul')?.implementation ?? '';
}

function smallProduct(): Graph {
  const graph = new GraphBuilder('small product');
  const spec = { shape: [SIZE, SIZE], dtype: 'float32' as const };
  const [x, w] = [graph.input('x', spec), graph.input('w', spec)];
  return graph.finish({ y: graph.node('Gemm', [x, w], { shape: spec.shape, type: 'float32' }) });
}
