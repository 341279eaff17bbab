/** @file Questions to the process that keeps models loaded, on a real run. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import { ModelServer } from '../../../src/extension/models/model-server';
import type { InspectResult } from '../../../src/protocol/inspection-records';
import type { CompletionProgress } from '../../../src/protocol/runner';
import { distilleryHere, documentHere } from '../../runner/in-process';
import { document, onlyRun, runnerFile, tinyWorkspace } from '../../runner/program';

const complaints: string[] = [];
const newServer = (): ModelServer =>
  new ModelServer(
    runnerFile,
    (line) => complaints.push(line),
    () => undefined,
  );

async function runTiny(task: 'text-classification' | 'causal-lm'): Promise<string> {
  const workspace = tinyWorkspace({ task, training: { epochs: 1 }, controls: [] });
  const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace);
  if (code !== 0) throw new Error(stderr);
  return onlyRun(workspace);
}

describe('the model server', () => {
  let server: ModelServer;
  let classifier: string;
  let generator: string;
  beforeAll(async () => {
    server = newServer();
    classifier = await runTiny('text-classification');
    generator = await runTiny('causal-lm');
  });
  afterAll(() => server.dispose());

  it('says of a row what the command line says, and marks its hard label', async () => {
    const row = JSON.parse(readFileSync(path.join(classifier, '../../../test.jsonl'), 'utf8').split('\n')[1]!) as {
      text: string;
      label: string;
    };
    const params = { target: classifier, temperature: 2, top: 2 };
    const [result] = await server.ask('inspect', { ...params, texts: [row] });
    const told = await document<InspectResult>(
      [
        'inspect',
        classifier,
        '--file',
        path.join(classifier, '../../../test.jsonl'),
        '--row',
        '2',
        '--temperature',
        '2',
      ],
      classifier,
    );
    const [position, expected] = [(result as InspectResult).positions[0]!, told.positions[0]!];
    expect(position.label).toBe(row.label);
    expect(position.kl).toBeCloseTo(expected.kl!, 5);
    expect(position.student!.label!.rank).toBe(expected.student!.label!.rank);
    const [first, second] = position.teacher!.top;
    expect(first!.probability + second!.probability).toBeCloseTo(1, 6);
    // The student's probabilities of the teacher's first choices, in their order.
    const byName = new Map(position.student!.top.map(({ token, probability }) => [token, probability]));
    expect(position.student!.ofOther).toEqual([byName.get(first!.token), byName.get(second!.token)]);
  });

  it('pads texts without changing what is said of them', async () => {
    const text = 'Call me Ishmael. Some years ago I went to sea.';
    const [result] = await server.ask('inspect', { target: generator, texts: [{ text }], temperature: 1, top: 3 });
    const told = await documentHere<InspectResult>(['inspect', generator, '--text', text, '--top', '3'], generator);
    const kls = (from: InspectResult): number[] => from.positions.map(({ kl }) => Number((kl ?? 0).toFixed(4)));
    expect(kls(result as InspectResult)).toEqual(kls(told));
  });

  it('keeps the other texts when one cannot be inspected', async () => {
    const texts = [{ text: '' }, { text: 'Call me' }];
    const [empty, whole] = await server.ask('inspect', { target: generator, texts, temperature: 1, top: 3 });
    expect(empty).toMatchObject({
      problem: { code: 'text-empty', message: expect.stringContaining('empty') as unknown },
    });
    expect((whole as InspectResult).positions.length).toBeGreaterThan(1);
  });

  it('does not count a prompt, and says that its offsets are its own', async () => {
    const texts = [{ text: ' the sea', prompt: 'I love' }];
    const [result] = await server.ask('inspect', { target: generator, texts, temperature: 1, top: 3 });
    const { positions } = result as InspectResult;
    const prompt = positions.filter(({ of }) => of === 'prompt');
    expect(prompt.length).toBeGreaterThan(0);
    expect(prompt.every(({ counted }) => !counted)).toBe(true);
    expect(positions.some(({ of, counted }) => of === undefined && counted)).toBe(true);
  });

  it('tells of each token of a completion as it comes', async () => {
    const told: CompletionProgress[] = [];
    const params = { target: generator, prompt: 'Call me', maxNewTokens: 4 };
    const result = await server.complete(params, (progress) => told.push(progress));
    for (const role of ['teacher', 'student'] as const) {
      const mine = told.filter((progress) => progress.role === role);
      expect(mine.map(({ token }) => token)).toEqual(result[role]!.tokens);
      expect(mine.at(-1)!.text).toBe(result[role]!.text);
    }
  });

  it('ends a completion that is cancelled, and answers the next question', async () => {
    const source = new CancellationTokenSource();
    const told: CompletionProgress[] = [];
    const endless = server.complete(
      { target: generator, prompt: 'Call me', maxNewTokens: 100_000, roles: ['student'] },
      (progress) => {
        told.push(progress);
        source.cancel();
      },
      source.token,
    );
    await expect(endless).rejects.toThrow(/cancelled/);
    const params = { target: generator, texts: [{ text: 'Call me' }], temperature: 1, top: 1 };
    expect(await server.ask('inspect', params)).toHaveLength(1);
  });

  it('says what is wrong with a target', async () => {
    const params = { target: '/no/such/run', texts: [], temperature: 1, top: 1 };
    await expect(server.ask('inspect', params)).rejects.toThrow(/no such run/i);
  });

  it('ends with whoever asks, without a complaint', async () => {
    const own = newServer();
    await own.ask('inspect', { target: classifier, texts: [{ text: 'hello' }], temperature: 1, top: 1 });
    own.dispose();
    expect(complaints).toEqual([]);
  });
});
