/** @file jax-js's side of the comparison: the same step for decoders, in its WebAssembly backend, compiled by its jit(). Usage as step.ts. */

import { blockUntilReady, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { createInterface } from 'node:readline';
import { mapValues } from '../src/distill/named';
import type { Architecture } from '../src/model/architecture';
import { parameterShapes } from '../src/model/layouts/config';
import { floatsOf, type Parameters } from '../src/model/parameters';
import { readDistillation, type Distillation } from './ours';
import type { Setup } from './setup';
import { memory, type Block, type Ready, type StepLosses } from './side';

type Arrays = Record<string, np.Array>;

/** Everything that the update changes. A type, since jax-js takes no interface for a tree. */
type State = Record<'parameters' | 'first' | 'second', Arrays>;

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** An argument is consumed by each call in jax-js; `.ref` keeps it for another. Parameters are used through `of`, which never consumes. */
const of = (parameters: Arrays, name: string): np.Array => parameters[name]!.ref;

function conv1d(x: np.Array, parameters: Arrays, name: string): np.Array {
  return np.matmul(x, of(parameters, `${name}.weight`)).add(of(parameters, `${name}.bias`));
}

function norm(x: np.Array, a: Architecture, parameters: Arrays, name: string): np.Array {
  const normalized = nn.standardize(x, -1, { epsilon: a.layerNormEpsilon });
  return normalized.mul(of(parameters, `${name}.weight`)).add(of(parameters, `${name}.bias`));
}

/** x [B, L, D] → the same shape. */
function block(a: Architecture, parameters: Arrays, name: string, x: np.Array, mask: np.Array): np.Array {
  const [rows, length, width] = x.shape as [number, number, number];
  const size = width / a.heads;
  const projected = conv1d(norm(x.ref, a, parameters, `${name}ln_1`), parameters, `${name}attn.c_attn`);
  const [query, key, value] = np
    .split(projected, 3, -1)
    .map((part) => part.reshape([rows, length, a.heads, size]).transpose([0, 2, 1, 3])) as [
    np.Array,
    np.Array,
    np.Array,
  ];
  const scores = np.matmul(query, key.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(size)); // [B, H, L, L]
  const context = np.matmul(nn.softmax(scores.add(mask), -1), value).transpose([0, 2, 1, 3]);
  const attended = conv1d(context.reshape([rows, length, width]), parameters, `${name}attn.c_proj`).add(x);
  const inner = nn.gelu(conv1d(norm(attended.ref, a, parameters, `${name}ln_2`), parameters, `${name}mlp.c_fc`));
  return conv1d(inner, parameters, `${name}mlp.c_proj`).add(attended);
}

/** Logits of every position but the last, [B · (L − 1), V]. */
function logits(a: Architecture, parameters: Arrays, ids: np.Array): np.Array {
  const [rows, length] = ids.shape as [number, number];
  const positions = of(parameters, 'transformer.wpe.weight').slice([0, length]);
  let x = np.take(of(parameters, 'transformer.wte.weight'), ids, 0).add(positions); // [B, L, D]
  const mask = np.triu(np.ones([length, length]), 1).mul(-1e9);
  for (let layer = 0; layer < a.layers; layer++) x = block(a, parameters, `transformer.h.${layer}.`, x, mask.ref);
  mask.dispose();
  const last = norm(x, a, parameters, 'transformer.ln_f')
    .slice([], [0, length - 1])
    .reshape([-1, a.hiddenSize]);
  return np.matmul(last, of(parameters, 'transformer.wte.weight').transpose()).reshape([rows * (length - 1), -1]);
}

/** α · T² · KL(teacher ‖ student) + (1 − α) · hard, and the two apart. */
function combinedLoss(
  setup: Setup,
  a: Architecture,
  parameters: Arrays,
  target: np.Array,
  ids: np.Array,
): [np.Array, [np.Array, np.Array]] {
  const { temperature, alpha } = setup;
  const labels = nn.oneHot(ids.ref.slice([], [1]).reshape([-1]), a.vocabularySize);
  const student = logits(a, parameters, ids);
  const [count] = student.shape as [number, number];
  const softLabels = nn.logSoftmax(target.mul(1 / temperature), -1);
  const softPredictions = nn.logSoftmax(student.ref.mul(1 / temperature), -1);
  const soft = np
    .exp(softLabels.ref)
    .mul(softLabels.sub(softPredictions))
    .sum()
    .mul(1 / count);
  const hard = nn
    .logSoftmax(student, -1)
    .mul(labels)
    .sum()
    .mul(-1 / count);
  const total = soft.ref.mul(alpha * temperature ** 2).add(hard.ref.mul(1 - alpha));
  return [total, [soft, hard]];
}

/** AdamW with clipping of the gradients' global norm; consumes state and gradients. */
function adamw(setup: Setup, state: State, gradients: Arrays, corrections: np.Array): State {
  const names = Object.keys(gradients);
  const squares = names.map((name) => np.square(of(gradients, name)).sum()).reduce((a, b) => a.add(b));
  const clip = np.minimum(np.reciprocal(np.sqrt(squares).add(1e-6)).mul(setup.clipNorm), 1);
  const [correction1, correction2] = np.split(corrections, 2).map((c) => c.reshape([])) as [np.Array, np.Array];
  const next: State = { parameters: {}, first: {}, second: {} };
  for (const name of names) {
    const gradient = gradients[name]!.mul(clip.ref);
    const first = state.first[name]!.mul(BETA1).add(gradient.ref.mul(1 - BETA1));
    const second = state.second[name]!.mul(BETA2).add(np.square(gradient).mul(1 - BETA2));
    const scale = np.sqrt(second.ref.div(correction2.ref)).add(EPSILON);
    const change = first.ref.div(correction1.ref).div(scale).mul(setup.learningRate);
    const parameter = state.parameters[name]!;
    const decay = parameter.shape.length > 1 ? 1 - setup.learningRate * setup.weightDecay : 1;
    next.parameters[name] = parameter.mul(decay).sub(change);
    next.first[name] = first;
    next.second[name] = second;
  }
  tree.dispose([clip, correction1, correction2]);
  return next;
}

/** The recorded step: teacher, gradients and update together. */
function createStep({ setup, pairing }: Distillation) {
  const teacherArchitecture = pairing.teacher;
  return jit((state: State, teacher: Arrays, ids: np.Array, corrections: np.Array) => {
    const target = logits(teacherArchitecture, teacher, ids.ref);
    const objective = (parameters: Arrays, soft: np.Array, tokens: np.Array): [np.Array, [np.Array, np.Array]] =>
      combinedLoss(setup, pairing.student, parameters, soft, tokens);
    const [[total, [soft, hard]], gradients] = valueAndGrad(objective, { hasAux: true })(
      tree.ref(state.parameters),
      target,
      ids,
    ) as [[np.Array, [np.Array, np.Array]], Arrays];
    return { state: adamw(setup, state, gradients, corrections), losses: [total, soft, hard] };
  });
}

function arraysOf(architecture: Architecture, parameters: Parameters): Arrays {
  const shapes = Object.entries(parameterShapes(architecture));
  return Object.fromEntries(shapes.map(([name, shape]) => [name, np.array(parameters[name]!).reshape([...shape])]));
}

const write = (line: Ready | Block): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

async function main(folder: string): Promise<void> {
  const emptyMegabytes = memory().resident;
  const distillation = await readDistillation(folder);
  const { pairing, batches } = distillation;
  const parameters = arraysOf(pairing.student, distillation.student);
  const zeros = (): Arrays => mapValues(parameters, (array) => np.zerosLike(array.ref));
  let state: State = { parameters, first: zeros(), second: zeros() };
  const teacher = arraysOf(pairing.teacher, mapValues(distillation.teacher, floatsOf));
  const step = createStep(distillation);
  let steps = 0;
  const take = async (): Promise<StepLosses> => {
    const { inputIds, rows, length } = batches[steps % batches.length]!;
    steps++;
    const ids = np.array(inputIds, { dtype: np.int32 }).reshape([rows, length]);
    const corrections = np.array([1 - BETA1 ** steps, 1 - BETA2 ** steps]);
    const result = step(state, tree.ref(teacher), ids, corrections);
    state = result.state;
    await blockUntilReady(state);
    const [total, soft, hard] = result.losses.map((loss) => loss.item()) as [number, number, number];
    return { total, soft, hard };
  };
  write({ versions: { node: process.version }, emptyMegabytes });
  for await (const line of createInterface({ input: process.stdin })) {
    const losses: StepLosses[] = [];
    const started = performance.now();
    for (let step = 0; step < Number(line); step++) losses.push(await take());
    write({ losses, milliseconds: performance.now() - started, peakMegabytes: memory().peak });
  }
}

void main(process.argv[2]!);
