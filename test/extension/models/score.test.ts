/** @file What the model server says of a completion and of a row, against what the other questions to it say. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { ModelServer } from '../../../src/extension/models/model-server';
import { softmax } from '../../../src/protocol/distribution';
import type { InspectResult } from '../../../src/protocol/inspection-records';
import { distilleryHere } from '../../runner/in-process';
import { onlyRun, runnerFile, tinyWorkspace } from '../../runner/program';

const text = 'Call me Ishmael. Some years ago I went to sea.';
const server = new ModelServer(
  runnerFile,
  () => undefined,
  () => undefined,
);
let target = '';

beforeAll(async () => {
  const workspace = tinyWorkspace({ task: 'causal-lm', training: { epochs: 1 }, controls: [] });
  const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace);
  if (code !== 0) throw new Error(stderr);
  target = onlyRun(workspace);
});
afterAll(() => server.dispose());

it("scores a completion as the model that wrote it did, and says what the other expected in each token's place", async () => {
  const { student } = await server.ask('complete', { target, prompt: text, maxNewTokens: 4, roles: ['student'] });
  const ids = student!.tokens.map(({ id }) => id);
  const { expected } = await server.ask('score', { target, prompt: text, ids, top: 3 });
  expect(expected).toHaveLength(ids.length);
  for (const [i, { student: own, teacher }] of expected.entries()) {
    // Greedy: each token was the student's first choice.
    expect(own!.label).toMatchObject({ rank: 1 });
    expect(own!.label!.probability).toBeCloseTo(student!.tokens[i]!.probability, 4);
    expect(own!.top[0]!.id).toBe(ids[i]);
    expect(teacher!.label!.probability).toBeGreaterThan(0);
    expect(teacher!.top).toHaveLength(3);
  }
});

it('gives the logits from which a row is inspected', async () => {
  const { example, teacher, student } = await server.ask('logits', { target, text: { text } });
  const [inspected] = (await server.ask('inspect', { target, texts: [{ text }], temperature: 2, top: 3 })) as [
    InspectResult,
  ];
  expect(example.positions.map(({ token }) => token)).toEqual(example.counted);
  expect(example.positions[0]).toEqual({ token: 1, label: inspected.positions[1]!.id });
  for (const [side, base64] of [
    ['teacher', teacher],
    ['student', student],
  ] as const) {
    const logits = new Float32Array(Uint8Array.from(Buffer.from(base64!, 'base64')).buffer);
    const width = logits.length / example.positions.length;
    example.positions.forEach(({ token }, i) => {
      const probabilities = softmax(logits.subarray(i * width, (i + 1) * width), 2);
      for (const { id, probability } of inspected.positions[token]![side]!.top) {
        expect(probabilities[id]).toBeCloseTo(probability, 5);
      }
    });
  }
});
