/** @file A step that imitates attention or relations, beside transformers and PyTorch: `attention_by_torch.py`, `relations_by_torch.py`. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Batch } from '../../src/dataset/batches';
import { imitationCounts } from '../../src/distill/losses/imitation-losses';
import { batchInputs, scalar, type BatchInputs } from '../../src/distill/batch-inputs';
import { mapValues, prefixed } from '../../src/distill/named';
import { imitatedOf, type DistilledPair } from '../../src/distill/pairing';
import { parameterSpecs } from '../../src/distill/specs';
import { FrozenTeacher, placeParameters } from '../../src/distill/teacher/teacher';
import { gradientsProgram } from '../../src/distill/training/gradients-program';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { readSafetensors } from '../../src/model/files/safetensors';
import type { Model } from '../../src/model/parameters';
import type { Imitation } from '../../src/protocol/imitation';
import type { Task } from '../../src/protocol/records';
import type { Engine } from '../../src/engine/engines';
import { describeOnEach } from '../engine/executors';
import { allOr } from '../torture';
import { expectGradients, stepOn } from './plain-step';

const folder = (path: string): string => fileURLToPath(new URL(`data/${path}`, import.meta.url));

type Imitated = 'attention' | 'relations';

interface Case extends Partial<Pick<Imitation['attention'], 'loss'> & Pick<Imitation['relations'], 'of' | 'heads'>> {
  teacher: string;
  student: string;
  batches: 'bert' | 'gpt2';
  layers: [number, number][];
  soft: number;
  hard: number;
  attention?: number;
  relations?: number;
  total: number;
  gradientNorm: number;
}

interface Golden {
  settings: Record<'temperature' | 'alpha' | 'weight', number>;
  cases: Record<string, Case>;
}

const goldenOf = (imitated: Imitated): Golden =>
  JSON.parse(readFileSync(folder(`${imitated}/losses.json`), 'utf8')) as Golden;

const task = ({ batches }: Case): Task => (batches === 'bert' ? 'text-classification' : 'causal-lm');

/** The first of the eight stored batches of [4, 12] tokens, with padding in it. */
async function firstBatch({ batches }: Case): Promise<Batch> {
  const stored = await readSafetensors(folder(`distillation/${batches}/batches.safetensors`));
  const part = (name: string, size: number): Int32Array =>
    Int32Array.from((stored[name]?.data ?? new Int32Array(size)) as Int32Array, Number).subarray(0, size);
  const attentionMask = Float32Array.from(part('attention_mask', 48));
  return {
    rows: 4,
    length: 12,
    inputIds: part('input_ids', 48),
    typeIds: part('token_type_ids', 48),
    attentionMask,
    labels: part('labels', batches === 'bert' ? 4 : 48),
    indices: Int32Array.of(0, 1, 2, 3),
    tokens: attentionMask.reduce((a, b) => a + b, 0),
  };
}

interface Pair {
  student: Model;
  teacher: Model;
  pairing: DistilledPair;
}

async function pairOf({ layers, ...one }: Case, { temperature, alpha, weight }: Golden['settings']): Promise<Pair> {
  const [teacher, student] = [await loadCheckpoint(folder(one.teacher)), await loadCheckpoint(folder(one.student))];
  const inside =
    one.attention === undefined
      ? { relations: { of: one.of!, heads: one.heads, layers, weight } }
      : { attention: { loss: one.loss!, layers, weight } };
  const objective = {
    divergence: 'forward-kl' as const,
    beta: 0.5,
    scaleByTemperatureSquared: true,
    temperature,
    alpha,
    ...inside,
  };
  return { student, teacher, pairing: { student: student.architecture, teacher: teacher.architecture, objective } };
}

const onEach = { attention: ['bert ce', 'llama mse'], relations: ['bert', 'qwen3-to-llama'] };
/** On tfjs, whose backends differ by nothing but their kernels: an encoder and a decoder, and what has a softmax and a cross-entropy. */
const onTfjs = { attention: ['bert ce'], relations: ['qwen3-to-llama'] };
const triedOn = (engine: Engine, imitated: Imitated, all: string[]): readonly string[] =>
  engine === 'cpu' ? all : allOr(onEach[imitated], engine.startsWith('tfjs') ? onTfjs[imitated] : onEach[imitated]);

const withGradients = {
  attention: ['bert mse', 'bert ce', 'gpt2 mse', 'llama mse'],
  relations: ['bert', 'gpt2', 'qwen3-to-llama'],
};

for (const imitated of ['attention', 'relations'] as const) {
  const { settings, cases } = goldenOf(imitated);

  describeOnEach(`a step that imitates ${imitated}`, (executor, engine) => {
    it.each(triedOn(engine, imitated, Object.keys(cases)))('has the losses that PyTorch has: %s', async (name) => {
      const one = cases[name]!;
      const { student, teacher, pairing } = await pairOf(one, settings);
      const batch = await firstBatch(one);
      const models = { teacher, student };
      const { loss, gradientNorm } = await stepOn(executor(), task(one), pairing, models, batch);
      for (const component of ['soft', 'hard', imitated, 'total'] as const) {
        const close = 1e-5 * Math.max(1, one[component]!);
        expect(Math.abs(loss[component]! - one[component]!), component).toBeLessThan(close);
      }
      expect(Math.abs(gradientNorm - one.gradientNorm) / one.gradientNorm).toBeLessThan(1e-4);
    });

    it.runIf(engine === 'cpu').each(withGradients[imitated])('has each parameter’s gradient: %s', async (name) => {
      const one = cases[name]!;
      const { student, teacher, pairing } = await pairOf(one, settings);
      const inputs: BatchInputs = batchInputs(await firstBatch(one), task(one));
      const frozen = new FrozenTeacher(executor(), teacher.architecture, teacher.parameters);
      const program = await executor().load(gradientsProgram(pairing, inputs.shape));
      const outputs = await program.run({
        ...inputs.tensors,
        temperature: scalar(settings.temperature),
        alpha: scalar(settings.alpha),
        inverseCount: scalar(1 / inputs.count),
        inverseLabelled: scalar(1 / inputs.labelledCount),
        inverseTokens: scalar(1 / inputs.tokens),
        ...mapValues(imitationCounts(pairing, [inputs]), scalar),
        ...prefixed('student.', placeParameters(executor(), parameterSpecs(student.architecture), student.parameters)),
        ...prefixed('target.', await frozen.targets(imitatedOf(pairing)).of(inputs)),
        ...frozen.programInputs,
      });
      await program.release();
      const stored = folder(`${imitated}/${name.replace(' ', '-')}.safetensors`);
      expect(await expectGradients(stored, outputs)).toBeGreaterThan(15);
    });
  });
}
