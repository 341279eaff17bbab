/** @file Datasets inspected in place, with the models of real runs. */

import assert from 'node:assert/strict';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import {
  commands,
  languages,
  Position,
  Range,
  Selection,
  Uri,
  window,
  workspace,
  type Hover,
  type InlayHint,
  type MarkdownString,
  type TextEditor,
} from 'vscode';
import type { Run } from '../../src/run-directory/run-directory';
import { folder, root, tinyRun } from './tiny-run';
import { callTool, click, configure, execute, lensesOf, lensWith, showView, until, untilLab } from './waiting';

const hintsOf = async ({ document }: TextEditor): Promise<InlayHint[]> => {
  const range = new Range(0, 0, 12, 0);
  return commands.executeCommand<InlayHint[]>('vscode.executeInlayHintProvider', document.uri, range);
};
const hoverAt = async ({ document }: TextEditor, place: Position): Promise<string> => {
  const hovers = await commands.executeCommand<Hover[]>('vscode.executeHoverProvider', document.uri, place);
  return hovers.flatMap(({ contents }) => contents.map((content) => (content as MarkdownString).value)).join('\n');
};
/** Within the value of a row's label. */
function labelOf({ document }: TextEditor, line: number): Position {
  const { text } = document.lineAt(line);
  return new Position(line, text.lastIndexOf('"label"') + '"label":"h'.length);
}

/** Processes that this extension host has started to hold models. */
function modelProcesses(): number[] {
  const read = (pid: string, file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return ''; // It has ended meanwhile.
    }
  };
  const isOurs = (pid: string): boolean =>
    read(pid, 'cmdline').endsWith('runner.js\0serve\0') && read(pid, 'status').includes(`PPid:\t${process.pid}\n`);
  return readdirSync('/proc').filter(isOurs).map(Number);
}

async function inspect(run: Run, file: string): Promise<TextEditor> {
  return untilInspected(file, execute('distillery.inspectDataset', Uri.file(file), run.paths.id));
}

async function untilInspected(file: string, begun: Promise<unknown>): Promise<TextEditor> {
  await begun;
  const editor = window.activeTextEditor!;
  assert.equal(editor.document.uri.fsPath, file);
  await until('predictions beside rows', async () => ((await hintsOf(editor)).length > 5 ? true : undefined));
  return editor;
}

describe('a dataset that is inspected with a run', () => {
  let classifier: Run;
  let generator: Run;
  before(async () => {
    classifier = await tinyRun('tiny-spam', 'text-classification');
    generator = await tinyRun('tiny-novel', 'causal-lm');
    await execute('distillery.refresh');
  });
  after(async () => {
    await execute('distillery.stopInspecting');
    await commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('shows the labels that each says where several may apply, and the numbers where labels are numbers', async () => {
    const without = { controls: [] };
    const traits = (text: string): string[] => [
      ...(/\d/.test(text) ? ['number'] : []),
      ...(/[A-Z]{3}/.test(text) ? ['shouts'] : []),
    ];
    const several = await tinyRun('tiny-traits', 'text-classification', without, traits);
    const numbers = await tinyRun('tiny-sizes', 'text-classification', without, (text) => Math.log(text.length + 1));
    await execute('distillery.refresh');

    let editor = await inspect(several, path.join(folder, 'tiny-traits/validation.jsonl'));
    const said = '(✗ )?(none|(number|shouts)(, (number|shouts))?)';
    // Where the words are longer than the editor shows, signs stand for the roles.
    const inWords = new RegExp(`^(teacher ${said} → student ${said}|■ ${said} → ● ${said})$`);
    for (const { label } of await hintsOf(editor)) assert.match(label as string, inWords);
    const hover = await hoverAt(editor, new Position(0, '{"label":['.length));
    assert.match(hover, /number/);
    assert.match(hover, /entropy/);

    editor = await inspect(numbers, path.join(folder, 'tiny-sizes/validation.jsonl'));
    for (const { label } of await hintsOf(editor))
      assert.match(label as string, /^teacher −?[\d.]+ → student −?[\d.]+$/);
    assert.match(await hoverAt(editor, new Position(0, '{"label":1'.length)), /One number for the whole text/);
    await lensWith(editor.document, /^\d+ rows seen$/);
  });

  it('shows what a classifier and its student predict beside each label', async () => {
    const editor = await inspect(classifier, path.join(folder, 'tiny-spam/validation.jsonl'));
    const [first] = await hintsOf(editor);
    assert.match(first!.label as string, /^teacher (✗ )?(ham|spam) (\.\d\d|>\.99|1) → student (✗ )?(ham|spam) /);
    for (const { label, position } of await hintsOf(editor)) {
      const [, mark = '', choice] = /→ student (✗ )?(ham|spam)/.exec(label as string)!;
      const [, hard] = /"label":\s*"(ham|spam)"/.exec(editor.document.lineAt(position.line).text)!;
      assert.equal(mark !== '', choice !== hard);
    }
    // The label of the sample stands behind long texts, out of sight.
    assert.equal(first!.position.character, 0);
  });

  it('shows both distributions over the label at once, with the hard label marked', async () => {
    const editor = window.activeTextEditor!;
    const [first] = await hintsOf(editor);
    const hover = await hoverAt(editor, labelOf(editor, first!.position.line));
    assert.match(hover, /KL [\d.<]+ nats/);
    assert.match(hover, /var\(--vscode-charts-blue\);">(&nbsp;)+<\/span>/);
    assert.match(hover, /◆<\/span> \*\*(ham|spam)\*\*/);
    assert.match(hover, /command:distillery\.openLab/);
  });

  it('says above the file what it is looked at with, and leads on', async () => {
    const { document } = window.activeTextEditor!;
    const lenses = await lensesOf(document);
    const titles = lenses.map(({ command }) => command!.title);
    assert(titles.includes('$(eye) Inspecting with tiny-spam'));
    assert(titles.some((title) => /of \d+ rows seen disagree/.test(title)));
    await configure('inspection.rowLenses', 'all');
    const withRows = await until('a lens for each row', async () => {
      const found = (await lensesOf(document)).filter(({ command }) => command!.title.includes('Open in Lab'));
      return found.length > 5 ? found : undefined;
    });
    await configure('inspection.rowLenses', undefined);
    const [target] = withRows[0]!.command!.arguments as [{ run: string; row: { line: number } }];
    assert.equal(target.run, classifier.paths.id);
    assert.equal(target.row.line, 1);
  });

  it('answers a hover from what it keeps, without asking the models again', async function () {
    if (process.platform !== 'linux') this.skip();
    const editor = window.activeTextEditor!;
    const place = labelOf(editor, (await hintsOf(editor))[0]!.position.line);
    const shown = await hoverAt(editor, place);
    const [models, ...others] = modelProcesses();
    assert(models !== undefined && others.length === 0);
    process.kill(models, 'SIGSTOP');
    let asked: Promise<string>;
    try {
      asked = callTool('distillery_inspect_text', { run: classifier.paths.id, text: 'Win a prize', temperature: 2 });
      let isAnswered = false;
      void asked.then(() => (isAnswered = true));
      assert.equal(await hoverAt(editor, place), shown);
      // Whoever does ask them waits, for as long as they are held.
      assert.equal(isAnswered, false);
    } finally {
      process.kill(models, 'SIGCONT');
    }
    const told = JSON.parse(await asked) as { positions: { klNats: number; teacher: object[]; student: object[] }[] };
    assert.equal(told.positions.length, 1);
    assert(told.positions[0]!.klNats >= 0);
    assert.deepEqual([told.positions[0]!.teacher.length, told.positions[0]!.student.length], [2, 2]);
  });

  it('is looked at with another temperature', async () => {
    const editor = window.activeTextEditor!;
    await execute('distillery.chooseTemperature', 8);
    await until('predictions at T = 8', async () => ((await hintsOf(editor)).length > 5 ? true : undefined));
    const [first] = await hintsOf(editor);
    assert.match(await hoverAt(editor, labelOf(editor, first!.position.line)), /T = 8/);
  });

  it('opens the row under the cursor in the Lab', async () => {
    window.activeTextEditor!.selection = new Selection(3, 0, 3, 0);
    await execute('distillery.openRowInLab');
    await untilLab('Lab: tiny-spam');
  });

  it('shows a language model token by token, and how it does over a row', async () => {
    const editor = await inspect(generator, path.join(folder, 'tiny-novel/validation.jsonl'));
    const [first] = await hintsOf(editor);
    assert.match(first!.label as string, /^KL [\d.<]+ · \d+ of \d+ differ$/);
    const text = editor.document.lineAt(0).text;
    const inText = new Position(0, text.indexOf('"text"') + 14);
    const hover = await hoverAt(editor, inText);
    assert.match(hover, /hard label, ranks \d+ and \d+/);
    assert.match(hover, /entropy [\d.]+ and [\d.]+ nats/);
  });

  it('goes to the next disagreement and back, asking the models on the way', async () => {
    const editor = window.activeTextEditor!;
    editor.selection = new Selection(0, 0, 0, 0);
    await execute('distillery.nextDisagreement');
    const first = editor.selection.active;
    assert(first.isAfter(new Position(0, 0)));
    await execute('distillery.nextDisagreement');
    assert(editor.selection.active.isAfter(first));
    await execute('distillery.previousDisagreement');
    assert.deepEqual(editor.selection.active, first);
    assert.match(await hoverAt(editor, first), /first choices differ/);
  });

  it('leads on by its lenses: to the Lab, another run, another temperature, the next disagreement, the end', async () => {
    const editor = window.activeTextEditor!;
    const { document } = editor;
    const show = (): Thenable<TextEditor> => window.showTextDocument(document);
    await click(await lensWith(document, /rows seen/));
    await untilLab('Lab: tiny-novel');
    await show();
    await click(await lensWith(document, /^T 1$/));
    await lensWith(document, /^T \.5$/);
    await configure('inspection.temperature', 2);
    await click(await lensWith(document, /Inspecting with tiny-novel/));
    // The list begins with the run that has read this file.
    await lensWith(document, /Inspecting with tiny-novel/);
    await lensWith(document, /^T 2$/);
    await configure('inspection.temperature', undefined);
    editor.selection = new Selection(0, 0, 0, 0);
    await lensWith(document, /rows seen/);
    await click(await lensWith(document, /Next Disagreement/));
    assert(window.activeTextEditor!.selection.active.isAfter(new Position(0, 0)));
    await click(await lensWith(document, /Stop Inspecting/));
    assert.deepEqual(await lensesOf(document), []);
    assert.deepEqual(await hintsOf(editor), []);
  });

  it('may be a Parquet file, whose rows are shown as lines of JSON, with what it has of them', async () => {
    const file = path.join(folder, 'mails.parquet');
    copyFileSync(path.join(root, 'test/dataset/parquet/classes.parquet'), file);
    // As it stands open: the editor itself shows nothing of it.
    await commands.executeCommand('vscode.open', Uri.file(file));
    assert.equal(window.activeTextEditor, undefined);
    const begun = execute('distillery.inspectDataset', undefined, classifier.paths.id);
    const { document } = await untilInspected(file, begun);
    assert.equal(document.uri.scheme, 'distillery-rows');
    assert.equal(document.languageId, 'jsonl');
    assert.equal(document.lineCount, 300);
    const expected = readFileSync(path.join(root, 'test/dataset/parquet/classes.jsonl'), 'utf8').split('\n');
    assert.deepEqual(JSON.parse(document.lineAt(7).text), JSON.parse(expected[7]!));
    await execute('distillery.stopInspecting');
  });

  it('may be a text that is selected anywhere', async () => {
    const document = await workspace.openTextDocument({ content: 'First line.\r\nWin a free prize, click here now!' });
    const editor = await window.showTextDocument(document);
    editor.selection = new Selection(1, 0, 1, 17);
    await execute('distillery.inspectSelection', classifier.paths.id);
    assert.match(await hoverAt(editor, new Position(1, 3)), /T = 1/);
    assert.equal(await hoverAt(editor, new Position(0, 3)), '');
    await editor.edit((edit) => edit.insert(new Position(0, 0), 'x'));
    assert.equal(await hoverAt(editor, new Position(1, 3)), '');
  });

  it('marks its malformed rows', async () => {
    await showView('distillery.datasets');
    const file = path.join(folder, 'tiny-spam/train.jsonl');
    const document = await workspace.openTextDocument(file);
    await window.showTextDocument(document);
    writeFileSync(file, `${document.getText()}\n{"text": "cut off`);
    await until('the changed file', () => (document.getText().includes('cut off') ? true : undefined));
    const edit = await window.showTextDocument(document);
    await edit.edit((change) => change.insert(new Position(document.lineCount, 0), '\n'));
    await document.save();
    const found = await until('a problem of the row', () =>
      languages.getDiagnostics(document.uri).find(({ source }) => source === 'Distillery'),
    );
    assert.match(found.message, /not valid JSON/);
    assert.equal(found.range.start.line, 96);
  });

  it('and is of a decoder, can be exported for llama.cpp too', async () => {
    const target = path.join(folder, 'as-gguf');
    const choice = { format: 'gguf', values: 'f32', folder: Uri.file(target) };
    await execute('distillery.exportStudent', generator.paths.id, choice);
    assert.equal(readFileSync(path.join(target, 'model.gguf')).toString('latin1', 0, 4), 'GGUF');
    assert.match(readFileSync(path.join(target, 'README.md'), 'utf8'), /library_name: gguf/);
  });
});
