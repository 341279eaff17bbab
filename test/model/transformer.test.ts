import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Architecture } from '../../src/model/architecture';
import { createArchitecture, parameterShapes } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import {
  backbone,
  classificationLogits,
  classifiedRows,
  logits,
  vocabularyHead,
} from '../../src/model/computations/transformer';
import { type ModelInputs, type ParameterTensors } from '../../src/model/computations/computation';
import { expectClose } from '../golden/compare';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const sizes = { hiddenSize: 16, layers: 2, heads: 2, vocabularySize: 30, maxPositions: 12, initializerRange: 0.3 };
const classes = { head: 'sequence-classification' as const, labels: ['a', 'b', 'c'] };
const bertClassifier = createArchitecture({ family: 'bert', ...classes, ...sizes });
const bertMasked = createArchitecture({ family: 'bert', head: 'masked-lm', ...sizes });
const gpt2 = createArchitecture({ family: 'gpt2', head: 'causal-lm', ...sizes });
const gpt2Classifier = createArchitecture({ family: 'gpt2', ...classes, ...sizes, padId: 29 });
const roberta = createArchitecture({ family: 'roberta', head: 'masked-lm', ...sizes, padId: 29 });
const llama = createArchitecture({ family: 'llama', head: 'causal-lm', ...sizes, heads: 4, keyValueHeads: 2 });
const modernbert = createArchitecture({
  family: 'modernbert',
  ...classes,
  ...sizes,
  poolsMean: true,
  slidingWindow: 3,
});
const mpnet = createArchitecture({ family: 'mpnet', ...sizes, head: 'masked-lm' });
const all = [bertClassifier, bertMasked, gpt2, gpt2Classifier, roberta, llama, modernbert, mpnet];

function tensors(a: Architecture): ParameterTensors {
  const shapes = Object.entries(parameterShapes(a));
  const values = initializeParameters(a, 2);
  return Object.fromEntries(shapes.map(([name, shape]) => [name, tf.tensor(values[name]!, shape)]));
}

/** Rows of ids; the mask is 0 where the id is 29, the padding. */
function inputs(...rows: number[][]): ModelInputs {
  const inputIds = tf.tensor2d(rows, undefined, 'int32');
  return { inputIds, attentionMask: tf.cast(tf.notEqual(inputIds, 29), 'float32') };
}

const values = (tensor: tf.Tensor): Promise<Float32Array> => tensor.data<'float32'>();
const name = (a: Architecture): string => `${a.family} ${a.head}`;
const named = all.map((a) => [name(a), a] as const);

describe('a transformer', () => {
  it.each(named)('%s gives no NaN, forward and backward, for a row that is padding alone', async (_, a) => {
    const p = tensors(a);
    const names = Object.keys(p);
    const batch = inputs([4, 5, 29], [29, 29, 29]);
    const run = (...ts: tf.Tensor[]): tf.Scalar =>
      tf.sum(logits(a, Object.fromEntries(names.map((n, i) => [n, ts[i]!])), batch));
    const { value, grads } = tf.valueAndGrads(run)(Object.values(p));
    for (const tensor of [value, ...grads]) expect((await values(tensor)).every(Number.isFinite)).toBe(true);
  });

  it.each(named)('%s computes the same for a row in a longer bucket', async (_, a) => {
    const p = tensors(a);
    const short = logits(a, p, inputs([4, 5, 6]));
    const long = logits(a, p, inputs([4, 5, 6, 29, 29, 29]));
    const width = short.shape.at(-1)!;
    const rows = short.rank === 2 ? 1 : 3;
    expectClose('logits', (await values(long)).slice(0, rows * width), await values(short), 1e-5);
  });

  it.each([bertMasked, roberta])(
    'of $family without token types and positions takes type 0 and counts from 0',
    async (a) => {
      const p = tensors(a);
      const plain = inputs([4, 5, 6], [7, 8, 9]);
      const explicit: ModelInputs = {
        ...plain,
        typeIds: tf.tensor2d([0, 0, 0, 0, 0, 0], [2, 3], 'int32'),
        positionIds: tf.tensor2d([0, 1, 2, 0, 1, 2], [2, 3], 'int32'),
      };
      const expected = await values(logits(a, p, explicit));
      expectClose('logits', await values(logits(a, p, plain)), expected, 1e-6);
    },
  );

  it.each([gpt2, llama])('of $family sees no later token', async (a) => {
    const p = tensors(a);
    const first = await values(logits(a, p, inputs([4, 5, 6, 7])));
    const second = await values(logits(a, p, inputs([4, 5, 6, 8])));
    expect(first.slice(0, 90)).toEqual(second.slice(0, 90));
    expect(first.slice(90)).not.toEqual(second.slice(90));
  });

  it('of Llama sees in a sliding layer as many tokens as its window has', async () => {
    const slides = (...slidingLayers: boolean[]): Architecture => ({ ...llama, slidingWindow: 2, slidingLayers });
    const p = tensors(llama);
    // Whether the last of five tokens' logits change with the one that lies so far before it.
    const reaches = async (a: Architecture, back: number): Promise<boolean> => {
      const of = async (id: number): Promise<Float32Array> => {
        const ids = [4, 5, 6, 7, 8].with(4 - back, id);
        return (await values(logits(a, p, inputs(ids)))).slice(-sizes.vocabularySize);
      };
      return (await of(9)).join() !== (await of(10)).join();
    };
    // Two layers of a window of 2 reach two tokens back.
    expect([await reaches(slides(true, true), 2), await reaches(slides(true, true), 3)]).toEqual([true, false]);
    expect(await reaches(slides(true, false), 3)).toBe(true);
  });

  it('of GPT-2 classifies at the last token, by the pad id or else by the mask', async () => {
    const p = tensors(gpt2Classifier);
    const expected = await values(logits(gpt2Classifier, p, inputs([4, 5])));
    const padded = inputs([4, 5, 29, 29]);
    const unpadded = { ...gpt2Classifier };
    delete unpadded.padId;
    expectClose('by id', await values(logits(gpt2Classifier, p, padded)), expected, 1e-5);
    expectClose('by mask', await values(logits(unpadded, p, padded)), expected, 1e-5);
  });

  it.each([bertMasked, gpt2, llama])('of $family makes its logits from the head in chunks of rows', async (a) => {
    const p = tensors(a);
    const batch = inputs([4, 5, 6], [7, 8, 9]);
    const last = tf.reshape<tf.Rank.R2>(backbone(a, p, batch).hiddenStates[2]!, [6, 16]);
    const { transform, weight, bias } = vocabularyHead(a, p);
    const chunk = (start: number): tf.Tensor => {
      const product = tf.matMul(transform(tf.slice(last, [start, 0], [2, 16])), weight, false, true);
      return bias ? tf.add(product, bias) : product;
    };
    const chunks = tf.concat([chunk(0), chunk(2), chunk(4)]);
    expectClose('logits', await values(chunks), await values(logits(a, p, batch)), 1e-5);
  });

  it.each([
    ['bert', 1],
    ['distilbert', 1],
    ['roberta', 1],
    ['electra', 1],
    ['mpnet', 1],
    ['gpt2', 3],
  ] as const)(
    '%s classifies by its row with %d queries in the last block, and learns the same',
    async (family, queries) => {
      const a = createArchitecture({ family, ...classes, ...sizes, padId: 29 });
      const p = tensors(a);
      const names = Object.keys(p);
      const batch = inputs([4, 5, 6], [7, 8, 29]);
      const choose = classifiedRows(a, batch);
      let last: tf.Tensor4D | undefined;
      const computed = (early: boolean) =>
        tf.valueAndGrads((...ts: tf.Tensor[]): tf.Scalar => {
          const own = Object.fromEntries(names.map((n, i) => [n, ts[i]!]));
          const { hiddenStates, chosen, attentions } = backbone(a, own, batch, early ? { choose } : {});
          if (early) last = attentions.at(-1);
          const rows = chosen ?? choose(hiddenStates[a.layers]!);
          return tf.sum(tf.square(classificationLogits(a, own, rows)));
        })(Object.values(p));
      const [early, late] = [computed(true), computed(false)];
      expect(last!.shape).toEqual([2, a.heads, queries, 3]);
      expectClose('loss', await values(early.value), await values(late.value), 1e-5);
      for (const [i, gradient] of early.grads.entries()) {
        expectClose(names[i]!, await values(gradient), await values(late.grads[i]!), 1e-5);
      }
    },
  );

  it.each(named)('%s gives the rows that are chosen as it gives all', async (_, a) => {
    const p = tensors(a);
    const batch = inputs([4, 5, 6], [7, 29, 29]);
    const choose = (x: tf.Tensor3D): tf.Tensor2D => tf.gather(tf.reshape<tf.Rank.R2>(x, [6, 16]), [4, 0]);
    const whole = backbone(a, p, batch);
    const { hiddenStates, chosen } = backbone(a, p, batch, { choose });
    expectClose('chosen rows', await values(chosen!), await values(choose(whole.hiddenStates[2]!)), 1e-6);
    expect(hiddenStates).toHaveLength(2);
    expect(await values(hiddenStates[1]!)).toEqual(await values(whole.hiddenStates[1]!));
  });

  it.each([gpt2, llama])('of $family refuses an input longer than its positions', (a) => {
    expect(() => logits(a, tensors(a), inputs(new Array<number>(13).fill(4)))).toThrow('positions for 12');
  });

  it('names a parameter that is missing', () => {
    const p = tensors(gpt2);
    delete p['transformer.ln_f.bias'];
    expect(() => logits(gpt2, p, inputs([4]))).toThrow('transformer.ln_f.bias');
  });
});

describe('dropout', () => {
  const rates = { embeddingDropout: 0.1, attentionDropout: 0.2, dropout: 0.3, classifierDropout: 0.4 };

  function places(a: Architecture): string[] {
    const seen: string[] = [];
    const dropout = (x: tf.Tensor, rate: number): tf.Tensor => {
      seen.push(`${rate} [${x.shape.join(', ')}]`);
      return x;
    };
    logits({ ...a, ...rates }, tensors(a), inputs([4, 5, 6], [7, 8, 9]), { dropout });
    return seen;
  }

  const layer = ['0.2 [2, 2, 3, 3]', '0.3 [2, 3, 16]', '0.3 [2, 3, 16]'];

  it('is applied where transformers applies it, in the order of the forward pass', () => {
    expect(places(bertClassifier)).toEqual(['0.1 [2, 3, 16]', ...layer, ...layer, '0.4 [2, 16]']);
    expect(places(bertMasked)).toEqual(['0.1 [2, 3, 16]', ...layer, ...layer]);
    expect(places(gpt2)).toEqual(['0.1 [2, 3, 16]', ...layer, ...layer]);
    expect(places(gpt2Classifier)).toEqual(['0.1 [2, 3, 16]', ...layer, ...layer]);
  });

  it('is not called at rate 0', () => {
    const none = { embeddingDropout: 0, attentionDropout: 0, dropout: 0, classifierDropout: 0 };
    const dropout = (): tf.Tensor => expect.unreachable();
    logits({ ...bertClassifier, ...none }, tensors(bertClassifier), inputs([4, 5]), { dropout });
  });
});
