/** @file Experiment files in the editor: problems, quick fixes, completions, hovers, outline, lenses, hints, a new one. */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import {
  commands,
  languages,
  Position,
  Range,
  Uri,
  ViewColumn,
  window,
  workspace,
  type CodeAction,
  type CodeLens,
  type CompletionItem,
  type CompletionList,
  type Diagnostic,
  type DocumentSymbol,
  type Hover,
  type InlayHint,
  type MarkdownString,
  type TextDocument,
} from 'vscode';
import { readRunExperiment } from '../../src/experiment/experiment-record';
import { specialWords, wordPieceJson } from '../experiment/word-piece';
import { beginRun, finishRun } from '../extension/sample-run';
import { folder, root, sampleRows } from './tiny-run';
import { execute, executeAndAccept, executeAndAcceptFromAfar, until } from './waiting';

const directory = path.join(folder, 'language');
const sizes = { family: 'bert', hiddenSize: 64, layers: 2, heads: 4 };
const good = {
  task: 'text-classification',
  dataset: { train: 'train.jsonl', validation: 0.2, textColumn: 'text', labelColumn: 'label' },
  tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 512 },
  teacher: { source: 'train', architecture: { ...sizes, layers: 4 } },
  student: { architecture: sizes },
  distillation: { temperature: 4, alpha: 0.7, hidden: { layers: [[3, 1]] } },
};

async function open(name: string, experiment: object): Promise<TextDocument> {
  const file = path.join(directory, `${name}.distill.json`);
  writeFileSync(file, JSON.stringify(experiment, undefined, 2));
  const document = await workspace.openTextDocument(file);
  await window.showTextDocument(document);
  return document;
}

const ours = (document: TextDocument): Diagnostic[] =>
  languages.getDiagnostics(document.uri).filter(({ source }) => source === 'Distillery');
const problem = (document: TextDocument, words: RegExp): Promise<Diagnostic> =>
  until(`a problem like ${String(words)}`, () => ours(document).find(({ message }) => words.test(message)));
const clean = (document: TextDocument): Promise<true> =>
  until('no problem any more', () => (ours(document).length === 0 ? true : undefined));

/** Opens a file that we object to, and one that the editor's JSON support does: both have then looked at what was opened before. */
async function untilOthersAreChecked(name: string): Promise<void> {
  const controls: [text: string, isOurs: boolean][] = [
    ['{ "task": "causal-lm" }', true],
    ['{ ? }', false],
  ];
  for (const [text, isOurs] of controls) {
    const file = path.join(directory, `${name}-${isOurs ? 'ours' : 'json'}.distill.json`);
    writeFileSync(file, text);
    const document = await workspace.openTextDocument(file);
    const { uri } = document;
    // JSON support looks at what is seen, so what was opened before it stays beside it.
    await window.showTextDocument(document, { viewColumn: ViewColumn.Beside, preserveFocus: true });
    await until(`an objection to ${text}`, () =>
      languages.getDiagnostics(uri).find(({ source }) => (source === 'Distillery') === isOurs),
    );
  }
}

/** Carries out the quick fix with these words, as the editor would, and returns what the document says then. */
async function fix(document: TextDocument, at: Diagnostic, title: RegExp): Promise<unknown> {
  const actions = await commands.executeCommand<CodeAction[]>(
    'vscode.executeCodeActionProvider',
    document.uri,
    at.range,
  );
  const action = actions.find((candidate) => title.test(candidate.title));
  assert(action?.edit, `no fix ${String(title)} among ${actions.map((candidate) => candidate.title).join(', ')}`);
  await workspace.applyEdit(action.edit);
  return JSON.parse(document.getText()) as unknown;
}

const place = (document: TextDocument, text: string, after = 0): Position =>
  document.positionAt(document.getText().indexOf(text) + after);

async function completionsAt(document: TextDocument, position: Position): Promise<CompletionItem[]> {
  const id = 'vscode.executeCompletionItemProvider';
  return (await commands.executeCommand<CompletionList>(id, document.uri, position)).items;
}
const labelOf = ({ label }: CompletionItem): string => (typeof label === 'string' ? label : label.label);

describe('an experiment file', () => {
  before(() => {
    mkdirSync(path.join(directory, '.distillery'), { recursive: true });
    writeFileSync(path.join(directory, 'train.jsonl'), sampleRows('spam', 'train', 60).join('\n'));
  });
  after(() => commands.executeCommand('workbench.action.closeAllEditors'));

  it('without a fault has no problem', async () => {
    const document = await open('good', good);
    assert.equal(document.languageId, 'distillation');
    await problem(await open('control', { ...good, dataset: { train: 'x.jsonl' } }), /There is no file/);
    assert.deepEqual(ours(document), []);
  });

  it('may have comments and trailing commas, and is completed by the editor’s JSON support', async () => {
    const document = await open('commented', good);
    const editor = await window.showTextDocument(document);
    await editor.edit((edit) => {
      edit.insert(new Position(0, 1), ' // a comment');
      edit.insert(document.lineAt(document.lineCount - 2).range.end, ',');
    });
    const keys = await completionsAt(document, document.lineAt(document.lineCount - 2).range.end);
    assert(keys.some((item) => labelOf(item) === 'engine'));
    await untilOthersAreChecked('commented-control');
    assert.deepEqual(languages.getDiagnostics(document.uri), []);
    await commands.executeCommand('workbench.action.files.revert');
  });

  it('may have another name, which is associated with its language', async () => {
    const associations = { '*.experiment': 'distillation' };
    await workspace.getConfiguration('files').update('associations', associations, true);
    const file = path.join(directory, 'named.experiment');
    writeFileSync(file, '{ "task": "causal-lm" }');
    const document = await workspace.openTextDocument(file);
    await window.showTextDocument(document);
    assert.equal(document.languageId, 'distillation');
    await untilOthersAreChecked('named-control');
    assert.deepEqual(languages.getDiagnostics(document.uri), []);
    await workspace.getConfiguration('files').update('associations', undefined, true);
  });

  it('keeps its checks where an association of the person takes it', async () => {
    await workspace.getConfiguration('files').update('associations', { '*.json': 'jsonc' }, true);
    const document = await open('taken', { ...good, nonsense: 1 });
    await problem(document, /"nonsense" is not known/);
    await workspace.getConfiguration('files').update('associations', undefined, true);
  });

  it('has its problems marked while it is written, and not any more once they are mended', async () => {
    const document = await open('edited', good);
    const editor = await window.showTextDocument(document);
    const at = place(document, '"train.jsonl"', 1);
    await editor.edit((edit) => edit.insert(at, 'no-'));
    const found = await problem(document, /There is no file "no-train\.jsonl"/);
    assert.equal(found.range.start.line, at.line);
    await editor.edit((edit) => edit.delete(new Range(at, at.translate(0, 3))));
    await clean(document);
  });

  const repairs: [
    name: string,
    broken: object,
    problem: RegExp,
    fix: RegExp,
    mended: (now: typeof good) => unknown,
    value: unknown,
  ][] = [
    [
      'a column',
      { dataset: { ...good.dataset, textColumn: 'txet' } },
      /not a column/,
      /Set "textColumn" to "text"/,
      (now) => now.dataset.textColumn,
      'text',
    ],
    [
      'a file name',
      { dataset: { ...good.dataset, train: 'trian.jsonl' } },
      /There is no file/,
      /"train\.jsonl"/,
      (now) => now.dataset.train,
      'train.jsonl',
    ],
    [
      'missing validation rows',
      { dataset: { ...good.dataset, validation: undefined } },
      /No validation rows/,
      /Use 0\.1 of the training rows/,
      (now) => now.dataset.validation,
      0.1,
    ],
    [
      'a layer out of range',
      { distillation: { hidden: { layers: [[9, 1]] } } },
      /no block 9/,
      /Use block 3, the last/,
      (now) => now.distillation.hidden.layers,
      [[3, 1]],
    ],
    [
      'heads that do not divide',
      { student: { architecture: { ...sizes, heads: 5 } } },
      /do not divide/,
      /Set "heads" to 4/,
      (now) => now.student.architecture.heads,
      4,
    ],
    [
      'a mistyped key',
      { trainnig: { epochs: 1 } },
      /"trainnig" is not known/,
      /Rename "trainnig" to "training"/,
      (now) => (now as object as { training: object }).training,
      { epochs: 1 },
    ],
    [
      'a key that does not belong',
      { nonsense: 1 },
      /"nonsense" is not known/,
      /Remove "nonsense"/,
      (now) => 'nonsense' in now,
      false,
    ],
    [
      'a mistyped value',
      { task: 'text-clasification' },
      /cannot be/,
      /Set "task" to "text-classification"/,
      (now) => now.task,
      'text-classification',
    ],
  ];
  for (const [name, broken, words, title, mended, value] of repairs) {
    it(`is mended by a quick fix: ${name}`, async () => {
      const document = await open(`fix-${name.replaceAll(' ', '-')}`, { ...good, ...broken });
      const now = (await fix(document, await problem(document, words), title)) as typeof good;
      assert.deepEqual(mended(now), value);
      await clean(document);
    });
  }

  it('is completed: columns with their values, datasets, and parts to begin with', async () => {
    const document = await open('completed', good);
    const columns = await completionsAt(document, place(document, '"labelColumn": "', 16));
    const label = columns.find((item) => labelOf(item) === 'label');
    assert.match(label?.detail ?? '', /ham/);
    const files = await completionsAt(document, place(document, '"train": "', 10));
    assert(files.some((item) => labelOf(item) === 'train.jsonl'));
    const bare = await open('bare', { task: 'text-classification', '': 0 });
    const parts = await completionsAt(bare, place(bare, '""', 1));
    assert(parts.some((item) => labelOf(item) === 'teacher: trained here'));
  });

  it('is completed with students that its teacher allows, and says how large each is', async () => {
    const document = await open('preset', { ...good, distillation: {}, student: { preset: '' } });
    const items = await until('completions with sizes', async () => {
      const found = await completionsAt(document, place(document, '"preset": "', 11));
      return found.some(({ detail }) => detail?.includes('parameters')) ? found : undefined;
    });
    // Ours alone, not those of the schema beside them.
    const named = items.filter((item) => /half-blocks|quarter-parameters/.test(labelOf(item)));
    assert.deepEqual(named.map(labelOf), ['half-blocks', 'quarter-parameters']);
    assert.match(
      named[1]!.detail ?? '',
      /^[\d.]+\sk parameters · [\d.]+\skB · [\d.]+\sMB of memory · the teacher, pruned$/,
    );
    const chosen = await open('preset', { ...good, distillation: {}, student: { preset: 'half-blocks' } });
    const words = await until('a hover with sizes', async () => {
      const at = place(chosen, '"half-blocks"', 3);
      const hovers = await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', chosen.uri, at);
      const text = hovers.flatMap(({ contents }) => contents.map((part) => (part as MarkdownString).value)).join('');
      return text.includes('on disk') ? text : undefined;
    });
    assert.match(words, /`half-blocks` \|.*blocks of the teacher: 2 blocks, width 64/);
  });

  it('is completed with the models that are here, and offers to fetch one that is not', async () => {
    cpSync(path.join(root, 'test/golden/data/models/gpt2'), path.join(directory, 'kept/gpt2'), { recursive: true });
    const teacher = { source: 'checkpoint', path: 'org/none' };
    const document = await open('named', { ...good, teacher, tokenizer: { source: 'teacher' } });
    const missing = await problem(document, /no such model in your Hugging Face cache.*"Fetch Model…"/);
    const actions = await commands.executeCommand<CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      missing.range,
    );
    const offered = actions
      .map(({ command }) => command)
      .find((command) => command?.command === 'distillery.fetchModel');
    assert.deepEqual([offered?.title, offered?.arguments], ['Fetch org/none…', ['org/none']]);
    const labels = (await completionsAt(document, place(document, '"org/none"', 2))).map(labelOf);
    for (const name of ['kept/gpt2', 'minilm', 'smollm2']) assert(labels.includes(name), labels.join(', '));
  });

  it('explains its keys', async () => {
    const document = await open('explained', good);
    const id = 'vscode.executeHoverProvider';
    const words = await until('a hover', async () => {
      const hovers = await commands.executeCommand<Hover[]>(id, document.uri, place(document, '"temperature"', 3));
      const text = hovers.flatMap(({ contents }) => contents.map((part) => (part as MarkdownString).value)).join('');
      return text === '' ? undefined : text;
    });
    assert.match(words, /Divides both models' logits/);
  });

  it('has an outline in the words of distillation', async () => {
    const document = await open('outlined', good);
    const id = 'vscode.executeDocumentSymbolProvider';
    const symbols = await commands.executeCommand<DocumentSymbol[]>(id, document.uri);
    // The editor's own JSON support has symbols too, without details.
    const details = symbols.filter(({ detail }) => detail !== '').map(({ name, detail }) => `${name}: ${detail}`);
    assert(details.includes('teacher: bert 4 × 64'));
    assert(details.includes('distillation: T 4 · α .7'));
  });

  it('offers to run and to sweep, and shows its last result, beside the fields that made it', async () => {
    const made = await beginRun(directory, {});
    await finishRun(made);
    await execute('distillery.refresh');
    const { file, inputs: _, ...experiment } = await readRunExperiment(made.paths);
    assert.equal(path.dirname(file), directory);
    const name = path.basename(file, '.distill.json');
    const document = await open(name, { ...experiment, sweep: { 'distillation.temperature': [1, 2] } });
    const lenses = await until('the last result', async () => {
      const found = await commands.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 100);
      return found.some(({ command }) => (command?.title ?? '').startsWith('last: ')) ? found : undefined;
    });
    const titles = lenses.map(({ command }) => command?.title);
    for (const title of ['$(play) Run', '$(layers) Sweep', '$(remote) Sweep on…', '$(beaker) Open Lab'])
      assert(titles.includes(title), title);
    assert(titles.some((title) => /last: macro-F1 \.\d+ \([\d.]+\s% of the teacher\)/.test(title ?? '')));
    const everywhere = new Range(0, 0, document.lineCount, 0);
    const hints = await commands.executeCommand<InlayHint[]>(
      'vscode.executeInlayHintProvider',
      document.uri,
      everywhere,
    );
    assert(hints.some(({ label }) => /^control macro-F1 .+ · distillation [+−]\.\d+$/.test(label as string)));
    // A result belongs to what made it.
    const editor = await window.showTextDocument(document);
    const width = place(document, '"hiddenSize": 64', 14);
    await editor.edit((edit) => edit.replace(new Range(width, width.translate(0, 2)), '32'));
    const after = await commands.executeCommand<InlayHint[]>(
      'vscode.executeInlayHintProvider',
      document.uri,
      everywhere,
    );
    assert.equal(after.length, hints.length - 1);
    await commands.executeCommand('workbench.action.files.revert');
  });

  it('is proposed for a dataset, complete and without a problem', async () => {
    const answers = { task: 'text-classification', teacher: 'trained' };
    await execute('distillery.newExperiment', Uri.file(path.join(directory, 'train.jsonl')), answers);
    const { document } = window.activeTextEditor!;
    assert.equal(document.uri.scheme, 'untitled');
    assert.match(document.fileName, /language\.distill\.json$/);
    assert.match(document.getText(), /"labelColumn": "label"/);
    assert.match(document.getText(), /"train": "language\/train\.jsonl"/);
    const editor = window.activeTextEditor!;
    await editor.edit((edit) => edit.insert(place(document, '"temperature"'), '"x": 1, '));
    await problem(document, /"x" is not known/);
    await commands.executeCommand('undo');
    await clean(document);
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('is proposed with a teacher that is here, and a student by how much smaller than it that is', async () => {
    const model = path.join(root, 'examples/models/definitions-teacher');
    cpSync(model, path.join(directory, 'kept/classifier'), { recursive: true });
    // What is known of the models here may be as old as half a minute.
    await execute('distillery.refreshDevices');
    const teacher = { path: 'language/kept/classifier', isTuned: true };
    const rows = Uri.file(path.join(directory, 'train.jsonl'));
    // The first of the students is what is accepted. The question comes after others: it stays where a view takes the focus, in an editor as it is.
    const lists = workspace.getConfiguration('workbench.quickOpen');
    await lists.update('closeOnFocusLost', true, true);
    await executeAndAcceptFromAfar('distillery.newExperiment', rows, { task: 'text-classification', teacher });
    await lists.update('closeOnFocusLost', undefined, true);
    const { document } = window.activeTextEditor!;
    const text = document.getText();
    assert.match(text, /"path": "language\/kept\/classifier", "training": \{/);
    assert.match(text, /"student": \{ "preset": "half-blocks" \}/);
    await clean(document);
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('is proposed with a student that is here and smaller, which keeps its tokens where they are others', async () => {
    const student = path.join(directory, 'kept/smaller');
    cpSync(path.join(root, 'test/golden/data/models/bert-sequence-classification'), student, { recursive: true });
    writeFileSync(path.join(student, 'tokenizer.json'), JSON.stringify(wordPieceJson([...specialWords, 'mail'])));
    await execute('distillery.refreshDevices');
    const teacher = { path: 'language/kept/classifier', isTuned: true };
    const rows = Uri.file(path.join(directory, 'train.jsonl'));
    const answers = { task: 'text-classification', teacher, student: 'language/kept/smaller' };
    await execute('distillery.newExperiment', rows, answers);
    const { document } = window.activeTextEditor!;
    const text = document.getText();
    assert.match(text, /"student": \{ "initialize": \{ "from": "checkpoint", "path": "language\/kept\/smaller" \} \}/);
    assert.match(text, /"tokenizer": \{ "source": "path", "path": "language\/kept\/smaller" \}/);
    assert.match(text, /"vocabulary": "align"/);
    await clean(document);
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('is proposed for none before it is said for which dataset; the one in front comes first', async () => {
    const inFront = path.join(directory, 'rows.jsonl');
    writeFileSync(inFront, sampleRows('spam', 'validation', 20).join('\n'));
    await window.showTextDocument(Uri.file(inFront));
    const proposed = executeAndAccept('distillery.newExperiment', undefined, {
      task: 'text-classification',
      teacher: 'trained',
    });
    // Taken without a question, it would be there by the first look.
    assert.equal(window.activeTextEditor?.document.uri.scheme, 'file');
    await proposed;
    const { document } = window.activeTextEditor;
    assert.match(document.getText(), /"train": "language\/rows\.jsonl"/);
    await commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });
});
