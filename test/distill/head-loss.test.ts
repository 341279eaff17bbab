import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { divergenceNames, type Divergence } from '../../src/protocol/divergences';
import {
  classLoss,
  type ClassLossInputs,
  type Distillation,
  type HeadLoss,
  vocabularyLoss,
  type VocabularyLossInputs,
} from '../../src/distill/losses/head-loss';
import type { VocabularyProjection } from '../../src/distill/losses/vocabulary-projection';
import { inverseOf } from '../../src/distill/losses/shift';
import { expectClose, expectFinite, normal, onCpu, valueOf, valuesOf } from './numbers';

onCpu();

/** With a single teacher. */
type Given = Omit<VocabularyLossInputs, 'distillation'> & {
  distillation?: (Distillation & { teacher: VocabularyProjection }) | undefined;
};

const [ROWS, VOCABULARY, STUDENT_WIDTH, TEACHER_WIDTH] = [7, 11, 4, 6];
const ALL_COUNTED = [1, 1, 1, 1, 1, 1, 1];
const PARTLY_COUNTED = [1, 0, 1, 1, 0, 1, 0];

function projection(width: number, seed: number, scale = 1, vocabulary = VOCABULARY): VocabularyProjection {
  return {
    hidden: normal([ROWS, width], seed, scale),
    weight: normal([vocabulary, width], seed + 1),
    bias: tf.randomNormal([vocabulary], 0, 1, 'float32', seed + 2),
  };
}

function distillation(divergence: Divergence = 'forward-kl', temperature = 2, alpha = 0.7): Distillation {
  return {
    divergence,
    beta: 0.3,
    temperature: tf.scalar(temperature),
    alpha: tf.scalar(alpha),
    temperatureScale: tf.scalar(temperature * temperature),
  };
}

function inputs(changes: Partial<Given> = {}, counted = PARTLY_COUNTED): Given {
  return {
    student: projection(STUDENT_WIDTH, 31),
    labels: tf.tensor1d([3, -100, 0, 10, -100, 5, 0], 'int32'),
    counted: tf.tensor1d(counted),
    inverseCount: tf.scalar(inverseOf(counted.reduce((a, b) => a + b))),
    distillation: { ...distillation(), teacher: projection(TEACHER_WIDTH, 41) },
    chunkRows: ROWS,
    stretchRows: ROWS,
    ...changes,
  };
}

interface Evaluated extends HeadLoss {
  /** Of total: hidden, weight and, where there is one, bias. */
  gradients: tf.Tensor[];
}

/** Value and gradients, with everything inside tidied away as a training step does. */
function evaluate(given: Given): Evaluated {
  const { hidden, weight, bias, cap } = given.student;
  let loss: HeadLoss | undefined;
  const { grads } = tf.tidy(() =>
    tf.valueAndGrads((h: tf.Tensor, w: tf.Tensor, b?: tf.Tensor) => {
      const ofStudent = { hidden: h as tf.Tensor2D, weight: w as tf.Tensor2D, bias: (b ?? null) as tf.Tensor1D | null };
      const student = { ...ofStudent, cap };
      loss = vocabularyLoss({ ...given, student });
      loss = { ...loss, total: tf.keep(loss.total) };
      return loss.total;
    })(bias ? [hidden, weight, bias] : [hidden, weight]),
  );
  return { ...loss!, gradients: grads };
}

/** The combined loss as a textbook writes it, all rows at once, for autodiff. */
function plainTotal(given: Given, hidden: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor): tf.Scalar {
  const { teacher, temperature, alpha, temperatureScale } = given.distillation!;
  const capped = (z: tf.Tensor, { cap }: VocabularyProjection): tf.Tensor =>
    cap === undefined ? z : tf.mul(tf.tanh(tf.div(z, cap)), cap);
  const studentLogits = capped(tf.add(tf.matMul(hidden, weight, false, true), bias), given.student);
  const teacherLogits = capped(tf.add(tf.matMul(teacher.hidden, teacher.weight, false, true), teacher.bias!), teacher);
  const logS = tf.logSoftmax(tf.div(studentLogits, temperature!));
  const logQ = tf.logSoftmax(tf.div(teacherLogits, temperature!));
  const soft = tf.sum(tf.mul(tf.exp(logQ), tf.sub(logQ, logS)), -1);
  const hard = tf.neg(
    tf.sum(
      tf.mul(tf.oneHot(tf.cast(tf.maximum(given.labels, 0), 'int32'), VOCABULARY), tf.logSoftmax(studentLogits)),
      -1,
    ),
  );
  const combined = tf.add(tf.mul(tf.mul(soft, temperatureScale), alpha), tf.mul(hard, tf.sub(1, alpha)));
  return tf.mul(tf.sum(tf.mul(combined, given.counted)), given.inverseCount);
}

describe('vocabularyLoss', () => {
  it.each([
    ['plain logits', undefined],
    ['capped logits', 1.5],
  ])('has the value and the gradients that autodiff makes of the definition, of %s', (_, cap) => {
    const teacher = { ...projection(TEACHER_WIDTH, 41), cap };
    const student = { ...projection(STUDENT_WIDTH, 31), cap };
    const given = inputs({ student, distillation: { ...distillation(), teacher }, chunkRows: 3, stretchRows: 2 });
    const expected = tf.valueAndGrads((h: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
      plainTotal(given, h as tf.Tensor2D, w as tf.Tensor2D, b),
    )([given.student.hidden, given.student.weight, given.student.bias!]);
    const { total, gradients } = evaluate(given);
    expectClose(total, expected.value, 2e-6);
    expect(gradients.map((g) => g.shape)).toEqual(expected.grads.map((g) => g.shape));
    gradients.forEach((g, i) => expectClose(g, expected.grads[i]!, 2e-6));
  });

  it('gives total, soft and hard that survive the tidying of a step and fit together', () => {
    const { total, soft, hard } = evaluate(inputs());
    expect(valueOf(total)).toBeCloseTo(0.7 * 4 * valueOf(soft!) + 0.3 * valueOf(hard), 5);
    expect(valueOf(soft!)).toBeGreaterThan(0);
  });

  it.each(divergenceNames)('gives the same in chunks and stretches of 1, 3 and all rows (%s)', (divergence) => {
    const teacher = projection(TEACHER_WIDTH, 41);
    const sizes = [
      [ROWS, ROWS],
      [ROWS, 3],
      [3, ROWS],
      [3, 1],
      [1, 1],
    ] as const;
    const [whole, ...chunked] = sizes.map(([chunkRows, stretchRows]) =>
      evaluate(inputs({ chunkRows, stretchRows, distillation: { ...distillation(divergence), teacher } })),
    );
    for (const chunks of chunked) {
      expectClose(chunks.total, whole!.total, 1e-6);
      expectClose(chunks.soft!, whole!.soft!, 1e-6);
      expectClose(chunks.hard, whole!.hard, 1e-6);
      chunks.gradients.forEach((g, i) => expectClose(g, whole!.gradients[i]!, 1e-6));
    }
  });

  it('holds a chunk of rows by vocabulary, and of their gradient no more rows than the head is wide', async () => {
    const largest = async (chunkRows: number) => {
      const given = inputs({ chunkRows });
      const { kernels } = await tf.profile(() => evaluate(given).total);
      const rowsOf = (joined: boolean): number[] =>
        kernels
          .filter(({ name }) => (name === 'Concat') === joined)
          .flatMap(({ outputShapes }) => outputShapes)
          .flatMap((shape) => (shape.length === 2 && shape[1] === VOCABULARY ? [shape[0]!] : []));
      return { chunks: Math.max(...rowsOf(false)), gradient: Math.max(0, ...rowsOf(true)) };
    };
    expect(await largest(2)).toEqual({ chunks: 2, gradient: STUDENT_WIDTH });
    expect(await largest(ROWS)).toEqual({ chunks: ROWS, gradient: 0 });
  });

  it('makes the logits of a chunk in one product, and what comes of them in stretches', async () => {
    const given = inputs({ chunkRows: 4, stretchRows: 2 });
    const { kernels } = await tf.profile(() => evaluate(given).total);
    const most = (of: (name: string) => boolean): number => {
      const shapes = kernels.filter(({ name }) => of(name)).flatMap(({ outputShapes }) => outputShapes);
      return Math.max(...shapes.flatMap(([rows, width]) => (width === VOCABULARY ? [rows!] : [])));
    };
    expect(most((name) => name === 'Softmax')).toBe(2);
    expect(most((name) => name.includes('MatMul'))).toBe(4);
  });

  it('leaves nothing behind but its results', () => {
    const given = inputs({ chunkRows: 3, stretchRows: 2 });
    const before = tf.memory().numTensors;
    const { total, soft, hard, gradients } = evaluate(given);
    expect(tf.memory().numTensors - before).toBe(3 + gradients.length);
    tf.dispose([total, soft!, hard, ...gradients]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('works without a bias, on either side', () => {
    const bare = inputs();
    const withZeros = (p: VocabularyProjection) => ({ ...p, bias: tf.zeros<tf.Rank.R1>([VOCABULARY]) });
    const without = (p: VocabularyProjection) => ({ ...p, bias: null });
    const { teacher } = bare.distillation!;
    const zero = evaluate({
      ...bare,
      student: withZeros(bare.student),
      distillation: { ...distillation(), teacher: withZeros(teacher) },
    });
    const none = evaluate({
      ...bare,
      student: without(bare.student),
      distillation: { ...distillation(), teacher: without(teacher) },
    });
    expectClose(none.total, zero.total, 1e-6);
    expect(none.gradients.length).toBe(2);
    none.gradients.forEach((g, i) => expectClose(g, zero.gradients[i]!, 1e-6));
  });

  it('without a teacher is the hard loss alone, alpha 0 with a teacher', () => {
    const { student, labels, counted, inverseCount } = inputs();
    const control = evaluate({ student, labels, counted, inverseCount, chunkRows: 3, stretchRows: 2 });
    const teacher = projection(TEACHER_WIDTH, 41);
    const zero = evaluate(inputs({ distillation: { ...distillation('forward-kl', 2, 0), teacher } }));
    expect(control.soft).toBeUndefined();
    expectClose(control.total, control.hard, 0);
    expectClose(control.total, zero.total, 1e-6);
    control.gradients.forEach((g, i) => expectClose(g, zero.gradients[i]!, 1e-6));
  });

  it('cuts a padded teacher head to the vocabulary of the student', () => {
    const padded = projection(TEACHER_WIDTH, 41, 1, VOCABULARY + 5);
    const cut = {
      ...padded,
      weight: tf.slice(padded.weight, [0, 0], [VOCABULARY, -1]),
      bias: tf.slice(padded.bias!, [0], [VOCABULARY]),
    };
    const [a, b] = [padded, cut].map((teacher) => evaluate(inputs({ distillation: { ...distillation(), teacher } })));
    expect(valuesOf(a!.soft!)).toEqual(valuesOf(b!.soft!));
    a!.gradients.forEach((g, i) => expect(valuesOf(g)).toEqual(valuesOf(b!.gradients[i]!)));
  });

  it('refuses a teacher head with fewer tokens than the student has', () => {
    const teacher = projection(TEACHER_WIDTH, 41, 1, VOCABULARY - 1);
    expect(() => vocabularyLoss(inputs({ distillation: { ...distillation(), teacher } }))).toThrow(
      /share the tokenizer/,
    );
  });

  it('is 0 with gradients 0 where no position counts', () => {
    const { total, soft, hard, gradients } = evaluate(inputs({ chunkRows: 3 }, [0, 0, 0, 0, 0, 0, 0]));
    for (const x of [total, soft!, hard, ...gradients]) expectClose(x, new Float32Array(x.size), 0);
  });

  it('does not depend on what rows hold that do not count', () => {
    const given = inputs();
    const other = projection(STUDENT_WIDTH, 99, 50).hidden;
    const mixed = tf.where(tf.cast(tf.reshape(given.counted, [ROWS, 1]), 'bool'), given.student.hidden, other);
    const [a, b] = [given, { ...given, student: { ...given.student, hidden: mixed } }].map(evaluate);
    expectClose(a!.total, b!.total, 1e-6);
    expectClose(a!.gradients[1]!, b!.gradients[1]!, 1e-6);
  });

  it('has soft loss 0 where teacher and student are the same', () => {
    const student = projection(STUDENT_WIDTH, 31);
    const { soft, hard } = evaluate(inputs({ distillation: { ...distillation(), teacher: student } }));
    expect(valueOf(soft!)).toBe(0);
    expect(valueOf(hard)).toBeGreaterThan(0);
  });

  it('stays finite for logits of about ±1e4', () => {
    const student = projection(STUDENT_WIDTH, 31, 5e3);
    const teacher = projection(TEACHER_WIDTH, 41, 5e3);
    const { total, soft, hard, gradients } = evaluate(
      inputs({ student, distillation: { ...distillation(), teacher } }),
    );
    expectFinite(total, soft!, hard, ...gradients);
  });

  it('summed over two halves of a batch with one N is the loss of the batch', () => {
    const given = inputs({}, ALL_COUNTED);
    const teacher = given.distillation!.teacher;
    const part = (start: number, size: number): Evaluated => {
      const rows = (p: VocabularyProjection) => ({ ...p, hidden: tf.slice(p.hidden, [start, 0], [size, -1]) });
      return evaluate({
        ...given,
        student: rows(given.student),
        labels: tf.slice(given.labels, [start], [size]),
        counted: tf.slice(given.counted, [start], [size]),
        distillation: { ...distillation(), teacher: rows(teacher) },
      });
    };
    const [whole, first, second] = [evaluate(given), part(0, 3), part(3, 4)];
    expectClose(tf.add(first.total, second.total), whole.total, 1e-6);
    for (const i of [1, 2]) expectClose(tf.add(first.gradients[i]!, second.gradients[i]!), whole.gradients[i]!, 1e-6);
  });

  it('passes on the gradient of what is made of it', () => {
    const given = inputs();
    const once = evaluate(given).gradients[0]!;
    const scaled = tf.grad((h: tf.Tensor) => {
      const { total } = vocabularyLoss({ ...given, student: { ...given.student, hidden: h as tf.Tensor2D } });
      return tf.add(tf.mul(total, 3), tf.sum(h));
    })(given.student.hidden);
    expectClose(scaled, tf.add(tf.mul(once, 3), 1), 1e-5);
  });
});

describe('classLoss', () => {
  const withGradient = (inputs: ClassLossInputs) => {
    let loss: HeadLoss | undefined;
    const both = tf.valueAndGrad((z: tf.Tensor) => {
      loss = classLoss({ ...inputs, studentLogits: z as tf.Tensor2D });
      return loss.total;
    })(inputs.studentLogits);
    return { ...both, loss: loss! };
  };

  const given = () => {
    const { student, labels, counted, inverseCount } = inputs();
    const logits = tf.add<tf.Tensor2D>(tf.matMul(student.hidden, student.weight, false, true), student.bias!);
    return { studentLogits: logits, problemType: 'single-label' as const, labels, counted, inverseCount };
  };

  it('is vocabularyLoss on logits that are already there', () => {
    const { teacher } = inputs().distillation!;
    const teacherLogits = tf.add<tf.Tensor2D>(tf.matMul(teacher.hidden, teacher.weight, false, true), teacher.bias!);
    const expected = evaluate(inputs());
    let loss: HeadLoss | undefined;
    const gradient = tf.grad((z: tf.Tensor) => {
      loss = classLoss({
        ...given(),
        studentLogits: z as tf.Tensor2D,
        distillation: { ...distillation(), teacherLogits },
      });
      return loss.total;
    })(given().studentLogits);
    expectClose(loss!.soft!, expected.soft!, 1e-6);
    expectClose(loss!.hard, expected.hard, 1e-6);
    expectClose(tf.sum(gradient, 0), expected.gradients[2]!, 1e-6); // the bias's gradient is the sum over rows
  });

  it('without a teacher is the hard loss alone', () => {
    const { total, soft, hard } = classLoss(given());
    expect(soft).toBeUndefined();
    expectClose(total, hard, 0);
    expectClose(total, evaluate(inputs()).hard, 1e-6);
  });

  it('takes the soft mean over all rows and the hard mean over labelled ones, each with its own N', () => {
    // Three rows, two classes, logits ln of odds, so that every number can be checked by hand. The last row has no label.
    const [ln2, ln3, ln4] = [Math.log(2), Math.log(3), Math.log(4)];
    const studentLogits = tf.tensor2d([ln3, 0, 0, 0, 0, ln4], [3, 2]); // softmax at T = 1: ¾ ¼, ½ ½, ⅕ ⅘
    const teacherLogits = tf.tensor2d([0, 0, 2 * ln2, 0, 0, 0], [3, 2]); // at T = 2: ½ ½, ⅔ ⅓, ½ ½
    const temperature = tf.scalar(2);
    const given = {
      studentLogits,
      problemType: 'single-label' as const,
      labels: tf.tensor1d([0, 1, 0], 'int32'),
      counted: tf.tensor1d([1, 1, 1]),
      inverseCount: tf.scalar(1 / 3),
      labelled: { counted: tf.tensor1d([1, 1, 0]), inverseCount: tf.scalar(1 / 2) },
      distillation: {
        divergence: 'forward-kl' as const,
        beta: 0,
        temperature,
        alpha: tf.scalar(0.7),
        temperatureScale: tf.square<tf.Scalar>(temperature),
        teacherLogits,
      },
    };
    const kl = (q: number, s: number): number => q * Math.log(q / s) + (1 - q) * Math.log((1 - q) / (1 - s));
    const root3 = Math.sqrt(3);
    const [s0, s1, s2] = [root3 / (root3 + 1), 1 / 2, 1 / 3]; // first class, student at T = 2
    const soft = (kl(1 / 2, s0) + kl(2 / 3, s1) + kl(1 / 2, s2)) / 3;
    const hard = (-Math.log(3 / 4) - Math.log(1 / 2)) / 2;
    const { value, grad, loss } = withGradient(given);
    expectClose(loss.soft!, tf.scalar(soft), 1e-6);
    expectClose(loss.hard, tf.scalar(hard), 1e-6);
    expectClose(value, tf.scalar(0.7 * 4 * soft + 0.3 * hard), 1e-6);
    // α · T² · (S − Q) / T / 3, and for labelled rows (1 − α) · (softmax − label) / 2.
    const first = [
      ((0.7 * 2) / 3) * (s0 - 1 / 2) + (0.3 / 2) * (3 / 4 - 1),
      ((0.7 * 2) / 3) * (s1 - 2 / 3) + (0.3 / 2) * (1 / 2),
      ((0.7 * 2) / 3) * (s2 - 1 / 2),
    ];
    expectClose(
      grad,
      tf.tensor2d(
        first.flatMap((g) => [g, -g]),
        [3, 2],
      ),
      1e-6,
    );
  });

  it('has no hard term and no NaN where no row is labelled', () => {
    const { teacher } = inputs().distillation!;
    const teacherLogits = tf.add<tf.Tensor2D>(tf.matMul(teacher.hidden, teacher.weight, false, true), teacher.bias!);
    const base = { ...given(), distillation: { ...distillation(), teacherLogits } };
    const nothing = { counted: tf.zerosLike(base.counted), inverseCount: tf.scalar(0) };
    const { total, soft, hard } = classLoss({ ...base, labelled: nothing });
    expectClose(hard, tf.scalar(0), 0);
    const { alpha, temperatureScale } = base.distillation;
    expectClose(total, tf.mul(tf.mul(alpha, temperatureScale), soft!), 0);
  });

  it('is to the bit the loss of plain rows where every counted row is labelled', () => {
    const { teacher } = inputs().distillation!;
    const teacherLogits = tf.add<tf.Tensor2D>(tf.matMul(teacher.hidden, teacher.weight, false, true), teacher.bias!);
    const plain = { ...given(), distillation: { ...distillation(), teacherLogits } };
    const { counted, inverseCount } = plain;
    const labelled = { counted: tf.clone(counted), inverseCount: tf.clone(inverseCount) };
    const [first, second] = [plain, { ...plain, labelled }].map((one) => {
      const { value, grad, loss } = withGradient(one);
      return [value, loss.soft!, loss.hard, grad].map((tensor) => tensor.dataSync());
    });
    expect(second).toEqual(first);
  });

  it('takes several labels a row, and numbers', () => {
    const labels = tf.cast(tf.greater(normal([ROWS, VOCABULARY], 5), 0), 'float32');
    const base = { ...given(), labels };
    const mean = (perRow: tf.Tensor): tf.Tensor => tf.mul(tf.sum(tf.mul(perRow, base.counted)), base.inverseCount);
    const squares = tf.mean(tf.squaredDifference(base.studentLogits, labels), -1);
    expectClose(classLoss({ ...base, problemType: 'regression' }).total, mean(squares), 1e-5);
    const entropies = tf.mean(
      tf.losses.sigmoidCrossEntropy(labels, base.studentLogits, undefined, 0, tf.Reduction.NONE),
      -1,
    );
    expectClose(classLoss({ ...base, problemType: 'multi-label' }).total, mean(entropies), 1e-5);
  });
});
