/** @file What two models make of a text, or of a pair: their embeddings beside each other, and how similar they find both texts. */

import type { HostTensor } from '../../engine/array';
import { secondText, type TokenExample } from '../../dataset/examples';
import type { Answer, TextPredictor, TokenizedText } from '../../distill/evaluation/predictor';

/** A text, or a pair of which each text is read by itself. */
type Texts = Pick<TokenExample, 'inputIds' | 'typeIds'>;

/** The texts of an input, each by itself. */
function textsIn({ inputIds, typeIds }: Texts): TokenizedText[] {
  const second = secondText(typeIds);
  if (second < 0) return [{ ids: inputIds, typeIds }];
  return [inputIds.subarray(0, second), inputIds.subarray(second)].map((ids) => ({
    ids,
    typeIds: new Int32Array(ids.length),
  }));
}

/** Its embedding of each text, [texts, width]. */
export async function embeddingsOf(model: TextPredictor, input: Texts): Promise<HostTensor> {
  const rows: HostTensor[] = [];
  for (const text of textsIn(input)) rows.push(await model.logits(text));
  return oneAfterAnother(rows);
}

/** All that it says of them; hidden states are those of the first text's tokens, then those of the second's. */
export async function embeddingAnswer(model: TextPredictor, input: Texts): Promise<Answer> {
  const answers: Answer[] = [];
  for (const text of textsIn(input)) answers.push(await model.answer(text));
  const [first] = answers as [Answer];
  const inside = (layer: number): HostTensor => {
    const { shape, ...tokens } = oneAfterAnother(
      answers.map(({ hiddenStates }) => ({ ...hiddenStates[layer]!, shape: hiddenStates[layer]!.shape.slice(1) })),
    );
    return { ...tokens, shape: [1, ...shape] };
  };
  return {
    logits: oneAfterAnother(answers.map(({ logits }) => logits)),
    hiddenStates: first.hiddenStates.map((_, layer) => inside(layer)),
  };
}

/** Rows of the same width. */
function oneAfterAnother(parts: readonly HostTensor[]): HostTensor {
  const [first] = parts as [HostTensor];
  const width = first.shape[1]!;
  const data = Float32Array.from(parts.flatMap((part) => Array.from(part.data)));
  return { shape: [data.length / width, width], dtype: 'float32', data };
}
