/** @file Compiled graphs that OpenVINO's executor keeps from start to start: found only by what they were made from, used only where they compute. */

import * as tf from '@tensorflow/tfjs-core';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import { record } from '../../src/engine/graph/trace-backend';
import { findLibrary } from '../../src/engine/libraries';
import { cacheKey, GraphCache, type KeptGraph } from '../../src/engine/openvino/cache';
import {
  changedOutput,
  fingerprintOf,
  knownInputs,
  PLAIN_TOLERANCE,
  wrongOutput,
} from '../../src/engine/openvino/check';
import { createOpenVinoExecutor, type OpenVinoOptions } from '../../src/engine/openvino/openvino';
import { hasBfloat16 } from './processor';

const missing = findLibrary('openvino') === undefined;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distillery-graphs-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const matrix = (rows: number, columns: number, seed = 1): HostTensor => ({
  shape: [rows, columns],
  dtype: 'float32',
  data: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + i * 0.7)),
});

const [x, w] = [matrix(16, 64), matrix(64, 16, 2)];
const programOf = (after: (y: tf.Tensor) => tf.Tensor) =>
  record('product', { x, w }, (t) => ({ y: after(tf.matMul(t.x as tf.Tensor2D, t.w as tf.Tensor2D)) }));
const product = programOf((y) => tf.mul(y, 2));
/** Graphs with the same inputs and outputs. */
const another = programOf((y) => tf.mul(y, 2.1));
const nothing = programOf((y) => tf.log(tf.sub(tf.neg(tf.square(y)), 1)));

/** What a start with these options computes, and what it says. */
async function start(options: OpenVinoOptions = {}, program = product): Promise<{ y: number[]; notes: string[] }> {
  const executor = createOpenVinoExecutor({ cache: folder, ...options });
  const notes: string[] = [];
  executor.onNote = (line) => notes.push(line);
  const loaded = await executor.load(program);
  const { y } = await loaded.run({ x, w });
  await loaded.release();
  return { y: Array.from(y!.data), notes };
}

const keysIn = (directory: string): string[] => readdirSync(directory).map((name) => name.replace('.graph', ''));

/** What a start keeps of a program, in a folder of its own. */
async function keptOf(program: typeof product): Promise<KeptGraph> {
  const apart = join(folder, 'apart');
  const { y } = await start({ cache: apart }, program);
  expect(y).toHaveLength(256);
  const kept = await GraphCache.open(apart)!.find(keysIn(apart)[0]!);
  rmSync(apart, { recursive: true });
  return kept!;
}

describe.skipIf(missing)('compiled graphs', () => {
  it.skipIf(!hasBfloat16).each([
    ['float32', 'bfloat16'],
    ['bfloat16', 'float32'],
  ] as const)('of %s are not found by %s, and both are what they are without a cache', async (...order) => {
    const cold = await Promise.all(order.map((precision) => start({ precision, cache: null })));
    expect(cold[0]!.y).not.toEqual(cold[1]!.y);
    for (const round of ['compiled', 'kept']) {
      for (const [i, precision] of order.entries()) {
        expect((await start({ precision })).y, `${precision}, ${round}`).toEqual(cold[i]!.y);
        if (round === 'compiled') expect(keysIn(folder)).toHaveLength(i + 1);
      }
    }
    expect(keysIn(folder)).toHaveLength(2);
  });

  it('of other threads, properties and switches of the library are not found', async () => {
    await start({ threads: 1 });
    await start({ threads: 2 });
    await start({ threads: 1, properties: { PERF_COUNT: 'YES' } });
    process.env.ONEDNN_MAX_CPU_ISA = 'AVX2';
    try {
      await start({ threads: 1 });
    } finally {
      delete process.env.ONEDNN_MAX_CPU_ISA;
    }
    expect(keysIn(folder)).toHaveLength(4);
    await start({ threads: 2 });
    expect(keysIn(folder)).toHaveLength(4);
  });

  it('have a key of the library, the device, what it can, and the model itself', () => {
    const facts = {
      library: '2026.4.1-1',
      device: 'CPU',
      deviceName: 'a processor',
      capabilities: 'BF16 FP32',
      processor: 'avx512_bf16 amx_bf16',
      environment: {},
      properties: { INFERENCE_PRECISION_HINT: 'bf16', NUM_STREAMS: '1' },
    };
    const model = Buffer.from('model');
    const keys = [
      cacheKey(facts, model),
      cacheKey(facts, Buffer.from('Model')),
      cacheKey({ ...facts, library: '2026.4.1-2' }, model),
      cacheKey({ ...facts, device: 'GPU' }, model),
      cacheKey({ ...facts, deviceName: 'another' }, model),
      cacheKey({ ...facts, capabilities: 'FP32' }, model),
      // A virtual machine may hide AMX from one guest and show it to another, under the same name.
      cacheKey({ ...facts, processor: 'avx512_bf16' }, model),
      cacheKey({ ...facts, environment: { OV_CPU_MAX_ISA: 'AVX2' } }, model),
      cacheKey({ ...facts, properties: { ...facts.properties, INFERENCE_PRECISION_HINT: 'f32' } }, model),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    const { INFERENCE_PRECISION_HINT, NUM_STREAMS } = facts.properties;
    expect(cacheKey({ ...facts, properties: { NUM_STREAMS, INFERENCE_PRECISION_HINT } }, model)).toBe(keys[0]);
  });

  it.each<[string, (content: Buffer) => Buffer]>([
    ['damaged', () => Buffer.from('damaged')],
    ['empty', () => Buffer.alloc(0)],
    ['truncated', (content) => content.subarray(0, content.length >> 1)],
    ['one byte longer', (content) => Buffer.concat([content, Buffer.of(0)])],
    [
      'wrong in one bit',
      (content) => Buffer.from(content.map((byte, i) => (i === content.length >> 1 ? byte ^ 1 : byte))),
    ],
  ])('that are %s are compiled anew, and replaced', async (_, damage) => {
    const first = await start();
    const file = join(folder, readdirSync(folder)[0]!);
    const content = readFileSync(file);
    writeFileSync(file, damage(content));
    expect(await start()).toEqual(first);
    expect(
      readFileSync(file)
        .subarray(32 + 4)
        .includes('fingerprint'),
    ).toBe(true);
    expect(await start()).toEqual(first);
    expect(keysIn(folder)).toHaveLength(1);
  });

  it('under the name of another are compiled anew', async () => {
    const first = await start();
    const file = join(folder, readdirSync(folder)[0]!);
    await start({}, another);
    const other = readdirSync(folder).find((name) => !file.endsWith(name))!;
    writeFileSync(file, readFileSync(join(folder, other)));
    expect(await start()).toEqual(first);
  });

  it('that are whole and compute something else are refused, which is said, and compiled anew', async () => {
    const first = await start();
    const [key] = keysIn(folder);
    const cache = GraphCache.open(folder)!;
    const mine = (await cache.find(key!))!;
    await cache.keep(key!, { blob: (await keptOf(another)).blob, fingerprint: mine.fingerprint! });
    const { y, notes } = await start();
    expect(y).toEqual(first.y);
    expect(notes).toEqual([
      expect.stringMatching(/product of an earlier start was refused \(its output y.*compiled anew/),
    ]);
    expect(await start()).toEqual(first);
  });

  it('too large for that check are refused where their first run computes NaN', async () => {
    const first = await start();
    const [key] = keysIn(folder);
    const { blob } = await keptOf(nothing);
    await GraphCache.open(folder)!.keep(key!, { blob });
    const { y, notes } = await start();
    expect(y).toEqual(first.y);
    expect(notes).toEqual([expect.stringMatching(/refused \(it computed NaN or infinity in its first run\)/)]);
  });

  it('that the library cannot read are refused, which is said, and compiled anew', async () => {
    const first = await start();
    await GraphCache.open(folder)!.keep(keysIn(folder)[0]!, { blob: Buffer.from('of another version') });
    const { y, notes } = await start();
    expect(y).toEqual(first.y);
    expect(notes).toEqual([expect.stringMatching(/was refused \(OpenVINO: /)]);
  });

  it('are whole, and one, where several starts write them at once', async () => {
    const starts = await Promise.all(Array.from({ length: 4 }, () => start({ threads: 1 })));
    for (const one of starts) expect(one).toEqual(starts[0]);
    expect(keysIn(folder)).toHaveLength(1);
    expect((await start({ threads: 1 })).notes).toEqual([]);
  });

  it('are not needed: a folder that cannot be made costs time only', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect((await start({ cache: join(file, 'in a file') })).notes).toEqual([]);
  });
});

describe('the folder of compiled graphs', () => {
  const name = (i: number): string => String(i).padStart(64, '0');

  it('loses what an earlier layout and broken writes left, and nothing else', async () => {
    const old = join(folder, '2026.4.1');
    mkdirSync(old);
    writeFileSync(join(old, '949877753980109735.blob'), 'float32 or bfloat16, who knows');
    writeFileSync(join(folder, '2100162750340537462.blob'), '');
    for (const part of ['1-1', '2-1']) writeFileSync(join(folder, `${name(1)}.graph.${part}`), 'half');
    utimesSync(join(folder, `${name(1)}.graph.1-1`), new Date(0), new Date(0));
    writeFileSync(join(folder, 'notes.txt'), 'of somebody');
    await GraphCache.open(folder)!.keep(name(2), { blob: Buffer.from('graph') });
    GraphCache.open(folder);
    expect(readdirSync(folder).sort()).toEqual([`${name(1)}.graph.2-1`, `${name(2)}.graph`, 'notes.txt']);
    expect(existsSync(old)).toBe(false);
  });

  it('holds so much, and loses what was used longest ago', async () => {
    const cache = GraphCache.open(folder)!;
    for (let i = 0; i < 5; i++) {
      await cache.keep(name(i), { blob: Buffer.alloc(600) });
      utimesSync(join(folder, `${name(i)}.graph`), new Date(1e12 + i), new Date(1e12 + i));
    }
    expect(await cache.find(name(0))).toBeDefined();
    GraphCache.open(folder, 3000);
    expect(keysIn(folder).sort()).toEqual([0, 2, 3, 4].map(name));
  });
});

describe('the check of a graph', () => {
  const tensors = (values: readonly number[], loss: number): Record<string, HostTensor> => ({
    gradient: { shape: [values.length], dtype: 'float32', data: Float32Array.from(values) },
    loss: { shape: [], dtype: 'float32', data: Float32Array.of(loss) },
  });
  const plain = tensors([0.1, -0.2, 0.3, 0.4], 2);
  const scaled = (by: number, loss = 2): Record<string, HostTensor> =>
    tensors(
      [0.1, -0.2, 0.3, 0.4].map((value) => value * by),
      loss,
    );

  it.each([
    ['f32', 1 + 1e-5, undefined],
    ['f32', 1.01, 'gradient'],
    ['bf16', 1.03, undefined],
    ['bf16', 2, 'gradient'],
    ['bf16', -1, 'gradient'],
    ['bf16', NaN, 'gradient'],
    ['f32', Infinity, 'gradient'],
  ] as const)('in %s finds values times %f: %s', (precision, by, found) => {
    expect(wrongOutput(scaled(by), plain, PLAIN_TOLERANCE[precision])).toBe(found);
  });

  it('looks at each output by its own size', () => {
    expect(wrongOutput(scaled(1, 5), plain, PLAIN_TOLERANCE.bf16)).toBe('loss');
    expect(wrongOutput(scaled(0), plain, PLAIN_TOLERANCE.bf16)).toBe('gradient');
  });

  it('knows what was computed before', () => {
    const before = fingerprintOf(plain);
    expect(changedOutput(scaled(1), before)).toBeUndefined();
    expect(changedOutput(scaled(1.003), before)).toBe('gradient');
    expect(changedOutput(tensors([0.4, 0.3, -0.2, 0.1], 2), before)).toBe('gradient');
    expect(changedOutput(scaled(1, NaN), before)).toBe('loss');
  });

  it('is of inputs that are the same each time, whose rows and tensors are not alike', () => {
    const specs = { a: { shape: [300, 64], dtype: 'float32' }, b: { shape: [300, 64], dtype: 'float32' } } as const;
    const { graph } = record('products', specs, ({ a, b }) => ({ product: tf.matMul(a!, b!, false, true) }));
    const [once, again] = [knownInputs(graph, {}), knownInputs(graph, {})];
    expect(once).toEqual(again);
    const rows = ({ data }: HostTensor): string[] =>
      Array.from({ length: 300 }, (_, row) => data.slice(row * 64, (row + 1) * 64).join());
    expect(new Set([...rows(once.a!), ...rows(once.b!)]).size).toBe(600);
  });
});
