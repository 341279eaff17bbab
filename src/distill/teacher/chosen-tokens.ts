/**
 * @file Of a language model's soft labels a few tokens a position, in place of a vocabulary: the most probable, with what all others have together; or
 * drawn by their probabilities, as often as they come, whose mean over many draws is the distribution itself ("random sampling knowledge
 * distillation": Anshumann et al., 2025, "Sparse Logit Sampling"). Whoever learns from them needs nothing else of the teacher.
 */

import type { HostTensor } from '../../engine/array';
import type { LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { randomStream } from '../../engine/random';
import { record } from '../../engine/graph/trace-backend';
import { topIndices } from '../../protocol/distribution';
import type { Task } from '../../protocol/records';
import type { BatchInputs } from '../batch-inputs';
import { entropies } from '../entropies';
import { soften } from '../losses/softening';
import { teacherLogits, teacherProjection, truncateVocabulary } from '../losses/vocabulary-projection';
import { nothingInside, type ChosenTokens } from '../pairing';
import { chunkRows } from '../prediction';
import { chosenSpecs, teacherInputSpecs, type BatchShape } from '../specs';
import { exampleRowsOf } from './records';
import { LEAST } from './top-logits';
import { inHostMemory, type Targets, type TargetSource, type Teacher } from './teacher';

/** What is known of a position. */
export interface ChosenRow {
  /** Chosen tokens, each once; where fewer were drawn the first again, with no share. */
  ids: number[];
  /** log p of each; of drawn ones the logarithm of their share of the draws. */
  logs: number[];
  /** log p of each of the others; of drawn ones Σ p log p over the vocabulary, nats. */
  rest: number;
}

/** @param probabilities [V] */
export function mostProbable(probabilities: Float32Array, count: number): ChosenRow {
  const ids = topIndices(probabilities, count);
  const isChosen = new Set(ids);
  // Summed by themselves: 1 less what is chosen would be 0, or less, where that rounds to 1.
  let others = 0;
  for (let id = 0; id < probabilities.length; id++) if (!isChosen.has(id)) others += probabilities[id]!;
  const rest = others > 0 ? Math.max(LEAST, Math.log(others / (probabilities.length - count))) : LEAST;
  return { ids, logs: ids.map((id) => Math.max(LEAST, Math.log(probabilities[id]!))), rest };
}

/**
 * Draws with replacement.
 * @param random numbers in [0, 1)
 */
export function drawn(probabilities: Float32Array, entropy: number, count: number, random: () => number): ChosenRow {
  let total = 0;
  for (const p of probabilities) total += p;
  const draws = Float64Array.from({ length: count }, () => random() * total).sort();
  const times = new Map<number, number>();
  let [sum, id] = [probabilities[0]!, 0];
  for (const draw of draws) {
    while (draw >= sum && id < probabilities.length - 1) sum += probabilities[++id]!;
    times.set(id, (times.get(id) ?? 0) + 1);
  }
  const ids = [...times.keys()];
  const first = ids[0]!;
  return {
    ids: Array.from({ length: count }, (_, i) => ids[i] ?? first),
    logs: Array.from({ length: count }, (_, i) => (i < ids.length ? Math.log(times.get(ids[i]!)! / count) : LEAST)),
    rest: -entropy,
  };
}

/** Σ p (log p − log q), nats, of q as `mostProbable` has it: what it costs that the others count as one. */
export function costOfChosen({ ids, logs, rest }: ChosenRow, entropy: number): number {
  let [chosen, cost] = [0, -entropy];
  for (let i = 0; i < ids.length; i++) {
    const p = Math.exp(logs[i]!);
    chosen += p;
    cost -= p * logs[i]!;
  }
  return Math.max(0, cost - Math.max(0, 1 - chosen) * rest);
}

/** Of what is drawn for tokens. */
const TOKENS_STREAM = 0x746f6b65;

/** What the cost of choosing is told to, position by position. */
type OnCost = (cost: number) => void;

/** A source's answers with the chosen tokens in place of its prediction. */
export class ChosenTokensSource implements TargetSource {
  private readonly rows: number;
  private program: Promise<LoadedProgram> | undefined;

  constructor(
    private readonly source: TargetSource,
    private readonly teacher: Teacher,
    private readonly task: Task,
    private readonly tokens: ChosenTokens,
    private readonly onCost?: OnCost,
  ) {
    this.rows = chunkRows(tokens.vocabulary);
  }

  async of(inputs: BatchInputs, temperature?: number): Promise<Targets> {
    const { prediction, ...inside } = await this.source.of(inputs, temperature);
    return { ...(await this.choose(inputs, await inHostMemory(prediction!))), ...inside };
  }

  private async choose(inputs: BatchInputs, prediction: HostTensor): Promise<Record<string, HostTensor>> {
    const { count } = this.tokens;
    const size = inputs.shape.predictions * count;
    const [ids, logs, rest] = [
      new Int32Array(size),
      new Float32Array(size),
      new Float32Array(inputs.shape.predictions),
    ];
    const randoms = new Map<number, () => number>();
    for (const { example, predictions } of exampleRowsOf(inputs, this.task)) {
      const random = randomStream(TOKENS_STREAM, example);
      for (const row of predictions) randoms.set(row, random);
    }
    const counted = [...randoms.keys()];
    for (let first = 0; first < counted.length; first += this.rows) {
      const indices = counted.slice(first, first + this.rows);
      const { probabilities, entropy } = await this.softLabels(prediction, indices);
      for (const [i, index] of indices.entries()) {
        const row = probabilities.subarray(i * this.tokens.vocabulary, (i + 1) * this.tokens.vocabulary);
        const chosen = this.chosenOf(row, entropy[i]!, randoms.get(index)!);
        ids.set(chosen.ids, index * count);
        logs.set(chosen.logs, index * count);
        rest[index] = chosen.rest;
      }
    }
    const specs = chosenSpecs(this.tokens, inputs.shape) as Record<'ids' | 'logs' | 'rest', HostTensor>;
    return {
      ids: { ...specs.ids, data: ids },
      logs: { ...specs.logs, data: logs },
      rest: { ...specs.rest, data: rest },
    };
  }

  private chosenOf(row: Float32Array, entropy: number, random: () => number): ChosenRow {
    const { by, count } = this.tokens;
    // What is not finite is noticed where it is kept or summed up.
    if (!Number.isFinite(entropy)) return { ids: new Array<number>(count).fill(0), logs: [], rest: NaN };
    if (by === 'sample') return drawn(row, entropy, count, random);
    const chosen = mostProbable(row, count);
    this.onCost?.(costOfChosen(chosen, entropy));
    return chosen;
  }

  /** Of some predictions, [rows, V] and [rows]. */
  private async softLabels(prediction: HostTensor, indices: readonly number[]) {
    const width = prediction.shape[1]!;
    const data = new Float32Array(this.rows * width);
    for (const [i, index] of indices.entries()) {
      data.set((prediction.data as Float32Array).subarray(index * width, (index + 1) * width), i * width);
    }
    const { executor, programInputs } = this.teacher;
    this.program ??= executor.load(softLabelsProgram(this.teacher, this.tokens, this.rows));
    const target: HostTensor = { shape: [this.rows, width], dtype: 'float32', data };
    const outputs = await (await this.program).run({ 'target.prediction': target, ...programInputs });
    return {
      probabilities: outputs.probabilities!.data as Float32Array,
      entropy: outputs.entropy!.data as Float32Array,
    };
  }

  async release(): Promise<void> {
    await (await this.program)?.release();
    await this.source.release();
  }
}

/** What a teacher's prediction is made of → its `probabilities` [rows, V] at T = 1, and their `entropy` [rows, 1]. */
function softLabelsProgram({ architecture, ensemble }: Teacher, { vocabulary }: ChosenTokens, rows: number): Program {
  const pair = { teacher: architecture, ensemble };
  const shape: BatchShape = { rows, length: 1, predictions: rows };
  return record(`soft-labels-${rows}`, teacherInputSpecs(pair, nothingInside, shape), (tensors) => {
    const projection = teacherProjection(pair, tensors)!;
    const logits = teacherLogits(truncateVocabulary(projection, vocabulary), 0, rows);
    return { probabilities: soften(logits).probabilities, entropy: entropies(projection, vocabulary) };
  });
}
