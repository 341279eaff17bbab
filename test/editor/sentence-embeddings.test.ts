/** @file Sentence embeddings in the editor: pairs inspected in place, and an experiment proposed for a model of embeddings that is here. */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import { commands, Position, Range, Uri, window, type Hover, type InlayHint, type MarkdownString } from 'vscode';
import type { Run } from '../../src/run-directory/run-directory';
import { pairedRows } from '../runner/paired';
import { asLines } from '../runner/tagged';
import { folder, runOf, writeTinyExperiment } from './tiny-run';
import { callTool, execute, executeAndAcceptFromAfar, until } from './waiting';

describe('a run of sentence embeddings', () => {
  const directory = path.join(folder, 'tiny-pairs');
  let run: Run;
  before(async function () {
    this.timeout(120_000);
    const file = writeTinyExperiment('tiny-pairs', 'text-classification', {
      task: 'sentence-embedding',
      dataset: {
        ...{ train: 'train.jsonl', validation: 'validation.jsonl', maxLength: 24 },
        ...{ textColumn: 'sentence1', pairColumn: 'sentence2' },
      },
      distillation: {},
      controls: [],
    });
    writeFileSync(path.join(directory, 'train.jsonl'), asLines(pairedRows(96, 1)).join('\n'));
    writeFileSync(path.join(directory, 'validation.jsonl'), asLines(pairedRows(24, 2)).join('\n'));
    run = await runOf(file);
    await execute('distillery.refresh');
  });
  after(async () => {
    await execute('distillery.stopInspecting');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('says beside each pair how similar both models find its texts', async () => {
    await execute('distillery.inspectDataset', Uri.file(path.join(directory, 'validation.jsonl')), run.paths.id);
    const { document } = window.activeTextEditor!;
    const hints = await until('predictions beside rows', async () => {
      const range = new Range(0, 0, 12, 0);
      const found = await commands.executeCommand<InlayHint[]>('vscode.executeInlayHintProvider', document.uri, range);
      return found.length > 5 ? found : undefined;
    });
    for (const { label } of hints) assert.match(label as string, /^teacher −?(\.\d+|0|1) → student −?(\.\d+|0|1)$/);
    const place = new Position(0, document.lineAt(0).text.lastIndexOf(':') + 1);
    const hovers = await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', document.uri, place);
    const said = hovers.flatMap(({ contents }) => contents.map((one) => (one as MarkdownString).value)).join('\n');
    assert.match(said, /How similar both texts are found/);
    assert.match(said, /Cosine to teacher/);
    assert.doesNotMatch(said, /nats/);
  });

  it('tells an agent how near both embeddings are, and how similar each finds two texts', async () => {
    const ask = async (input: object) => {
      const told = await callTool('distillery_inspect_text', {
        run: run.paths.id,
        text: 'the cat and a van',
        ...input,
      });
      return (JSON.parse(told) as { positions: { cosineToTeacher: number; values?: Record<string, number> }[] })
        .positions;
    };
    const [alone] = await ask({});
    assert(Math.abs(alone!.cosineToTeacher) <= 1);
    assert.equal(alone!.values, undefined);
    const both = await ask({ pair: 'the cat and a van' });
    assert.equal(both.length, 2);
    for (const role of ['teacher', 'student']) assert(Math.abs(both[0]!.values![role]! - 1) < 1e-6);
  });

  it('has a student that is proposed as a teacher of pairs like its own', async () => {
    const model = path.join(folder, 'tiny-pairs/kept/embedder');
    mkdirSync(path.dirname(model), { recursive: true });
    cpSync(path.join(run.paths.directory, 'student'), model, { recursive: true });
    await execute('distillery.refreshDevices');
    const teacher = { path: 'tiny-pairs/kept/embedder', isTuned: false };
    const rows = Uri.file(path.join(directory, 'train.jsonl'));
    await executeAndAcceptFromAfar('distillery.newExperiment', rows, { task: 'sentence-embedding', teacher });
    const text = window.activeTextEditor!.document.getText();
    assert.match(text, /"task": "sentence-embedding"/);
    assert.match(text, /"textColumn": "sentence1",\s*"pairColumn": "sentence2",\s*"labelColumn": "score"/);
    assert.match(text, /"path": "tiny-pairs\/kept\/embedder"/);
    assert.doesNotMatch(text, /temperature/);
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });
});
