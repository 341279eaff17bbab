/** @file A Llama of another's making, in a folder or a GGUF file, with its own tokenizer, as the teacher of a student that starts from one of its blocks. */

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/model/files/checkpoint';
import { loadTokenizer } from '../../src/experiment/checks/model-folder';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { MetricsRecord } from '../../src/protocol/records';
import type { ExportResult } from '../../src/runner/commands/export';
import { writeGgufFile } from '../../src/runner/export/gguf';
import type { RunResult } from '../../src/runner/run/carry-out';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { expectClose } from '../golden/compare';
import { completed } from './asked';
import { documentHere } from './in-process';
import { document, onlyRun, readLines, sampleRows, tinyWorkspace } from './program';

const tokenizerFolder = path.join(import.meta.dirname, '../golden/data/tokenizers/llama2');

/** Settings that no student would have by itself: shared keys, wide heads, a tied head, padded embeddings, stretched positions. */
async function llamaFolder(folder: string, seed = 3): Promise<void> {
  const { vocabularySize, special } = await Tokenizer.load(tokenizerFolder);
  const architecture = createArchitecture({
    family: 'llama',
    head: 'causal-lm',
    hiddenSize: 32,
    layers: 3,
    heads: 4,
    keyValueHeads: 2,
    headSize: 16,
    intermediateSize: 48,
    vocabularySize: vocabularySize + 8,
    maxPositions: 64,
    tieWordEmbeddings: true,
    layerNormEpsilon: 1e-5,
    rotary: { theta: 5e5, scaling: { type: 'linear', factor: 2 } },
    bosId: special.beginOfText!,
    eosId: special.endOfText!,
  });
  await saveCheckpoint(folder, architecture, initializeParameters(architecture, seed));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(path.join(tokenizerFolder, file), path.join(folder, file));
}

describe('a Llama as teacher', () => {
  it.each([
    ['a folder', 'teacher'],
    ['a GGUF file', 'file/model.gguf'],
  ])(
    'in %s gives its student blocks and settings, which the exported folder has; both complete texts',
    async (_, given) => {
      const workspace = tinyWorkspace({
        task: 'causal-lm',
        teacher: { source: 'checkpoint', path: given },
        training: { epochs: 1, learningRate: 1e-5 },
        distillation: { hidden: { layers: [[2, 1]] }, attention: { loss: 'ce', layers: 'last' } },
        withoutTest: true,
      });
      const folder = path.join(workspace, 'teacher');
      await llamaFolder(folder);
      const made = await loadCheckpoint(folder);
      if (given !== 'teacher') {
        mkdirSync(path.join(workspace, 'file'));
        await writeGgufFile(folder, path.join(workspace, 'file'), 'f32');
        rmSync(folder, { recursive: true });
      }
      const file = path.join(workspace, 'tiny.distill.json');
      const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
      const architecture = { family: 'llama', hiddenSize: 32, layers: 2, heads: 4, intermediateSize: 48 };
      const student = { architecture, initialize: { from: 'teacher', layers: [0, 2] } };
      writeFileSync(file, JSON.stringify({ ...experiment, student, controls: [] }));
      const { status } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
      expect(status).toBe('done');

      const run = onlyRun(workspace);
      const [first] = readLines<MetricsRecord>(path.join(run, 'metrics.jsonl'));
      expect(Object.keys(first!.loss).sort()).toEqual(['attention', 'hard', 'hidden', 'soft', 'total']);
      const exported = await loadCheckpoint(path.join(run, 'student'));
      const { attentionDropout } = exported.architecture; // the training's
      const shape = { layers: 2, maxPositions: 24, padId: 2, attentionDropout };
      expect(exported.architecture).toEqual({ ...made.architecture, ...shape });
      // Seven small updates leave the blocks near where they began.
      const query = (layer: number): string => `model.layers.${layer}.self_attn.q_proj.weight`;
      const [before, after] = [made.parameters[query(2)]!, exported.parameters[query(1)]!];
      expect(after).not.toEqual(before);
      expectClose(query(1), after, before, 1e-3);

      const { teacher, student: answered } = await completed(run, 'Call me', 2);
      for (const completion of [teacher, answered]) expect(completion!.tokens.length).toBeGreaterThan(0);

      const args = ['export', run, '--to', 'out', '--format', 'gguf', '--values', 'f32'];
      const { files } = await document<ExportResult>(args, workspace);
      expect(files).toEqual(['README.md', 'model.gguf']);
      const asFile = path.join(workspace, 'out', 'model.gguf');
      expect((await loadCheckpoint(asFile)).parameters).toEqual(exported.parameters);
      const [ours, theirs] = [await Tokenizer.load(path.join(run, 'student')), await loadTokenizer(asFile)];
      const text = 'Call me Ishmael. 世界 🙂\n\n  <s> x';
      expect(theirs.encode(text)).toEqual(ours.encode(text));
      expect(theirs.special).toEqual({ ...ours.special, pad: theirs.special.pad });
      expect(readFileSync(path.join(workspace, 'out', 'README.md'), 'utf8')).toContain('This is a GGUF file, F32');
    },
  );

  it('in a GGUF file is one of an ensemble as it is in a folder', async () => {
    const run = async (second: string): Promise<{ result: RunResult; losses: number[] }> => {
      const teachers = ['first', second].map((given) => ({ source: 'checkpoint', path: given }));
      const workspace = tinyWorkspace({
        task: 'causal-lm',
        teacher: { source: 'ensemble', teachers, weights: [1, 3] },
        rows: { train: sampleRows('moby-dick', 'train', 12), validation: sampleRows('moby-dick', 'validation', 4) },
        training: { epochs: 1, batchSize: 4 },
        controls: [],
        withoutTest: true,
      });
      await llamaFolder(path.join(workspace, 'first'));
      await llamaFolder(path.join(workspace, 'second'), 4);
      mkdirSync(path.join(workspace, 'file'));
      await writeGgufFile(path.join(workspace, 'second'), path.join(workspace, 'file'), 'f32');
      const result = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
      const steps = readLines<{ loss: { total: number } }>(path.join(result.directory, 'metrics.jsonl'));
      return { result, losses: steps.map(({ loss }) => loss.total) };
    };
    const [folder, file] = [await run('second'), await run('file/model.gguf')];
    expect(file.losses.length).toBeGreaterThan(1);
    expect(file.losses).toEqual(folder.losses);
    const metricsOf = ({ result }: typeof file): unknown =>
      result.summary!.rows.map(({ name, metrics, parameters }) => [name, metrics, parameters]);
    expect(metricsOf(file)).toEqual(metricsOf(folder));
    expect(file.result.summary!.rows.map(({ name }) => name)).toEqual(['teacher', 'teacher 1', 'teacher 2', 'student']);
  });
});
