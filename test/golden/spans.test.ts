/** @file Models with different tokenizers compared span by span, as TRL's GOLD and PyTorch's autograd have it in float64 (`spans_by_trl.py`). */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import '../../src/engine/graph/gradients';
import { record } from '../../src/engine/graph/trace-backend';
import { vocabularyLoss, type HeadLoss } from '../../src/distill/losses/head-loss';
import { laterTokens } from '../../src/distill/losses/span-loss';
import type { Divergence } from '../../src/protocol/divergences';
import type { MatchedTokens } from '../../src/tokenizer/matched-tokens';
import { describeOnEach } from '../engine/executors';
import { expectClose } from '../distill/numbers';
import golden from './data/spans.json';

type Read = [token: string, end: number][];

const side = ({ tokens, reads, logits }: { tokens: string[]; reads: unknown[]; logits: number[][] }) => ({
  tokens,
  reads: reads as Read[],
  logits,
  labels: (reads as Read[]).flat().map(([token]) => tokens.indexOf(token)),
});

const [student, teacher] = [side(golden.student), side(golden.teacher)];

/** Of each token the row of its span's first, by the bytes at which both end. */
function firstsOf(own: typeof student, others: typeof student): number[] {
  let row = 0;
  return own.reads.flatMap((read, text) => {
    const together = new Set(others.reads[text]!.map(([, end]) => end));
    let first = row;
    return read.map(([, end]) => {
      const mine = first;
      row++;
      if (together.has(end)) first = row;
      return mine;
    });
  });
}

const firsts = firstsOf(student, teacher);
const teacherFirsts = firstsOf(teacher, student);
const begins = (some: readonly number[]): number[] => [...new Set(some)];

const shared = student.tokens.filter((token) => teacher.tokens.includes(token));
const matched: MatchedTokens = {
  student: Int32Array.from(shared, (token) => student.tokens.indexOf(token)),
  teacher: Int32Array.from(shared, (token) => teacher.tokens.indexOf(token)),
  teacherSize: teacher.tokens.length,
};

const identity = (size: number): tf.Tensor2D => tf.eye(size);
const ids = (some: readonly number[]): tf.Tensor1D => tf.tensor1d([...some], 'int32');

interface Case {
  divergence: string;
  beta: number;
  temperature: number;
  spans: number;
  soft: number;
  gradient: number[][];
}

/** Logits of both, so that they are given and not frozen into what is recorded → `soft`, and its gradient with respect to the student's. */
function losses({ divergence, beta, spans }: Case, chunkRows: number) {
  return ({ own, theirs, temperature }: Record<string, tf.Tensor>): Record<string, tf.Tensor> => {
    const head = { weight: identity(student.tokens.length), bias: null };
    // As after a head that is padded, whose surplus is cut off.
    const others = { weight: tf.eye(teacher.tokens.length + 2, teacher.tokens.length), bias: null };
    const cut = { weight: identity(teacher.tokens.length), bias: null };
    const hidden = theirs as tf.Tensor2D;
    const places = { firsts: ids(teacherFirsts), labels: ids(teacher.labels) };
    const said = laterTokens({ ...cut, hidden }, places, temperature as tf.Scalar, chunkRows);
    // What the teacher has said of a span lies where that begins for the student; elsewhere there is something else.
    const at = new Array<number>(firsts.length).fill(0);
    begins(firsts).forEach((row, span) => (at[row] = begins(teacherFirsts)[span]!));
    const rows = (x: tf.Tensor2D): tf.Tensor2D => tf.gather(x, ids(at));
    const later = tf.gather(said, ids(at));
    let loss: HeadLoss | undefined;
    const gradient = tf.grad((logits: tf.Tensor) => {
      loss = vocabularyLoss({
        student: { ...head, hidden: logits as tf.Tensor2D },
        labels: ids(student.labels),
        counted: tf.ones([firsts.length]),
        inverseCount: tf.scalar(1 / spans),
        labelled: { counted: tf.ones([firsts.length]), inverseCount: tf.scalar(1 / firsts.length) },
        distillation: {
          ...{ divergence: divergence as Divergence, beta, temperature: temperature as tf.Scalar },
          ...{ alpha: tf.scalar(1), temperatureScale: tf.scalar(1) },
          teacher: { ...others, hidden: rows(hidden) },
          spans: { tokens: matched, firsts: ids(firsts), later },
        },
        chunkRows,
        stretchRows: Math.ceil(chunkRows / 2),
      });
      return loss.total;
    })(own!);
    return { soft: loss!.soft!, gradient };
  };
}

const host = (logits: number[][]): HostTensor => ({
  shape: [logits.length, logits[0]!.length],
  dtype: 'float32',
  data: Float32Array.from(logits.flat()),
});

describe('spans of a text', () => {
  it('are those that TRL has', () => {
    expect(begins(firsts)).toHaveLength(golden.cases[0]!.spans);
    expect(begins(teacherFirsts)).toHaveLength(golden.cases[0]!.spans);
    expect(firsts.length).toBeGreaterThan(begins(firsts).length);
  });
});

describeOnEach('a comparison span by span', (executor, engine) => {
  const cases = engine === 'cpu' ? golden.cases : [golden.cases[1]!, golden.cases[4]!];

  it.each(cases)('has the loss and the gradient that TRL and PyTorch have: $divergence $temperature', async (one) => {
    for (const chunkRows of one === golden.cases[0] ? [100, 4] : [5]) {
      const inputs = { own: host(student.logits), theirs: host(teacher.logits) };
      const temperature: HostTensor = { shape: [], dtype: 'float32', data: Float32Array.of(one.temperature) };
      const specs = { own: inputs.own, theirs: inputs.theirs, temperature };
      const loaded = await executor().load(record('spans', specs, losses(one, chunkRows)));
      const { soft, gradient } = await loaded.run({ ...inputs, temperature });
      await loaded.release();
      expect(soft!.data[0]).toBeCloseTo(one.soft, 5);
      expectClose(gradient!.data, one.gradient.flat(), 1e-6);
    }
  });
});
