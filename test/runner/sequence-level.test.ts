/** @file A student that learns from what its teacher writes after the rows' prompts, through the real program. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { promptIds } from '../../src/dataset/examples';
import { Predictor } from '../../src/distill/evaluation/predictor';
import { openExecutor } from '../../src/engine/engines';
import { loadTokenizer } from '../../src/experiment/checks/model-folder';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { generate } from '../../src/model/generate';
import type { RunResult } from '../../src/runner/run/carry-out';
import { documentHere } from './in-process';
import { readLines, sampleRows, tinyWorkspace } from './program';

const teacher = path.resolve('examples/models/language-model-teacher');
const MAX_LENGTH = 18;
/** More than are continued together. */
const PROMPTS = 9;

/** The beginnings of paragraphs, of other lengths, and what follows each in the novel. */
const pairs = sampleRows('moby-dick', 'train', PROMPTS).map((line, i) => {
  const { text } = JSON.parse(line) as { text: string };
  return { prompt: text.slice(0, 8 + 3 * i), completion: text.slice(8 + 3 * i, 60) };
});

function workspaceWith({ dataset: columns, ...changes }: { dataset?: object; [key: string]: unknown } = {}): string {
  const rows = pairs.map((row) => JSON.stringify(row));
  const workspace = tinyWorkspace({
    task: 'causal-lm',
    teacher: { source: 'checkpoint', path: teacher },
    rows: { train: rows, validation: rows.slice(0, 3) },
    training: { epochs: 1, batchSize: 4 },
    controls: [],
    withoutTest: true,
  });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
  const dataset = {
    ...experiment.dataset,
    promptColumn: 'prompt',
    completionColumn: 'completion',
    maxLength: MAX_LENGTH,
  };
  const distillation = { ...experiment.distillation, sequenceLevel: true };
  writeFileSync(file, JSON.stringify({ ...experiment, dataset: { ...dataset, ...columns }, distillation, ...changes }));
  return workspace;
}

describe('sequence-level distillation', () => {
  it('learns from what the teacher writes after each prompt alone, which it writes once', async () => {
    const workspace = workspaceWith();
    const run = (): Promise<RunResult> => documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    const first = await run();
    const log = readFileSync(path.join(first.directory, 'log.txt'), 'utf8');
    expect(log).toMatch(/the teacher writes what follows 9 training prompts, 9 of them new/);
    expect(log).toMatch(/learns from what the teacher writes after 9 prompts \(sequence-level distillation\)/);

    const executor = await openExecutor('cpu', { threads: 1 });
    const [{ architecture, parameters }, tokenizer] = [await loadCheckpoint(teacher), await loadTokenizer(teacher)];
    const predictor = new Predictor(executor, architecture, parameters);
    const alone: number[][] = [];
    for (const { prompt } of pairs) {
      const ids = promptIds(tokenizer, prompt);
      const options = { maxNewTokens: MAX_LENGTH - ids.length, endOfText: tokenizer.special.endOfText };
      alone.push((await generate((sofar) => predictor.nextLogits(sofar), ids, options)).ids);
    }
    await predictor.release();
    expect(written(workspace)).toEqual(alone.sort(byText));

    // Another experiment with the same teacher and prompts finds them.
    const second = await run();
    expect(second.directory).not.toBe(first.directory);
    const again = readFileSync(path.join(second.directory, 'log.txt'), 'utf8');
    expect(again).toMatch(/what follows 9 training prompts is known/);
    expect(again).not.toMatch(/the teacher writes what/);
    expect(metricsOf(second)).toEqual(metricsOf(first));
    expect(written(workspace)).toHaveLength(PROMPTS);
  });

  it.each([
    ['sequence-level-without-prompts', { dataset: { promptColumn: undefined, completionColumn: undefined } }],
    ['sequence-level-of-source', { teacher: { source: 'endpoint', url: 'http://127.0.0.1:1', model: 'm' } }],
    ['sequence-level-of-task', { task: 'masked-lm' }],
  ])('is refused: %s', async (code, changes) => {
    const problems = await validateExperimentFile(path.join(workspaceWith(changes), 'tiny.distill.json'));
    expect(problems.map((problem) => problem.code)).toContain(code);
  });
});

/** What was measured in each step of the student, times left out. */
function metricsOf({ directory }: RunResult): (number | undefined)[] {
  return readLines<{ loss?: number }>(path.join(directory, 'metrics.jsonl')).map(({ loss }) => loss);
}

const byText = (a: readonly number[], b: readonly number[]): number => (a.join() < b.join() ? -1 : 1);

/** Ids of each answer in the only log that there is. */
function written(workspace: string): number[][] {
  const caches = path.join(workspace, '.distillery', 'cache', 'teacher');
  const logs = readdirSync(caches).filter((key) => readdirSync(path.join(caches, key)).includes('answers.log'));
  expect(logs).toHaveLength(1);
  const lines = readFileSync(path.join(caches, logs[0]!, 'answers.log'), 'utf8')
    .split('\n')
    .filter(Boolean);
  return lines
    .map((line) => Array.from(new Int32Array(new Uint8Array(Buffer.from(line.split(' ')[2]!, 'base64')).buffer)))
    .sort(byText);
}
