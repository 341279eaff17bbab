/** @file Weights that are kept as bfloat16 give, bit for bit, what the same weights give as float32, and are copied by no kernel. */

import { describe, expect, it } from 'vitest';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import { productWeights } from '../../src/distill/teacher/product-weights';
import { teacherProgram } from '../../src/distill/teacher/teacher-program';
import { parameterSpecs } from '../../src/distill/specs';
import { sizeOf, type HostTensor } from '../../src/engine/array';
import type { GraphInput } from '../../src/engine/executor';
import { findLibrary } from '../../src/engine/libraries';
import { GraphCompiler } from '../../src/engine/openvino/compiler';
import { loadOpenVino } from '../../src/engine/openvino/loading';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import { OpenVinoProgram } from '../../src/engine/openvino/program';
import { OpenVinoTensor } from '../../src/engine/openvino/tensor';
import type { Architecture } from '../../src/model/architecture';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters, type FrozenParameters, type Parameters } from '../../src/model/parameters';
import { decodeBfloat16, encodeBfloat16 } from '../../src/protocol/float16';
import { torture } from '../torture';
import { tinyPair, tinyTrainer } from '../distill/tiny-pair';
import { hasBfloat16 } from './processor';

const missing = findLibrary('openvino') === undefined || !hasBfloat16;

/** The same values in both forms; vectors stay float32. */
function bothForms(architecture: Architecture, parameters: Parameters): { wide: Parameters; narrow: FrozenParameters } {
  const forms = { wide: {} as Parameters, narrow: {} as FrozenParameters };
  for (const [name, { shape }] of Object.entries(parameterSpecs(architecture))) {
    const bits = encodeBfloat16(parameters[name]!);
    forms.wide[name] = decodeBfloat16(bits);
    forms.narrow[name] = shape.length > 1 ? bits : forms.wide[name];
  }
  return forms;
}

const ROWS = 8;
const LENGTH = 32;

/** Matrices of more than a MiB and of less, a feed-forward layer that is cut in parts, a tied head. */
const teacherOf = (family: 'llama' | 'gpt2'): Architecture =>
  createArchitecture({
    family,
    head: 'causal-lm',
    hiddenSize: 768,
    heads: 6,
    layers: torture ? 2 : 1,
    vocabularySize: 600,
    maxPositions: LENGTH,
    intermediateSize: 3072,
    tieWordEmbeddings: true,
  });

describe.skipIf(missing)('weights that are kept as bfloat16', () => {
  it.each(['llama', 'gpt2'] as const)('are read where they lie by the kernels of %s', async (family) => {
    const teacher = teacherOf(family);
    const tokens = ROWS * LENGTH;
    const program = teacherProgram(
      { teacher, blocks: [{ reading: 'hidden', block: 0 }] },
      { rows: ROWS, length: LENGTH, predictions: tokens },
    );
    const forms = bothForms(teacher, initializeParameters({ ...teacher, initializerRange: 0.05 }, 1));
    const library = loadOpenVino();
    const facts = { library: '', device: 'CPU', deviceName: '', capabilities: '', processor: '', environment: {} };
    const properties = { PERF_COUNT: 'YES', NUM_STREAMS: '1', INFERENCE_NUM_THREADS: '2' };
    const compiler = new GraphCompiler(library, { ...facts, properties }, undefined, () => undefined);
    const shape = [ROWS, LENGTH];
    const ids: Record<string, HostTensor> = {
      inputIds: { shape, dtype: 'int32', data: Int32Array.from({ length: tokens }, (_, i) => (i * 37) % 600) },
      typeIds: { shape, dtype: 'int32', data: new Int32Array(tokens) },
      attentionMask: { shape, dtype: 'float32', data: new Float32Array(tokens).fill(1) },
      predictionRows: { shape: [tokens], dtype: 'int32', data: Int32Array.from({ length: tokens }, (_, i) => i) },
    };
    const ran: Record<string, { outputs: Record<string, HostTensor>; kernels: Map<string, number> }> = {};
    for (const [form, parameters] of Object.entries(forms)) {
      const tensors = Object.entries(parameterSpecs(teacher)).map(
        ([name, spec]) => [`teacher.${name}`, new OpenVinoTensor(library, spec, parameters[name]!)] as const,
      );
      const given: Record<string, GraphInput> = Object.fromEntries(tensors);
      const narrow = tensors.filter(([, { stored }]) => stored === 'bfloat16').map(([name]) => name);
      const loaded = await compiler.load(program.graph, {}, 'bf16', new Set(narrow));
      if (!(loaded instanceof OpenVinoProgram)) throw new Error('not a program of OpenVINO');
      const kernels = new Map<string, number>();
      loaded.onRun = (times) => {
        for (const { operator } of times) kernels.set(operator, (kernels.get(operator) ?? 0) + 1);
      };
      const outputs = await loaded.run({ ...ids, ...given });
      ran[form] = { outputs, kernels };
      await loaded.release();
      for (const [, tensor] of tensors) tensor.dispose();
    }
    const { wide, narrow } = ran;
    expect(Object.keys(narrow!.outputs).sort()).toEqual(['hidden.0', 'prediction']);
    for (const [name, { data }] of Object.entries(narrow!.outputs))
      expect(data, name).toEqual(wide!.outputs[name]!.data);
    // Float32 weights are rounded in each run, each by a kernel. What would widen or copy the others would be one too.
    const reorders = (kernels: Map<string, number>): number => kernels.get('Reorder') ?? 0;
    expect(reorders(narrow!.kernels)).toBeLessThan(reorders(wide!.kernels));
    for (const operator of ['Eltwise', 'Subgraph', 'MatMul', 'FullyConnected']) {
      expect(narrow!.kernels.get(operator), operator).toBe(wide!.kernels.get(operator));
    }
    // Of rows that were looked up.
    expect(narrow!.kernels.get('Convert') ?? 0).toBeLessThan(2);
  });

  it.each(['causal-lm', 'text-classification'] as const)('teach a student of %s the same', async (task) => {
    const executor = createOpenVinoExecutor({ precision: 'bfloat16', cache: null });
    const pair = tinyPair(task, { hidden: { layers: [[1, 1]], loss: 'mse', weight: 0.5 } });
    const { wide, narrow } = bothForms(pair.pairing.teacher, pair.teacher);
    const losses: unknown[] = [];
    const learnt: unknown[] = [];
    for (const teacher of [wide, narrow]) {
      const trainer = tinyTrainer(executor, { ...pair, teacher });
      const steps: unknown[] = [];
      // A second one is compiled for other shapes.
      for (let step = 0; step < (torture ? 2 : 1); step++) steps.push((await trainer.step()).loss);
      losses.push(steps);
      learnt.push((await trainer.state()).parameters);
      await trainer.release();
    }
    expect(losses[1]).toEqual(losses[0]);
    expect(learnt[1]).toEqual(learnt[0]);
  });

  it.each(['causal-lm', 'text-classification'] as const)(
    'teach a student of %s the same where they are rounded and in products alone',
    async (task) => {
      const executor = createOpenVinoExecutor({ precision: 'bfloat16', cache: null });
      const pair = tinyPair(task, { hidden: { layers: [[1, 1]], loss: 'mse', weight: 0.5 } });
      const names = productWeights(pair.pairing.teacher);
      // Three blocks; neither embeddings, nor a head that shares them.
      expect(names.size).toBeGreaterThanOrEqual(3 * 4);
      expect([...names].filter((name) => /embed|wte|wpe/.test(name))).toEqual([]);
      const rounded: FrozenParameters = { ...pair.teacher };
      for (const name of names) rounded[name] = encodeBfloat16(pair.teacher[name]!);
      const losses: unknown[] = [];
      for (const teacher of [pair.teacher, rounded]) {
        const trainer = tinyTrainer(executor, { ...pair, teacher });
        losses.push((await trainer.step()).loss);
        await trainer.release();
      }
      expect(losses[1]).toEqual(losses[0]);
    },
  );

  it('are as the float32 ones to who reads them', async () => {
    const executor = createOpenVinoExecutor({ precision: 'bfloat16', cache: null });
    const { pairing, teacher } = tinyPair('causal-lm');
    const { wide, narrow } = bothForms(pairing.teacher, teacher);
    const frozen = new FrozenTeacher(executor, pairing.teacher, narrow);
    for (const [name, { shape }] of Object.entries(parameterSpecs(pairing.teacher))) {
      const placed = frozen.parameters[`teacher.${name}`]!;
      expect(placed).toMatchObject({ shape, dtype: 'float32' });
      expect(await placed.read(), name).toEqual(wide[name]);
      expect((await placed.read()).length).toBe(sizeOf(shape));
    }
    frozen.release();
  });

  it('are not taken by an engine that computes in float32', () => {
    expect(createOpenVinoExecutor({ cache: null })).not.toHaveProperty('placeBfloat16');
  });
});
