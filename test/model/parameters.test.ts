import { describe, expect, it } from 'vitest';
import { type Architecture } from '../../src/model/architecture';
import { createArchitecture, parameterShapes } from '../../src/model/layouts/config';
import {
  initializationProblem,
  initializeFromLayers,
  initializeParameters,
  withSettingsOf,
} from '../../src/model/parameters';

const sizes = { hiddenSize: 32, heads: 4, vocabularySize: 200, maxPositions: 64 };
const gpt2 = createArchitecture({ family: 'gpt2', head: 'causal-lm', layers: 4, ...sizes });
const bert = createArchitecture({ family: 'bert', head: 'masked-lm', layers: 4, ...sizes });
const llama = createArchitecture({ family: 'llama', head: 'causal-lm', layers: 4, ...sizes });

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
}

describe('random initialization', () => {
  it.each([gpt2, bert, llama])('gives each parameter of $family values of its shape, norms 1 and biases 0', (a) => {
    const parameters = initializeParameters(a, 1);
    for (const [name, shape] of Object.entries(parameterShapes(a))) {
      const values = parameters[name]!;
      expect(values.length).toBe(shape.reduce((product, extent) => product * extent, 1));
      if (shape.length === 1) expect(new Set(values)).toEqual(new Set([name.endsWith('.weight') ? 1 : 0]));
    }
  });

  it('gives norms that multiply by 1 + weight the weight 0', () => {
    const gemma = createArchitecture({ family: 'gemma3_text', head: 'causal-lm', layers: 2, ...sizes });
    expect(new Set(initializeParameters(gemma, 1)['model.norm.weight'])).toEqual(new Set([0]));
  });

  it('draws matrices with the deviation of the config, those that end a GPT-2 block with less', () => {
    const parameters = initializeParameters(gpt2, 1);
    const of = (name: string): number => deviation(parameters[`transformer.h.2.${name}.weight`]!);
    expect(Math.abs(of('attn.c_attn') / 0.02 - 1)).toBeLessThan(0.05);
    expect(Math.abs(of('mlp.c_fc') / 0.02 - 1)).toBeLessThan(0.05);
    expect(Math.abs(of('attn.c_proj') / (0.02 / Math.sqrt(8)) - 1)).toBeLessThan(0.1);
    expect(Math.abs(of('mlp.c_proj') / (0.02 / Math.sqrt(8)) - 1)).toBeLessThan(0.05);
  });

  it('leaves the padding row of BERT word embeddings at zero, and GPT-2 has none', () => {
    const words = initializeParameters(bert, 1)['bert.embeddings.word_embeddings.weight']!;
    expect(new Set(words.subarray(0, 32))).toEqual(new Set([0]));
    expect(words[32]).not.toBe(0);
    expect(initializeParameters({ ...gpt2, padId: 0 }, 1)['transformer.wte.weight']![0]).not.toBe(0);
  });

  it("draws ModernBERT's matrices from a normal distribution without its tails, smaller where they end a block", () => {
    const modernbert = createArchitecture({ family: 'modernbert', head: 'masked-lm', layers: 4, ...sizes });
    const parameters = initializeParameters(modernbert, 1);
    for (const [part, scale] of [
      ['attn.Wqkv', 1],
      ['attn.Wo', Math.sqrt(8)],
    ] as const) {
      const values = parameters[`model.layers.2.${part}.weight`]!;
      const largest = Math.max(...values.map(Math.abs)) * scale;
      expect(largest).toBeLessThanOrEqual(2 * 0.02 * (1 + 1e-6));
      expect(largest).toBeGreaterThan(1.8 * 0.02);
      // Of the standard normal distribution within ±2 the deviation is .8796.
      expect(Math.abs((deviation(values) * scale) / (0.8796 * 0.02) - 1)).toBeLessThan(0.06);
    }
  });

  it("leaves the padding token's rows of RoBERTa's words and positions at zero", () => {
    const roberta = createArchitecture({ family: 'roberta', head: 'masked-lm', layers: 1, ...sizes, padId: 3 });
    const parameters = initializeParameters(roberta, 1);
    for (const table of ['word', 'position']) {
      const values = parameters[`roberta.embeddings.${table}_embeddings.weight`]!;
      expect(new Set(values.subarray(3 * 32, 4 * 32))).toEqual(new Set([0]));
      expect(values[3 * 32 - 1]).not.toBe(0);
      expect(values[4 * 32]).not.toBe(0);
    }
  });

  it("leaves Llama's padding row at zero, but not that of a token which also ends texts", () => {
    const row = (ids: Partial<Architecture>): Set<number> =>
      new Set(initializeParameters({ ...llama, ...ids }, 1)['model.embed_tokens.weight']!.subarray(32, 64));
    expect(row({ padId: 1, eosId: 2 })).toEqual(new Set([0]));
    expect(row({ padId: 1, eosId: 1 }).size).toBe(32);
    expect(row({}).size).toBe(32);
  });

  it('is the same for a seed, another for another, and one for what two models have in common', () => {
    expect(initializeParameters(bert, 3)).toEqual(initializeParameters(bert, 3));
    const name = 'bert.encoder.layer.1.output.dense.weight';
    expect(initializeParameters(bert, 4)[name]).not.toEqual(initializeParameters(bert, 3)[name]);
    expect(initializeParameters({ ...bert, layers: 2 }, 3)[name]).toEqual(initializeParameters(bert, 3)[name]);
  });

  it('draws each matrix independently', () => {
    const parameters = initializeParameters(bert, 3);
    const matrices = Object.values(parameters).filter((values) => deviation(values) > 0);
    expect(new Set(matrices.map((values) => values[40])).size).toBe(matrices.length);
  });
});

describe('initialization from a teacher', () => {
  const teacher = initializeParameters(bert, 1);
  const student: Architecture = { ...bert, layers: 2, maxPositions: 16 };

  it('takes the chosen layers, the embeddings, the first positions and the head', () => {
    const parameters = initializeFromLayers(student, bert, teacher, [3, 1], 9);
    const dense = (layer: number): string => `bert.encoder.layer.${layer}.attention.self.query.weight`;
    expect(parameters[dense(0)]).toEqual(teacher[dense(3)]);
    expect(parameters[dense(1)]).toEqual(teacher[dense(1)]);
    const words = 'bert.embeddings.word_embeddings.weight';
    expect(parameters[words]).toEqual(teacher[words]);
    const transform = 'cls.predictions.transform.dense.weight';
    expect(parameters[transform]).toEqual(teacher[transform]);
    const positions = 'bert.embeddings.position_embeddings.weight';
    expect(parameters[positions]).toEqual(teacher[positions]!.subarray(0, 16 * 32));
    expect(Object.keys(parameters)).toEqual(Object.keys(parameterShapes(student)));
  });

  it("takes RoBERTa's positions from the row after the teacher's padding token to that after the student's", () => {
    const roberta = { family: 'roberta', head: 'masked-lm', ...sizes } as const;
    const large = createArchitecture({ ...roberta, layers: 2, padId: 1 });
    const small = createArchitecture({ ...roberta, layers: 1, maxPositions: 16, padId: 4 });
    const name = 'roberta.embeddings.position_embeddings.weight';
    const values = initializeParameters(large, 1);
    const parameters = initializeFromLayers(small, large, values, [1], 9);
    expect(parameters[name]!.length).toBe(parameterShapes(small)[name]![0]! * 32);
    expect(parameters[name]!.subarray(5 * 32)).toEqual(values[name]!.subarray(2 * 32, 18 * 32));
    expect(new Set(parameters[name]!.subarray(4 * 32, 5 * 32))).toEqual(new Set([0]));
  });

  it('copies, so that training the student does not move the teacher', () => {
    const words = 'bert.embeddings.word_embeddings.weight';
    const parameters = initializeFromLayers(student, bert, teacher, [3, 1], 9);
    const before = teacher[words]![100];
    parameters[words]![100] = 7;
    expect(teacher[words]![100]).toBe(before);
  });

  it('starts a head that the teacher has not from random values', () => {
    const classifier: Architecture = { ...student, head: 'sequence-classification', labels: ['a', 'b'] };
    const parameters = initializeFromLayers(classifier, bert, teacher, [0, 1], 9);
    expect(parameters['classifier.weight']).toEqual(initializeParameters(classifier, 9)['classifier.weight']);
  });

  it('takes over what the weights were made for beside the sizes, and of each layer what it has', () => {
    const made: Architecture = {
      ...llama,
      keyValueHeads: 2,
      headSize: 16,
      vocabularySize: 256, // padded
      tieWordEmbeddings: true,
      layerNormEpsilon: 1e-5,
      rotary: { theta: 500_000, scaling: { type: 'linear', factor: 4 } },
      rotaryLayers: [true, true, true, false],
      slidingWindow: 8,
      slidingLayers: [true, false, true, false],
    };
    const asked: Architecture = { ...llama, layers: 2, maxPositions: 16 };
    expect(withSettingsOf(made, asked, [0, 3])).toEqual({
      ...made,
      layers: 2,
      maxPositions: 16,
      rotaryLayers: [true, false],
      slidingLayers: [true, false],
    });
    const parameters = initializeParameters(made, 1);
    const student = withSettingsOf(made, asked, [0, 3]);
    const started = initializeFromLayers(student, made, parameters, [0, 3], 2);
    const key = (layer: number): string => `model.layers.${layer}.self_attn.k_proj.weight`;
    expect(started[key(1)]).toEqual(parameters[key(3)]);
    expect(
      initializationProblem(withSettingsOf(made, { ...asked, keyValueHeads: 4 }, [0, 3]), made, [0, 3])?.message,
    ).toBe("The student's keyValueHeads is 4, the teacher's 2.");
    expect(withSettingsOf(made, gpt2, [0, 1, 2, 3])).toEqual(gpt2);
  });

  it('works for layers ten and more, whose names begin like layer one', () => {
    const deep = createArchitecture({ family: 'gpt2', head: 'causal-lm', layers: 12, ...sizes });
    const values = initializeParameters(deep, 1);
    const parameters = initializeFromLayers(deep, deep, values, [11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 2);
    const name = (layer: number): string => `transformer.h.${layer}.mlp.c_fc.weight`;
    expect(parameters[name(0)]).toEqual(values[name(11)]);
    expect(parameters[name(11)]).toEqual(values[name(10)]);
    expect(parameters[name(1)]).toEqual(values[name(0)]);
  });

  it.each<[string, Partial<Architecture>, number[], string]>([
    ['another family', { family: 'gpt2' }, [0, 1], 'gpt2 model, the teacher a bert model'],
    ['a larger width', { hiddenSize: 64 }, [0, 1], 'hiddenSize is 64'],
    ['narrower embeddings', { embeddingSize: 24 }, [0, 1], 'embeddingSize is 24, the teacher'],
    ['a wider MLP', { intermediateSize: 256 }, [0, 1], 'intermediateSize is 256'],
    ['heads of another width', { heads: 2 }, [0, 1], '2 heads in a hidden size of 32'],
    ['another vocabulary', { vocabularySize: 100 }, [0, 1], 'vocabularySize is 100'],
    ['more positions', { maxPositions: 128 }, [0, 1], '128 positions'],
    ['too few layers chosen', {}, [0], '1 teacher layers are chosen for 2'],
    ['a layer that the teacher has not', {}, [0, 4], 'no layer 4'],
  ])('is refused for %s', (_, change, layers, message) => {
    const changed = { ...student, ...change };
    expect(initializationProblem(changed, bert, layers)?.message).toContain(message);
    expect(() => initializeFromLayers(changed, bert, teacher, layers, 1)).toThrow(message);
  });
});
