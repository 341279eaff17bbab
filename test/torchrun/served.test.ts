/** Trainings on PyTorch whose teacher is behind a server: it is asked here, and its answers are read there. */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/runner/run/carry-out';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { characterTokenizer } from '../experiment/word-piece';
import { goldenFolder } from '../golden/compare';
import { ModelServer } from '../runner/endpoint/model-server';
import { document, sampleRows, tinyWorkspace } from '../runner/program';
import { torture } from '../torture';
import { difference, environment, evaluationsOf, hasPython, metricsOf, python, rewrite } from './python';
import { hasSshd, OtherHost } from './sshd';

const json = characterTokenizer();
/** What is sent to a server is not sent to the proxy of whoever runs the tests. */
const surroundings = { ...environment, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };

/** Short enough for a model of 64 characters. */
const short = (split: 'train' | 'validation', count: number): string[] =>
  sampleRows('spam', split, count).map((line) => {
    const { text, label } = JSON.parse(line) as { text: string; label: string };
    return JSON.stringify({ text: text.slice(0, 24), label });
  });

describe.skipIf(!hasPython || !torture)('a teacher behind a server', () => {
  let server: ModelServer;
  beforeAll(async () => {
    server = await ModelServer.start(goldenFolder('gpt2'), Tokenizer.fromJson(json));
  });
  afterAll(() => server.close());
  beforeEach(() => void (server.requests = 0));

  /** With a tokenizer that has the tokens of the golden model. */
  function continuations(topLogprobs: number): string {
    const teacher = { source: 'endpoint', url: server.url, model: 'tiny', topLogprobs };
    const workspace = tinyWorkspace({ task: 'causal-lm', maxLength: 48, training: { epochs: 4 }, teacher });
    writeFileSync(path.join(workspace, 'tokenizer.json'), JSON.stringify(json));
    rewrite(workspace, (experiment) => (experiment.tokenizer = { source: 'path', path: '.' }));
    return workspace;
  }

  function classes(): string {
    const verbalizers = { ham: ' message', spam: ' junk' };
    const prompt = 'Text: {text} is';
    const teacher = { source: 'endpoint', url: server.url, model: 'tiny', topLogprobs: 20, prompt, verbalizers };
    const rows = { train: short('train', 24), validation: short('validation', 12) };
    const training = { epochs: 4 };
    const workspace = tinyWorkspace({ task: 'text-classification', rows, training, withoutTest: true, teacher });
    const tokenizer = { source: 'train', kind: 'wordpiece', vocabularySize: 512 };
    rewrite(workspace, (experiment) => (experiment.tokenizer = tokenizer));
    return workspace;
  }

  const run = (workspace: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<RunResult> =>
    document<RunResult>(['run', 'tiny.distill.json', ...args], workspace, { ...surroundings, ...more });

  async function expectAlike(workspace: string, elsewhere: () => Promise<RunResult>): Promise<void> {
    const own = await run(workspace, ['--engine', 'cpu']);
    const asked = server.requests;
    const there = await elsewhere();
    // What it has said once is not asked again.
    expect(server.requests).toBe(asked);
    for (const part of ['.', 'controls/no-distillation']) {
      const [ours, theirs] = [own, there].map(({ directory }) => path.join(directory, part)) as [string, string];
      expect(metricsOf(theirs)).toHaveLength(metricsOf(ours).length);
      expect(difference(metricsOf(theirs), metricsOf(ours))).toBeLessThan(1e-3);
      const held = [ours, theirs].map((folder) => evaluationsOf(folder).map(({ metrics }) => metrics.teacherKl!));
      for (const [i, kl] of held[0]!.entries()) expect(held[1]![i]! / kl).toBeCloseTo(1, 2);
    }
  }

  it.each([20, 98])('is learnt from by its %i most probable tokens of 99', async (top) => {
    const workspace = continuations(top);
    rewrite(workspace, (experiment) => (experiment.torchrun = { dropout: 'exact', processes: 2 }));
    await expectAlike(workspace, () => run(workspace, ['--engine', 'torchrun']));
  });

  it('is learnt from by what it says of classes', async () => {
    const workspace = classes();
    rewrite(workspace, (experiment) => (experiment.torchrun = { dropout: 'exact', processes: 2, strategy: 'fsdp' }));
    await expectAlike(workspace, () => run(workspace, ['--engine', 'torchrun']));
  });

  it.skipIf(!hasSshd)('is not reached from the host that trains', async () => {
    const other = await OtherHost.start();
    try {
      const workspace = continuations(20);
      rewrite(workspace, (experiment) => (experiment.torchrun = { dropout: 'exact' }));
      const there = { DISTILLERY_SSH: other.ssh, DISTILLERY_HOST_PYTHON: python };
      await expectAlike(workspace, () => run(workspace, ['--on', 'there'], there));
    } finally {
      await other.end();
    }
  });
});
