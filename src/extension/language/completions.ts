/** @file Completions that a schema cannot give: columns of the dataset, files, earlier runs, whole parts of an experiment. */

import {
  CompletionItem,
  CompletionItemKind,
  languages,
  Range,
  SnippetString,
  workspace,
  type Disposable,
  type Position,
  type TextDocument,
} from 'vscode';
import { getLocation, type Location } from 'jsonc-parser';
import path from 'node:path';
import { describeDataset } from '../../dataset/dataset-description';
import { datasetFilesIn, fileSplits, findSplitFiles } from '../../experiment/checks/dataset-files';
import { childOf } from '../../experiment/file/schema-tree';
import type { RunList } from '../runs/run-list';
import { describeRun } from '../views/run-words';
import { experimentSelector, parsedDocument } from './experiment-document';
import { snippetWords } from './snippet-words';
import { snippets } from './snippets';

interface Choice {
  value: string;
  detail?: string;
}

export function registerCompletions(runs: RunList): Disposable {
  const provideCompletionItems = async (document: TextDocument, position: Position): Promise<CompletionItem[]> => {
    const location = getLocation(document.getText(), document.offsetAt(position));
    if (location.isAtPropertyKey) return snippetItems(document, position, location);
    const choices = await choicesAt(document, location, runs);
    return choices.map((choice, index) => choiceItem(document, position, location, choice, index));
  };
  return languages.registerCompletionItemProvider(experimentSelector, { provideCompletionItems }, '"');
}

async function choicesAt(document: TextDocument, { path: place }: Location, runs: RunList): Promise<Choice[]> {
  const [part, key] = place;
  if (part === 'teacher' && key === 'run') {
    await runs.ready();
    return runs.runs.map((run) => ({ value: run.paths.id, detail: `${run.record.name} · ${describeRun(run)}` }));
  }
  // What the file names is not opened where it is not trusted.
  if (part !== 'dataset' || !workspace.isTrusted) return [];
  const folder = path.dirname(document.uri.fsPath);
  if (fileSplits.some((split) => split === key)) {
    return (await datasetFilesIn(folder)).map((value) => ({ value }));
  }
  if (typeof key === 'string' && key.endsWith('Column')) return columnsFor(document, folder);
  return [];
}

async function columnsFor(document: TextDocument, folder: string): Promise<Choice[]> {
  const train = childOf(childOf(parsedDocument(document).source.value(), 'dataset'), 'train');
  const named = (Array.isArray(train) ? train : [train]).filter((name) => typeof name === 'string');
  const [file] = (await findSplitFiles(named, folder)).files;
  if (file === undefined) return [];
  const { columns } = await describeDataset(file);
  return columns.map(({ name, values }) => ({
    value: name,
    ...(values && {
      detail: values
        .slice(0, 6)
        .map(({ value }) => value)
        .join(', '),
    }),
  }));
}

function choiceItem(
  document: TextDocument,
  position: Position,
  { previousNode }: Location,
  { value, detail }: Choice,
  index: number,
): CompletionItem {
  const item = new CompletionItem(value, CompletionItemKind.Value);
  const quoted = JSON.stringify(value);
  item.insertText = quoted;
  // The whole text in quotes is replaced, so it is what is typed that must match.
  item.filterText = quoted;
  item.sortText = String(index).padStart(4, '0');
  if (detail !== undefined) item.detail = detail;
  item.range =
    previousNode?.type === 'string'
      ? new Range(
          document.positionAt(previousNode.offset),
          document.positionAt(previousNode.offset + previousNode.length),
        )
      : new Range(position, position);
  return item;
}

function snippetItems(
  document: TextDocument,
  position: Position,
  { path: place, previousNode }: Location,
): CompletionItem[] {
  const owner = place.slice(0, -1).join('.');
  const root = parsedDocument(document).source.value();
  const value = owner === '' ? root : childOf(root, owner);
  const present = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const words = snippetWords();
  return snippets
    .filter((snippet) => snippet.owner === owner && !present.includes(snippet.key))
    .map((snippet) => {
      const [title, description] = words[snippet.id];
      const item = new CompletionItem(`${snippet.key}: ${title}`, CompletionItemKind.Snippet);
      item.insertText = new SnippetString(`"${snippet.key}": ${snippet.body}`);
      item.documentation = description;
      item.filterText = `"${snippet.key} ${title}"`;
      item.sortText = `~${snippet.key}`;
      item.range =
        previousNode?.type === 'string'
          ? new Range(
              document.positionAt(previousNode.offset),
              document.positionAt(previousNode.offset + previousNode.length),
            )
          : new Range(position, position);
      return item;
    });
}
