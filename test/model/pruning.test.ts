/** @file Narrower students from wider teachers: what is kept, and that a model without what was dead is the same model. */

import { readFileSync } from 'node:fs';
import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { measureImportance } from '../../src/distill/teacher/importance';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import { openExecutor } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { randomStream } from '../../src/engine/random';
import { type Architecture, embeddingWidth, keyValueHeadsOf } from '../../src/model/architecture';
import { backbone, headLogits } from '../../src/model/computations/transformer';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { createArchitecture, parameterShapes, sizeOfAxis } from '../../src/model/layouts/config';
import { layoutOf } from '../../src/model/layouts/families';
import type { Units } from '../../src/model/layouts/layout';
import { initializeFromLayers, initializeParameters, type Parameters } from '../../src/model/parameters';
import { chooseUnits, type Importance } from '../../src/model/pruning';
import type { Batch } from '../../src/dataset/batches';
import { expectClose, goldenFolder, hostParameters, readGolden, type Program } from '../golden/compare';
import { recordedOn } from '../golden/recorded';

let executor: Executor;
beforeAll(async () => {
  executor = await openExecutor('cpu', { threads: 1 });
});

const sizes = { hiddenSize: 32, layers: 2, heads: 4, intermediateSize: 24, vocabularySize: 40, maxPositions: 12 };
const exact = { ...sizes, layerNormEpsilon: 1e-12, initializerRange: 0.3, dropout: 0, attentionDropout: 0 };
const labels = ['ham', 'spam'];
const classifier = { ...exact, head: 'sequence-classification', labels, padId: 0 } as const;
const decoder = { ...exact, head: 'causal-lm', keyValueHeads: 2 } as const;

const teachers: Record<string, Architecture> = {
  bert: createArchitecture({ ...classifier, family: 'bert' }),
  distilbert: createArchitecture({ ...classifier, family: 'distilbert' }),
  roberta: createArchitecture({ ...classifier, family: 'roberta', padId: 1 }),
  electra: createArchitecture({ ...classifier, family: 'electra', embeddingSize: 12 }),
  mpnet: createArchitecture({ ...classifier, family: 'mpnet', padId: 1 }),
  modernbert: createArchitecture({ ...classifier, family: 'modernbert', slidingWindow: 4 }),
  gpt2: createArchitecture({ ...exact, family: 'gpt2', head: 'causal-lm' }),
  llama: createArchitecture({ ...decoder, family: 'llama' }),
  qwen2: createArchitecture({ ...decoder, family: 'qwen2', tieWordEmbeddings: true }),
  qwen3: createArchitecture({ ...decoder, family: 'qwen3', headSize: 16 }),
  gemma2: createArchitecture({ ...decoder, family: 'gemma2', slidingWindow: 4 }),
  olmo2: createArchitecture({ ...decoder, family: 'olmo2', keyValueHeads: 4 }),
  phi3: createArchitecture({ ...decoder, family: 'phi3' }),
};

/** Which of each kind are dead, by index; of heads those of keys and values, and the queries that share them. */
interface Dead {
  keyValueHeads?: number[];
  inner?: number[];
  width?: number[];
}

const alive = (all: number, dead: readonly number[] = []): number[] =>
  Array.from({ length: all }, (_, index) => index).filter((index) => !dead.includes(index));

/** Indices along an axis of what is dead. */
function deadAlong(a: Architecture, units: Units, dead: Dead): number[] {
  const groups = dead.keyValueHeads ?? [];
  const shared = a.heads / keyValueHeadsOf(a);
  const size = sizeOfAxis(a, 'headSize');
  const elements = (heads: number[]): number[] =>
    heads.flatMap((head) => Array.from({ length: size }, (_, element) => head * size + element));
  if (units === 'keys') return elements(groups);
  if (units === 'queries')
    return elements(groups.flatMap((g) => Array.from({ length: shared }, (_, i) => g * shared + i)));
  if (units === 'inner') return dead.inner ?? [];
  return units === 'width' || units === 'pooled' ? (dead.width ?? []) : [];
}

/**
 * Random weights with zeros wherever a dead unit is written or read. Where dimensions are dead, a layer norm sees the same as without them
 * only if the mean over the others is 0: they are made so, and norms, whose outputs other norms may see, uniform.
 */
function withDead(a: Architecture, dead: Dead): Parameters {
  const layout = layoutOf(a.family);
  const parameters = initializeParameters(a, 5);
  const random = randomStream(9);
  const shift = layout.initialNorm === 0 ? 1 : 0;
  for (const [name, axes] of Object.entries(layout.axes(a))) {
    const values = parameters[name]!;
    const isNorm = axes.length === 1 && name.endsWith('.weight');
    if (axes.length === 1)
      values.forEach((value, i) => (values[i] = value + (isNorm && dead.width ? 0 : 0.3 * (random() - 0.5))));
    const columns = axes.length > 1 ? sizeOfAxis(a, axes[1]!) : 1;
    for (const [which, axis] of axes.entries()) {
      let start = 0;
      for (const units of typeof axis === 'string' ? [axis] : axis) {
        const along = deadAlong(a, units, dead);
        const others = alive(sizeOfAxis(a, units), along).map((index) => start + index);
        const at = (index: number, other: number): number =>
          which === 0 ? index * columns + other : other * columns + index;
        const length = which === 0 ? columns : values.length / columns;
        for (let other = 0; other < length; other++) {
          if (units === 'width' && dead.width && !isNorm && !/lm_head|classifier|score/.test(name)) {
            const mean = others.reduce((sum, index) => sum + values[at(index, other)]!, 0) / others.length;
            for (const index of others) values[at(index, other)]! -= mean;
          }
          for (const index of along) values[at(start + index, other)] = isNorm ? -shift : 0;
        }
        start += sizeOfAxis(a, units);
      }
    }
  }
  return parameters;
}

const ids = Int32Array.from([3, 17, 9, 30, 5, 22, 8, 2, 39, 11, 3, 4]);

const batch: Batch = {
  rows: 3,
  length: 6,
  inputIds: Int32Array.from([...ids, ...new Int32Array(6)]),
  typeIds: new Int32Array(18),
  attentionMask: Float32Array.from([...new Array<number>(10).fill(1), 0, 0, ...new Array<number>(6).fill(0)]),
  labels: new Int32Array(18).fill(-100),
  indices: Int32Array.from([0, 1, -1]),
  tokens: 10,
};

async function importanceOf(a: Architecture, parameters: Parameters, from = batch): Promise<Importance> {
  const teacher = new FrozenTeacher(executor, a, parameters);
  const task = a.head === 'causal-lm' ? 'causal-lm' : a.head === 'masked-lm' ? 'masked-lm' : 'text-classification';
  const importance = await measureImportance(teacher, [from], task);
  teacher.release();
  return importance;
}

async function run(a: Architecture, parameters: Parameters): Promise<{ logits: Float32Array; last: Float32Array }> {
  const program: Program = (inputs) => {
    const tokens = { inputIds: inputs.ids as tf.Tensor2D, attentionMask: inputs.mask as tf.Tensor2D };
    const { hiddenStates } = backbone(a, inputs, tokens);
    return { last: hiddenStates[a.layers]!, logits: headLogits(a, inputs, hiddenStates[a.layers]!, tokens) };
  };
  const outputs = await recordedOn(executor)(program, {
    ...hostParameters(a, parameters),
    ids: { shape: [2, 6], dtype: 'int32', data: ids },
    mask: { shape: [2, 6], dtype: 'float32', data: new Float32Array(12).fill(1) },
  });
  return { logits: outputs.logits!.data as Float32Array, last: outputs.last!.data as Float32Array };
}

const families = Object.keys(teachers);

describe('a teacher without what is dead', () => {
  it.each(families)('%s: without dead units of its MLPs gives the same', async (family) => {
    const teacher = teachers[family]!;
    const dead = [0, 3, 4, 5, 6, 11, 13, 14, 15, 20, 21, 23];
    const parameters = withDead(teacher, { inner: dead });
    const student: Architecture = { ...teacher, intermediateSize: 12 };
    const kept = chooseUnits(await importanceOf(teacher, parameters), student, teacher, [0, 1]);
    for (const { inner } of kept.blocks) expect(inner).toEqual(alive(24, dead));
    const started = initializeFromLayers(student, teacher, parameters, [0, 1], 1, kept);
    expectClose('logits', (await run(student, started)).logits, (await run(teacher, parameters)).logits, 1e-5);
  });

  // OLMo 2's queries have one norm over all heads, which sees the dead ones.
  const named = families.filter((family) => layoutOf(teachers[family]!.family).namesHeadSize && family !== 'olmo2');
  it.each(named)('%s: without dead heads, and the queries that share them, gives the same', async (family) => {
    const teacher = teachers[family]!;
    const parameters = withDead(teacher, { keyValueHeads: [0] });
    const headSize = sizeOfAxis(teacher, 'headSize');
    const student: Architecture = { ...teacher, heads: 2, keyValueHeads: 1, headSize };
    const kept = chooseUnits(await importanceOf(teacher, parameters), student, teacher, [0, 1]);
    expect(kept.blocks[1]).toMatchObject({ heads: [2, 3], keyValueHeads: [1] });
    const started = initializeFromLayers(student, teacher, parameters, [0, 1], 1, kept);
    expectClose('logits', (await run(student, started)).logits, (await run(teacher, parameters)).logits, 1e-5);
  });

  it.each(families)('%s: without dead dimensions, and the heads that go with them, gives the same', async (family) => {
    const teacher = teachers[family]!;
    const names = layoutOf(teacher.family).namesHeadSize;
    const dead = [1, 2, 5, 6, 7, 8, 12, 15, 16, 20, 22, 25, 26, 28, 30, 31];
    const parameters = withDead(teacher, { width: dead, ...(!names && { keyValueHeads: [1, 2] }) });
    const headSize = sizeOfAxis(teacher, 'headSize');
    const student: Architecture = {
      ...teacher,
      hiddenSize: 16,
      ...(names ? { headSize } : { heads: 2 }),
    };
    const kept = chooseUnits(await importanceOf(teacher, parameters), student, teacher, [0, 1]);
    expect(kept.width).toEqual(alive(32, dead));
    const started = initializeFromLayers(student, teacher, parameters, [0, 1], 1, kept);
    const [ours, its] = [await run(student, started), await run(teacher, parameters)];
    const wanted = its.last.filter((_, i) => kept.width.includes(i % 32));
    // Gemma's last norm makes up for the scale of the embeddings, which its head reads too.
    if (family !== 'gemma2') expectClose('last hidden state', ours.last, wanted, 1e-5);
    // The norm in ModernBERT's head is behind a gelu, whose mean over the kept is not 0.
    if (family !== 'modernbert') expectClose('logits', ours.logits, its.logits, 1e-5);
  });
});

describe('what is kept', () => {
  const importance: Importance = {
    blocks: [
      { heads: Float64Array.of(1, 9, 2, 2, 5, 6, 0, 0), inner: Float64Array.of(3, 1, 2) },
      { heads: Float64Array.of(0, 0, 0, 7, 0, 0, 8, 8), inner: Float64Array.of(1, 1, 1) },
    ],
    width: Float64Array.of(3, 0, 4, 0),
  };
  const teacher = createArchitecture({ ...decoder, family: 'llama', hiddenSize: 4, heads: 8, keyValueHeads: 4 });

  it('is the most important of each block, the first where two are alike', () => {
    const student = { ...teacher, heads: 4, keyValueHeads: 2, hiddenSize: 2, intermediateSize: 2, headSize: 2 };
    const { blocks, width, widthShare } = chooseUnits(importance, student, teacher, [1, 0]);
    expect(blocks).toEqual([
      { block: 1, heads: [2, 3, 6, 7], keyValueHeads: [1, 3], inner: [0, 1] },
      { block: 0, heads: [0, 1, 4, 5], keyValueHeads: [0, 2], inner: [0, 2] },
    ]);
    expect([width, widthShare]).toEqual([[0, 2], 1]);
  });

  it('is in each group of queries that share keys and values equally many of them', () => {
    const student = { ...teacher, heads: 3, keyValueHeads: 3, hiddenSize: 1, headSize: 2 };
    const { blocks, widthShare } = chooseUnits(importance, student, teacher, [0]);
    expect(blocks[0]).toMatchObject({ heads: [1, 2, 5], keyValueHeads: [0, 1, 2] });
    expect(widthShare).toBe(16 / 25);
  });

  it('is the same heads in all blocks where they share what they add by distance, those that matter most in all together', () => {
    const wide = createArchitecture({ ...classifier, family: 'mpnet', padId: 1, hiddenSize: 4 });
    const student = { ...wide, hiddenSize: 2, heads: 2 };
    const block = (...heads: number[]) => ({ heads: Float64Array.from(heads), inner: new Float64Array(24) });
    const measured = { blocks: [block(5, 4, 0, 1), block(0, 4, 9, 1)], width: Float64Array.of(3, 0, 4, 0) };
    const kept = chooseUnits(measured, student, wide, [0, 1]);
    expect(kept.blocks.map(({ heads }) => heads)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    const values = initializeParameters(wide, 1);
    const name = 'mpnet.encoder.relative_attention_bias.weight';
    const [its, own] = [values[name]!, initializeFromLayers(student, wide, values, [0, 1], 7, kept)[name]!];
    expect(own).toEqual(Float32Array.from({ length: 64 }, (_, i) => its[4 * (i >> 1) + 1 + (i % 2)]!));
    // Of one block alone the other head matters more.
    expect(chooseUnits(measured, student, wide, [0]).blocks[0]!.heads).toEqual([0, 1]);
  });

  it('has of a teacher of another kind of head what both have', () => {
    const wide = teachers.bert!;
    const student: Architecture = { ...wide, intermediateSize: 8, labels: ['a', 'b', 'c'] };
    const all = chooseUnits(
      {
        blocks: [0, 1].map(() => ({ heads: new Float64Array(4), inner: new Float64Array(24) })),
        width: new Float64Array(32),
        pooled: new Float64Array(32),
      },
      student,
      wide,
      [0, 1],
    );
    const values = initializeParameters(wide, 1);
    const started = initializeFromLayers(student, wide, values, [0, 1], 7, all);
    expect(started['bert.pooler.dense.weight']).toEqual(values['bert.pooler.dense.weight']);
    expect(started['classifier.weight']).toEqual(initializeParameters(student, 7)['classifier.weight']);
    expect(Object.keys(started)).toEqual(Object.keys(parameterShapes(student)));
    expect(embeddingWidth(student)).toBe(32);
  });
});

interface Expected {
  heads: number[][];
  inner: number[][];
  width: number[];
  pooled?: number[];
}

describe('importance', () => {
  const file = new URL('../golden/data/importance.json', import.meta.url);
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Expected>;

  it.each(Object.keys(golden))('%s: is what PyTorch computes of the same model', async (folder) => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
    const {
      input_ids: tokens,
      attention_mask: mask,
      token_type_ids: types,
    } = await readGolden(folder, 'expected.safetensors');
    const [rows, length] = tokens!.shape as [number, number];
    const { blocks, width, pooled } = await importanceOf(architecture, parameters, {
      rows,
      length,
      inputIds: tokens!.data as Int32Array,
      typeIds: (types?.data as Int32Array | undefined) ?? new Int32Array(rows * length),
      attentionMask: Float32Array.from(mask!.data),
      labels: new Int32Array(rows * length).fill(-100),
      indices: Int32Array.from({ length: rows }, (_, i) => i),
      tokens: Array.from(mask!.data).reduce((sum, one) => sum + one, 0),
    });
    const wanted = golden[folder]!;
    for (const [i, block] of blocks.entries()) {
      expectClose(`heads ${i}`, block.heads, wanted.heads[i]!, 1e-4);
      expectClose(`inner ${i}`, block.inner, wanted.inner[i]!, 1e-4);
    }
    expectClose('width', width, wanted.width, 1e-3);
    expect(pooled === undefined).toBe(wanted.pooled === undefined);
    if (pooled) expectClose('pooled', pooled, wanted.pooled!, 1e-4);
  });
});
