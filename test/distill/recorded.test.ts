import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import type { Executor } from '../../src/engine/executor';
import { record } from '../../src/engine/graph/trace-backend';
import { divergences } from '../../src/distill/losses/divergences';
import type { Divergence } from '../../src/protocol/divergences';
import type { HiddenLossKind } from '../../src/protocol/imitation';
import { hardLosses } from '../../src/distill/losses/hard-loss';
import type { ProblemType } from '../../src/model/architecture';
import { classLoss, vocabularyLoss } from '../../src/distill/losses/head-loss';
import { hiddenLoss } from '../../src/distill/losses/hidden-loss';
import { describeOnEach } from '../engine/executors';
import { executeEagerly } from '../golden/eager';
import { recordedOn } from '../golden/recorded';
import { expectClose, normal, onCpu, valuesOf } from './numbers';

onCpu();

type Program = (t: Record<string, tf.Tensor>) => Record<string, tf.Tensor>;

const float = (data: ArrayLike<number>, shape: number[]): HostTensor => ({
  shape,
  data: Float32Array.from(data),
  dtype: 'float32',
});
const scalar = (value: number): HostTensor => float([value], []);
const random = (rows: number, columns: number, seed: number): HostTensor =>
  float(valuesOf(normal([rows, columns], seed)), [rows, columns]);
const integers = (values: number[]): HostTensor => ({
  shape: [values.length],
  data: Int32Array.from(values),
  dtype: 'int32',
});

/** Rows 5, vocabulary 9, widths 4 and 6. */
const inputs = (): Record<string, HostTensor> => ({
  studentHidden: random(5, 4, 1),
  studentWeight: random(9, 4, 2),
  teacherHidden: random(5, 6, 3),
  teacherWeight: random(12, 6, 4),
  studentLogits: random(5, 9, 5),
  teacherLogits: random(5, 9, 6),
  labels: integers([3, 0, 8, -100, 1]),
  targets: float(
    Array.from({ length: 45 }, (_, i) => i % 2),
    [5, 9],
  ),
  counted: float([1, 1, 1, 0, 1], [5]),
  inverseCount: scalar(0.25),
  temperature: scalar(2),
  alpha: scalar(0.7),
  temperatureScale: scalar(4),
});

/** Everything a recorded step takes of a combined loss. */
function settings(t: Record<string, tf.Tensor>, divergence: Divergence) {
  const scalars = t as Record<'temperature' | 'alpha' | 'temperatureScale', tf.Scalar>;
  const { temperature, alpha, temperatureScale } = scalars;
  return { divergence, beta: 0.3, temperature, alpha, temperatureScale };
}

const overVocabulary =
  (divergence: Divergence): Program =>
  (t) => {
    const parts: Record<string, tf.Tensor> = {};
    const { value, grads } = tf.valueAndGrads((hidden: tf.Tensor, weight: tf.Tensor) => {
      const { total, soft, hard } = vocabularyLoss({
        student: { hidden: hidden as tf.Tensor2D, weight: weight as tf.Tensor2D, bias: null },
        labels: t.labels as tf.Tensor1D,
        counted: t.counted as tf.Tensor1D,
        inverseCount: t.inverseCount as tf.Scalar,
        distillation: {
          ...settings(t, divergence),
          teacher: { hidden: t.teacherHidden as tf.Tensor2D, weight: t.teacherWeight as tf.Tensor2D, bias: null },
        },
        chunkRows: 2,
        stretchRows: 1,
      });
      Object.assign(parts, { soft, hard });
      return total;
    })([t.studentHidden!, t.studentWeight!]);
    return { total: value, ...parts, hiddenGradient: grads[0]!, weightGradient: grads[1]! };
  };

const overClasses =
  (problemType: ProblemType): Program =>
  (t) => {
    // Of embeddings there are two to a pair, and a score.
    const isOfPairs = problemType === 'embedding';
    const some = (x: tf.Tensor, columns = -1): tf.Tensor =>
      isOfPairs ? tf.slice(x, [0, 0].slice(0, x.rank), [4, columns].slice(0, x.rank)) : x;
    const { value, grad } = tf.valueAndGrad((logits: tf.Tensor) => {
      return classLoss({
        studentLogits: some(logits) as tf.Tensor2D,
        problemType,
        labels: problemType === 'single-label' ? t.labels! : some(t.targets!, 1),
        counted: some(t.counted!) as tf.Tensor1D,
        inverseCount: t.inverseCount as tf.Scalar,
        distillation: { ...settings(t, 'jsd'), teacherLogits: some(t.teacherLogits!) as tf.Tensor2D },
      }).total;
    })(t.studentLogits!);
    return { total: value, gradient: grad };
  };

const overHiddenStates =
  (kind: HiddenLossKind): Program =>
  (t) => {
    const states = (x: tf.Tensor): tf.Tensor3D => tf.reshape(x, [1, ...(x.shape as [number, number])]);
    const { value, grads } = tf.valueAndGrads((student: tf.Tensor, projection: tf.Tensor) =>
      hiddenLoss(kind, {
        student: states(student),
        teacher: states(t.teacherLogits!),
        projection: projection as tf.Tensor2D,
        attentionMask: tf.reshape(t.counted!, [1, 5]),
        inverseCount: t.inverseCount as tf.Scalar,
      }),
    )([t.studentHidden!, t.studentWeight!]);
    return { loss: value, studentGradient: grads[0]!, projectionGradient: grads[1]! };
  };

async function expectSameAsEager(
  executor: Executor,
  program: Program,
  given: Record<string, HostTensor>,
): Promise<void> {
  const [recorded, eager] = [await recordedOn(executor)(program, given), await executeEagerly(program, given)];
  expect(Object.keys(recorded).sort()).toEqual(Object.keys(eager).sort());
  for (const [name, { data }] of Object.entries(eager)) expectClose(recorded[name]!.data, data, 1e-5);
}

/** Temperature, alpha, their scale and 1 / N of a later step. */
const later = { temperature: scalar(3), alpha: scalar(0.2), temperatureScale: scalar(9), inverseCount: scalar(0.125) };

describeOnEach('a recorded loss', (executor) => {
  it.each(Object.keys(divergences) as Divergence[])(
    'vocabularyLoss with %s is what it is eagerly',
    async (divergence) => {
      await expectSameAsEager(executor(), overVocabulary(divergence), inputs());
    },
  );

  it.each(Object.keys(hardLosses) as ProblemType[])(
    'classLoss with %s labels is what it is eagerly',
    async (problem) => {
      await expectSameAsEager(executor(), overClasses(problem), inputs());
    },
  );

  it.each(['mse', 'cosine'] as const)('hidden %s is what it is eagerly', async (kind) => {
    await expectSameAsEager(executor(), overHiddenStates(kind), inputs());
  });

  it('takes temperature, alpha and 1 / N from each run, not from the recording', async () => {
    const loaded = await executor().load(record('loss', inputs(), overVocabulary('forward-kl')));
    for (const given of [inputs(), { ...inputs(), ...later }]) {
      const expected = await executeEagerly(overVocabulary('forward-kl'), given);
      const outputs = await loaded.run(given);
      for (const [name, { data }] of Object.entries(expected)) expectClose(outputs[name]!.data, data, 1e-5);
    }
    await loaded.release();
  });
});
