/** @file A step on what the student writes, beside transformers and PyTorch: `on_policy_by_torch.py`. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { collate, type Batch } from '../../src/dataset/batches';
import { notCounted } from '../../src/dataset/examples';
import { batchInputs, scalar, withoutLabels } from '../../src/distill/batch-inputs';
import { prefixed } from '../../src/distill/named';
import type { DistilledPair, Objective } from '../../src/distill/pairing';
import { parameterSpecs } from '../../src/distill/specs';
import { FrozenTeacher, placeParameters } from '../../src/distill/teacher/teacher';
import { gradientsProgram } from '../../src/distill/training/gradients-program';
import { OwnTextsWriter } from '../../src/distill/training/on-policy';
import { Trainer } from '../../src/distill/training/trainer';
import type { Executor } from '../../src/engine/executor';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { Model } from '../../src/model/parameters';
import { describeOnEach } from '../engine/executors';
import { allOr } from '../torture';
import { expectGradients, plainStep } from './plain-step';

const folder = (path: string): string => fileURLToPath(new URL(`data/${path}`, import.meta.url));
const read = (path: string): unknown => JSON.parse(readFileSync(folder(path), 'utf8'));

interface Text {
  prompt: number[];
  written: number[];
}

type Case = Pick<Objective, 'divergence' | 'beta' | 'scaleByTemperatureSquared'> &
  Record<'temperature' | 'alpha' | 'soft' | 'total' | 'gradientNorm', number>;

const { texts, endOfText } = read('on-policy/texts.json') as { texts: Text[]; endOfText: number };
const { counted, ...cases } = read('on-policy/losses.json') as { counted: number } & Record<string, Case>;

const STEP = 3;
const SEED = 1;
const MAX_LENGTH = 16;
const onPolicy = { fraction: 1, maxNewTokens: 10, temperature: 1 };

const load = (name: 'student' | 'teacher'): Promise<Model> => loadCheckpoint(folder(`distillation/gpt2/${name}`));

/** The prompts of the texts, each with a token after it that the student knows nothing of. */
const prompts = collate(
  {
    length: texts.length,
    at: (i) => {
      const inputIds = Int32Array.of(...texts[i]!.prompt, 0);
      const labels = inputIds.map((id, at) => (at < texts[i]!.prompt.length ? notCounted : id));
      return { inputIds, typeIds: new Int32Array(inputIds.length), labels };
    },
  },
  { length: 8, indices: [...texts.keys()] },
  { task: 'causal-lm', batchSize: texts.length, padId: endOfText },
);

const writerOf = (executor: Executor, { architecture }: Model): OwnTextsWriter =>
  new OwnTextsWriter({
    executor,
    student: architecture,
    onPolicy,
    seed: SEED,
    endOfText,
    // What ends a text is what fills it up, as in GPT-2: it still counts where it was written.
    padId: endOfText,
    maxLength: MAX_LENGTH,
    lengths: [MAX_LENGTH],
  });

function pairingOf(student: Model, teacher: Model, one: Case): DistilledPair {
  const { divergence, beta, scaleByTemperatureSquared, temperature, alpha } = one;
  const objective = { divergence, beta, scaleByTemperatureSquared, temperature, alpha, onPolicy };
  return { student: student.architecture, teacher: teacher.architecture, objective };
}

async function written(executor: Executor, student: Model): Promise<Batch> {
  const writer = writerOf(executor, student);
  const weights = placeParameters(executor, parameterSpecs(student.architecture), student.parameters);
  const { batches } = await writer.write([prompts], STEP, weights);
  await writer.release();
  return batches[0]!;
}

describeOnEach('a step on the student’s own texts', (executor, engine) => {
  it('is on the texts that the golden numbers are of', async () => {
    const { inputIds, length } = await written(executor(), await load('student'));
    const found = texts.map(({ prompt, written: { length: tokens } }, row) => {
      const start = row * length + prompt.length;
      return Array.from(inputIds.subarray(start, start + tokens));
    });
    expect(found).toEqual(texts.map(({ written: ids }) => ids));
    expect(texts.some(({ written: ids }) => ids.at(-1) === endOfText && ids.length < 10)).toBe(true);
  });

  // What each divergence computes on each engine is seen without texts of its own (engine/same-step).
  const tried = engine === 'cpu' ? Object.keys(cases) : allOr(Object.keys(cases), ['jsd']);
  it.each(tried)('has the loss and the gradient that PyTorch has: %s', async (name) => {
    const one = cases[name]!;
    const [student, teacher] = [await load('student'), await load('teacher')];
    const frozen = new FrozenTeacher(executor(), teacher.architecture, teacher.parameters);
    const trainer = new Trainer({
      executor: executor(),
      task: 'causal-lm',
      pairing: pairingOf(student, teacher, one),
      teacher: frozen,
      onPolicy: { writer: writerOf(executor(), student), targets: frozen.targets() },
      source: { steps: STEP + 1, stepsPerEpoch: 1, batchesOf: () => [prompts] },
      options: { ...plainStep, seed: SEED },
      initial: student.parameters,
    });
    const state = await trainer.state();
    trainer.restore({ ...state, step: STEP });
    const { loss, gradientNorm } = await trainer.step();
    await trainer.release();
    expect(loss.hard).toBeUndefined();
    expect(Math.abs(loss.soft! - one.soft)).toBeLessThan(1e-5);
    expect(Math.abs(loss.total - one.total)).toBeLessThan(1e-5);
    expect(Math.abs(gradientNorm - one.gradientNorm) / one.gradientNorm).toBeLessThan(1e-4);
  });

  it.runIf(engine === 'cpu').each(Object.keys(cases))('has each parameter’s gradient: %s', async (name) => {
    const one = cases[name]!;
    const [student, teacher] = [await load('student'), await load('teacher')];
    const pairing = pairingOf(student, teacher, one);
    const inputs = withoutLabels(batchInputs(await written(executor(), student), 'causal-lm'));
    expect(inputs.count).toBe(counted);
    const frozen = new FrozenTeacher(executor(), teacher.architecture, teacher.parameters);
    const program = await executor().load(gradientsProgram(pairing, inputs.shape));
    const outputs = await program.run({
      ...inputs.tensors,
      temperature: scalar(one.temperature),
      alpha: scalar(one.alpha),
      inverseCount: scalar(1 / counted),
      inverseLabelled: scalar(0),
      inverseTokens: scalar(1 / inputs.tokens),
      ...prefixed('student.', placeParameters(executor(), parameterSpecs(student.architecture), student.parameters)),
      ...prefixed('target.', await frozen.targets().of(inputs)),
      ...frozen.programInputs,
    });
    await program.release();
    await expectGradients(folder(`on-policy/${name}.safetensors`), outputs);
  });
});

describe('the golden texts', () => {
  it('are from prompts of unequal lengths', () => {
    expect(new Set(texts.map(({ prompt }) => prompt.length)).size).toBeGreaterThan(2);
  });
});
