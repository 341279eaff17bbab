import { beforeAll, describe, expect, it } from 'vitest';
import type { TensorSpec } from '../../src/engine/array';
import type { DeviceTensor, Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { rateFactors, type BlockRates } from '../../src/distill/training/block-rates';
import { parameterSpecs } from '../../src/distill/specs';
import { createArchitecture } from '../../src/model/layouts/config';
import type { Architecture, Head } from '../../src/model/architecture';
import type { Family } from '../../src/model/layouts/families';
import { decaysByDefault } from '../../src/distill/training/optimizer';
import { layOut } from '../../src/distill/training/tensor-group';
import { Updates } from '../../src/distill/training/updates';
import type { Parameters } from '../../src/model/parameters';

const shapes: Record<string, number[]> = { 'a.weight': [600, 500], 'a.bias': [7], 'b.weight': [3, 5], 'b.bias': [33] };
const specs: Record<string, TensorSpec> = Object.fromEntries(
  Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: 'float32' }]),
);

const random = (seed: number): Parameters =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin((i + 1) * seed)),
    ]),
  );

const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, decays: decaysByDefault };
const scalarsOf = (t: number, clipNorm: number) => ({
  learningRate: 0.01,
  update: t,
  clipNorm,
});

let joining: Executor;
/** The same executor, as one whose memory cannot be divided. */
let separating: Executor;
beforeAll(async () => {
  joining = await createCpuExecutor();
  separating = { ...joining };
  delete separating.view;
});

const write = (tensors: Readonly<Record<string, DeviceTensor>>, values: Parameters): void => {
  for (const [name, tensor] of Object.entries(tensors)) tensor.write(values[name]!);
};

const read = async (tensors: Readonly<Record<string, DeviceTensor>>): Promise<Parameters> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(tensors).map(async ([name, tensor]) => [name, (await tensor.read()) as Float32Array] as const),
    ),
  );

const bytes = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Three updates, the second from two batches; all that they leave behind. */
async function threeUpdates(executor: Executor, clipNorm: number) {
  const updates = new Updates(executor, specs, options, random(1));
  const norms: number[] = [];
  for (const [step, seeds] of [[2], [3, 4], [5]].entries()) {
    for (const [batch, seed] of seeds.entries()) {
      write(updates.gradients, random(seed));
      if (seeds.length > 1) await updates.accumulate(batch === 0);
    }
    norms.push(await updates.apply(scalarsOf(step + 1, clipNorm), seeds.length > 1));
  }
  const state = await Promise.all(
    [updates.parameters, updates.first, updates.second].map((group) => read(group.tensors)),
  );
  await updates.release();
  return { norms, state };
}

describe('updates', () => {
  it('are the same to the last bit over joined pieces as over whole tensors', async () => {
    const [joined, separate] = [await threeUpdates(joining, 0), await threeUpdates(separating, 0)];
    for (const [group, tensors] of joined.state.entries()) {
      for (const [name, data] of Object.entries(tensors)) {
        expect(Buffer.compare(bytes(data), bytes(separate.state[group]![name]!)), `${group} ${name}`).toBe(0);
      }
    }
  });

  it('clip by the norm of all tensors together, however they lie', async () => {
    const [joined, separate] = [await threeUpdates(joining, 1), await threeUpdates(separating, 1)];
    joined.norms.forEach((norm, i) => expect(norm / separate.norms[i]!).toBeCloseTo(1, 5));
    for (const [name, data] of Object.entries(joined.state[1]!)) {
      const [one, other] = [data[0]!, separate.state[1]![name]![0]!];
      expect(one, name).toBeCloseTo(other, 7);
      expect(Math.abs(one), name).toBeLessThan(0.01);
    }
  });

  it('report the norm of the accumulated gradients before clipping', async () => {
    const { norms } = await threeUpdates(joining, 1);
    const [third, fourth] = [random(3), random(4)];
    const squares = Object.keys(shapes).flatMap((name) =>
      Array.from(third[name]!, (value, i) => (value + fourth[name]![i]!) ** 2),
    );
    expect(norms[1]!).toBeCloseTo(Math.sqrt(squares.reduce((a, b) => a + b)), 2);
  });

  it.each(['joined', 'apart'])('give each parameter its own rate, and leave alone what is frozen: %s', async (how) => {
    const executor = how === 'joined' ? joining : separating;
    const rates: Record<string, number> = { 'a.weight': 0, 'a.bias': 0.5, 'b.weight': 0.5, 'b.bias': 1 };
    const updates = new Updates(executor, specs, options, random(1), (name) => rates[name]!);
    write(updates.gradients, random(2));
    const norm = await updates.apply(scalarsOf(1, 0), false);
    const learning = Object.keys(rates).filter((name) => rates[name] !== 0);
    const squares = learning.flatMap((name) => Array.from(random(2)[name]!, (value) => value ** 2));
    expect(norm).toBeCloseTo(Math.sqrt(squares.reduce((a, b) => a + b)), 4);
    const after = await read(updates.parameters.tensors);
    await updates.release();
    expect(Buffer.compare(bytes(after['a.weight']!), bytes(random(1)['a.weight']!))).toBe(0);
    for (const name of learning) {
      // The first update of Adam is the rate itself, whatever the gradient; weights decay by as much less.
      const rate = rates[name]! * 0.01;
      const kept = decaysByDefault(name, shapes[name]!) ? 1 - rate * options.weightDecay : 1;
      const [before, gradient] = [random(1)[name]!, random(2)[name]!];
      const errors = after[name]!.map((value, i) =>
        Math.abs(value - before[i]! * kept + rate * Math.sign(gradient[i]!)),
      );
      expect(Math.max(...errors), name).toBeLessThan(1e-6);
    }
  });

  it('leave the initial values alone', async () => {
    const initial = random(1);
    const updates = new Updates(separating, specs, options, initial);
    write(updates.gradients, random(2));
    await updates.apply(scalarsOf(1, 1), false);
    expect(initial).toEqual(random(1));
    expect(await read(updates.parameters.tensors)).not.toEqual(initial);
  });
});

describe('the rates of blocks', () => {
  const architecture = (family: Family, head: Head): Architecture =>
    createArchitecture({
      family,
      head,
      hiddenSize: 8,
      layers: 2,
      heads: 2,
      vocabularySize: 9,
      maxPositions: 8,
      labels: ['a', 'b'],
    });

  it.each([
    ['bert', 'sequence-classification', 'bert.embeddings.LayerNorm.bias', 'bert.encoder.layer.0.', 'classifier.weight'],
    [
      'electra',
      'sequence-classification',
      'electra.embeddings.word_embeddings.weight',
      'electra.encoder.layer.0.',
      'classifier.out_proj.bias',
    ],
    [
      'mpnet',
      'sequence-classification',
      'mpnet.encoder.relative_attention_bias.weight',
      'mpnet.encoder.layer.0.',
      'classifier.out_proj.bias',
    ],
    ['modernbert', 'masked-lm', 'model.embeddings.norm.weight', 'model.layers.0.', 'head.dense.weight'],
    ['gpt2', 'causal-lm', 'transformer.wpe.weight', 'transformer.h.0.', 'transformer.ln_f.weight'],
    ['llama', 'causal-lm', 'model.embed_tokens.weight', 'model.layers.0.', 'model.norm.weight'],
  ] as const)('%s, %s: fall from the head to the embeddings', (family, head, embedding, block, above) => {
    const a = architecture(family, head);
    const names = Object.keys(parameterSpecs(a));
    const of = (settings: Partial<BlockRates>) => rateFactors(a, { layerDecay: 1, frozenBlocks: 0, ...settings });
    const decayed = of({ layerDecay: 0.5 });
    const first = names.filter((name) => name.startsWith(block));
    expect(first.length).toBeGreaterThan(4);
    expect([above, first[0]!.replace('.0.', '.1.'), first[0]!, embedding].map(decayed)).toEqual([1, 0.5, 0.25, 0.125]);
    expect(decayed('projection.0')).toBe(1);
    const frozen = of({ frozenBlocks: 1 });
    expect([embedding, ...first].every((name) => frozen(name) === 0)).toBe(true);
    expect([above, first[0]!.replace('.0.', '.1.'), 'projection.0'].map(frozen)).toEqual([1, 1, 1]);
    expect(names.filter((name) => of({ frozenBlocks: 9 })(name) > 0)).toContain(above);
  });
});

describe('a layout', () => {
  it('keeps what decays apart from what does not, in pieces that cover every tensor once', () => {
    const { kinds, joined } = layOut(joining, specs, decaysByDefault);
    const sizes = kinds.map(({ specs: { piece }, count }) => piece!.shape[0]! * count);
    expect(kinds.map(({ decays }) => decays('', []))).toEqual([true, false]);
    expect(kinds[0]!.count).toBe(2);
    expect(sizes[0]! + sizes[1]!).toBe(joined!.size);
    const ranges = [...joined!.starts].map(([name, start]) => [start, start + shapes[name]!.reduce((a, b) => a * b)]);
    const ordered = ranges.sort((a, b) => a[0]! - b[0]!);
    ordered.slice(1).forEach(([start], i) => expect(start).toBeGreaterThanOrEqual(ordered[i]![1]!));
    for (const [name, start] of joined!.starts) {
      expect(start < sizes[0]!, name).toBe(decaysByDefault(name, shapes[name]!));
    }
  });

  it('has pieces as large as the executor wants them, in whole rows of 1,024', () => {
    const [small, large] = [2 ** 16, 2 ** 20].map((pieceElements) => {
      const { kinds } = layOut({ ...joining, pieceElements }, specs, decaysByDefault);
      return kinds.map(({ specs: { piece }, count }) => [piece!.shape[0]!, count]);
    });
    expect(small).toEqual([
      [59 * 1024, 5],
      [1024, 1],
    ]);
    expect(large).toEqual([
      [293 * 1024, 1],
      [1024, 1],
    ]);
  });
});

describe('a piece that fails', () => {
  it('is the error of the update, whatever becomes of the piece after it', async () => {
    const failing: Executor = {
      ...joining,
      pieceElements: 2 ** 16,
      load: async (program) => {
        const loaded = await joining.load(program);
        if (program.graph.name !== 'update') return loaded;
        let runs = 0;
        return { ...loaded, run: () => Promise.reject(new Error(`piece ${runs++} failed`)) };
      },
    };
    const updates = new Updates(failing, specs, options, random(1));
    write(updates.gradients, random(2));
    await expect(updates.apply(scalarsOf(1, 1), false)).rejects.toThrow('piece 0 failed');
    await updates.release();
  });
});
