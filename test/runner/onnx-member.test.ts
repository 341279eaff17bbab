/** @file Ensembles of which a member is an ONNX file, through the real program. */

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { loadCheckpoint, saveCheckpoint } from '../../src/model/files/checkpoint';
import { parameterCount } from '../../src/model/layouts/config';
import type { RunResult } from '../../src/runner/run/carry-out';
import { characterTokenizer } from '../experiment/word-piece';
import { goldenFolder } from '../golden/compare';
import { completed, inspected } from './asked';
import { documentHere } from './in-process';
import { onlyRun, readLines, sampleRows, tinyWorkspace, type TinyExperiment } from './program';

const exported = fileURLToPath(new URL('../golden/data/onnx', import.meta.url));

/** The file `model` with a tokenizer, and what a config.json would say. */
function putFile(workspace: string, model: string, config?: object): string {
  const folder = path.join(workspace, 'exported');
  mkdirSync(folder);
  for (const file of readdirSync(path.join(exported, model))) {
    if (file.startsWith('model.onnx')) cpSync(path.join(exported, model, file), path.join(folder, file));
  }
  writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(characterTokenizer()));
  if (config) writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

/** A workspace in which the ensemble's members lie beside each other. */
function workspaceWith(teachers: object[], more: Partial<TinyExperiment>): string {
  const { task = 'causal-lm' } = more;
  const workspace = tinyWorkspace({
    task,
    training: { epochs: 1, batchSize: 4 },
    teacher: { source: 'ensemble', teachers, weights: [3, 1] },
    controls: [],
    withoutTest: true,
    ...more,
  });
  return workspace;
}

const novel = {
  train: sampleRows('moby-dick', 'train', 12),
  validation: sampleRows('moby-dick', 'validation', 4),
};

describe('an ensemble with an ONNX file', () => {
  it('teaches a language model as the same ensemble of checkpoints does', async () => {
    const whole = await loadCheckpoint(goldenFolder('gpt2'));
    const run = async (second: object): Promise<{ workspace: string; result: RunResult }> => {
      const members = [{ source: 'checkpoint', path: 'whole' }, second];
      const workspace = workspaceWith(members, { rows: novel });
      putFile(workspace, 'gpt2-by-dynamo');
      // The file has the first block alone.
      const short = { ...whole.architecture, layers: 1 };
      const parameters = Object.entries(whole.parameters).filter(([name]) => !name.includes('.h.1.'));
      for (const [name, model] of [
        ['whole', whole],
        ['short', { architecture: short, parameters: Object.fromEntries(parameters) }],
      ] as const) {
        mkdirSync(path.join(workspace, name));
        await saveCheckpoint(path.join(workspace, name), model.architecture, model.parameters);
        writeFileSync(path.join(workspace, name, 'tokenizer.json'), JSON.stringify(characterTokenizer()));
      }
      return { workspace, result: await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace) };
    };
    const ofCheckpoints = await run({ source: 'checkpoint', path: 'short' });
    const mixed = await run({ source: 'onnx', path: 'exported' });

    const [losses, expected] = [mixed, ofCheckpoints].map(({ result }) =>
      readLines<{ loss: { total: number } }>(path.join(result.directory, 'metrics.jsonl')).map(
        ({ loss }) => loss.total,
      ),
    );
    expect(losses!.length).toBeGreaterThan(1);
    losses!.forEach((loss, i) => expect(loss).toBeCloseTo(expected![i]!, 4));

    const [teacher, student] = mixed.result.summary!.rows;
    const [asCheckpoints] = ofCheckpoints.result.summary!.rows;
    expect(teacher!.metrics.perplexity).toBeCloseTo(asCheckpoints!.metrics.perplexity!, 2);
    expect(teacher!.parameters).toBeGreaterThan(parameterCount(whole.architecture));
    expect(student!.metrics.teacherKl).toBeGreaterThan(0);

    const said = async ({ result }: typeof mixed) => {
      const { positions } = await inspected(result.directory, { text: 'call me', top: 3 });
      return positions
        .slice(1)
        .map(({ teacher }) => teacher!.top.map(({ token, probability }) => [token, probability.toFixed(3)]));
    };
    expect(await said(mixed)).toEqual(await said(ofCheckpoints));
    expect((await completed(mixed.result.directory, 'call me', 3)).teacher!.tokens.length).toBeGreaterThan(0);
  });

  it('teaches a classifier, beside a member that is trained here with the classes that the file names', async () => {
    const workspace = workspaceWith(
      [
        {
          source: 'train',
          architecture: { family: 'bert', hiddenSize: 24, layers: 1, heads: 2 },
          training: { epochs: 1 },
        },
        { source: 'onnx', path: 'exported' },
      ],
      {
        task: 'text-classification',
        rows: { train: sampleRows('spam', 'train', 16), validation: sampleRows('spam', 'validation', 8) },
      },
    );
    const id2label = { 0: 'ham', 1: 'spam', 2: 'other' };
    putFile(workspace, 'bert-external', { model_type: 'bert', max_position_embeddings: 64, vocab_size: 99, id2label });
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    expect(summary!.rows.map(({ role }) => role)).toEqual(['teacher', 'student']);
    const { positions } = await inspected(onlyRun(workspace), { text: 'free money' });
    expect(positions[0]!.teacher!.top.map(({ token }) => token).sort()).toEqual(['ham', 'other', 'spam']);
    // What the file has said is kept as that of any other member.
    expect(readdirSync(path.join(workspace, '.distillery', 'cache', 'teacher'))).toHaveLength(2);
  });

  it('is refused where the file has other classes than the others', async () => {
    const workspace = workspaceWith(
      [
        { source: 'onnx', path: 'exported' },
        { source: 'onnx', path: 'other' },
      ],
      { task: 'text-classification' },
    );
    const config = { model_type: 'bert', max_position_embeddings: 64, vocab_size: 99 };
    const folder = putFile(workspace, 'bert-external', { ...config, id2label: { 0: 'ham', 1: 'spam', 2: 'other' } });
    cpSync(folder, path.join(workspace, 'other'), { recursive: true });
    const others = { ...config, id2label: { 0: 'spam', 1: 'ham', 2: 'other' } };
    writeFileSync(path.join(workspace, 'other', 'config.json'), JSON.stringify(others));
    const codes = async (): Promise<string[]> =>
      (await validateExperimentFile(path.join(workspace, 'tiny.distill.json'))).map(({ code }) => code);
    expect(await codes()).toEqual(['ensemble-classes']);
    cpSync(path.join(folder, 'config.json'), path.join(workspace, 'other', 'config.json'));
    expect(await codes()).toEqual([]);
    const model = path.join(workspace, 'other', 'model.onnx');
    writeFileSync(model, readFileSync(model).subarray(0, 10_000));
    expect(await codes()).toEqual(['onnx-damaged']);
  });
});
