/** @file A step whose soft loss counts some positions alone, beside transformers and PyTorch: `positions_by_torch.py`. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import { notCounted } from '../../src/dataset/examples';
import { batchInputs, scalar } from '../../src/distill/batch-inputs';
import { prefixed } from '../../src/distill/named';
import type { DistilledPair, Objective, Positions } from '../../src/distill/pairing';
import { parameterSpecs } from '../../src/distill/specs';
import { FrozenTeacher, placeParameters } from '../../src/distill/teacher/teacher';
import { ChosenPositions } from '../../src/distill/training/chosen-positions';
import { gradientsProgram } from '../../src/distill/training/gradients-program';
import { Recordings } from '../../src/distill/training/recordings';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { Model } from '../../src/model/parameters';
import { describeOnEach } from '../engine/executors';
import { expectGradients, stepOn } from './plain-step';

const folder = (path: string): string => fileURLToPath(new URL(`data/${path}`, import.meta.url));
const read = (path: string): unknown => JSON.parse(readFileSync(folder(path), 'utf8'));

type Case = Positions &
  Pick<Objective, 'divergence'> &
  Record<'temperature' | 'alpha' | 'soft' | 'hard' | 'total' | 'gradientNorm', number> & { chosen: number[][] };

const { texts } = read('on-policy/texts.json') as { texts: { prompt: number[]; written: number[] }[] };
const cases = read('positions/losses.json') as Record<string, Case>;

const load = (name: 'student' | 'teacher'): Promise<Model> => loadCheckpoint(folder(`distillation/gpt2/${name}`));

/** Two rows more than there are texts: fillers. */
const batch = collate(
  {
    length: texts.length,
    at: (i) => {
      const { prompt, written } = texts[i]!;
      const inputIds = Int32Array.of(...prompt, ...written);
      const labels = inputIds.map((id, at) => (at < prompt.length ? notCounted : id));
      return { inputIds, typeIds: new Int32Array(inputIds.length), labels };
    },
  },
  { length: 16, indices: [...texts.keys()] },
  { task: 'causal-lm', batchSize: texts.length + 2, padId: 0 },
);

function pairingOf(student: Model, teacher: Model, { fraction, by, ...one }: Case): DistilledPair {
  const { divergence, temperature, alpha } = one;
  const objective = { divergence, beta: 0.5, scaleByTemperatureSquared: true, temperature, alpha };
  return {
    student: student.architecture,
    teacher: teacher.architecture,
    objective: { ...objective, positions: { fraction, by } },
  };
}

describeOnEach('a step on chosen positions', (executor, engine) => {
  it.each(engine === 'cpu' ? Object.keys(cases) : ['student-alone', 'teacher'])(
    'has the losses and the gradient norm that PyTorch has: %s',
    async (name) => {
      const one = cases[name]!;
      const [student, teacher] = [await load('student'), await load('teacher')];
      const models = { teacher, student };
      const { loss, gradientNorm } = await stepOn(
        executor(),
        'causal-lm',
        pairingOf(student, teacher, one),
        models,
        batch,
      );
      expect(Math.abs(loss.soft! - one.soft)).toBeLessThan(1e-5);
      if (one.alpha === 1) expect(loss.hard).toBeUndefined();
      else expect(Math.abs(loss.hard! - one.hard)).toBeLessThan(1e-5);
      expect(Math.abs(loss.total - one.total)).toBeLessThan(1e-5);
      expect(Math.abs(gradientNorm - one.gradientNorm) / one.gradientNorm).toBeLessThan(1e-4);
    },
  );

  it.runIf(engine === 'cpu').each(Object.keys(cases))('has each parameter’s gradient: %s', async (name) => {
    const one = cases[name]!;
    const [student, teacher] = [await load('student'), await load('teacher')];
    const pairing = pairingOf(student, teacher, one);
    const frozen = new FrozenTeacher(executor(), teacher.architecture, teacher.parameters);
    const weights = placeParameters(executor(), parameterSpecs(student.architecture), student.parameters);
    const trained = prefixed('student.', weights);
    const all = batchInputs(batch, 'causal-lm');
    const targets = await frozen.targets().of(all);
    const positions = ChosenPositions.of({
      executor: executor(),
      task: 'causal-lm',
      pairing,
      recordings: new Recordings(pairing),
      teacher: frozen,
      seed: 1,
    })!;
    const inputs = await positions.in(all, targets, trained, 0);
    const rows = Array.from(texts, (): number[] => []);
    inputs.tensors.counted!.data.forEach((counts, prediction) => {
      const place = inputs.tensors.predictionRows!.data[prediction]!;
      if (counts === 1) rows[Math.floor(place / batch.length)]!.push(place % batch.length);
    });
    expect(rows).toEqual(one.chosen);
    const counts = positions.countsOf(all);
    const program = await executor().load(gradientsProgram(pairing, inputs.shape));
    const outputs = await program.run({
      ...inputs.tensors,
      temperature: scalar(one.temperature),
      alpha: scalar(one.alpha),
      inverseCount: scalar(1 / counts.count),
      inverseLabelled: scalar(counts.labelledCount === 0 ? 0 : 1 / counts.labelledCount),
      inverseTokens: scalar(1 / inputs.tokens),
      ...trained,
      ...prefixed('target.', targets),
      ...frozen.programInputs,
    });
    await program.release();
    await positions.release();
    await expectGradients(folder(`positions/${name}.safetensors`), outputs);
  });
});
