/** @file A first experiment for a dataset: which task its columns allow, and a complete file with sizes that fit it. */

import { basename } from 'node:path';
import { layoutOf } from '../model/layouts/families';
import { familiesOfTask } from './architecture';
import type { LabelKind, Task } from '../protocol/records';
import type { StudentPreset } from '../protocol/student-presets';
import type { ColumnDescription, DatasetDescription } from '../dataset/dataset-description';
import { hasLabels, isOfEmbeddings, scoreColumns, wordColumns } from '../protocol/tasks';

/** What the columns of a dataset are, as far as they show. */
export interface ColumnRoles {
  text?: string | undefined;
  label?: string | undefined;
  /** What its labels are. */
  labels?: LabelKind | undefined;
  prompt?: string | undefined;
  completion?: string | undefined;
  /** Lists of words, and of a tag for each. */
  words?: string | undefined;
  tags?: string | undefined;
  /** Two texts of a row, and how alike they are. */
  pair?: { first: string; second: string; score?: string | undefined } | undefined;
}

/** Names that people give to these columns, the surest first. */
const usualNames = {
  label: ['label', 'labels', 'class', 'category', 'target', 'sentiment', 'intent'],
  number: ['score', 'rating', 'similarity', 'similarity_score', 'stars', 'label', 'labels', 'target', 'value'],
  prompt: ['prompt', 'instruction', 'question', 'input'],
  completion: ['completion', 'response', 'answer', 'output'],
  score: scoreColumns,
  ...wordColumns,
} as const;

/** Names of two texts that belong together. */
const usualPairs = [
  ['sentence1', 'sentence2'],
  ['sentence_1', 'sentence_2'],
  ['sentence_a', 'sentence_b'],
  ['text1', 'text2'],
  ['text_1', 'text_2'],
  ['question1', 'question2'],
  ['premise', 'hypothesis'],
  ['anchor', 'positive'],
  ['query', 'passage'],
] as const;

/** More classes than this are taken for a text that repeats. */
const mostClasses = 50;

export function columnRoles({ columns, rows }: DatasetDescription): ColumnRoles {
  const named = (role: keyof typeof usualNames, from = columns): ColumnDescription | undefined =>
    usualNames[role].map((name) => from.find((column) => ownName(column) === name)).find(Boolean);
  const texts = columns.filter(({ meanLength }) => meanLength > 0).sort((a, b) => b.meanLength - a.meanLength);
  const [longest] = texts;
  const text = texts.find((column) => ownName(column) === 'text') ?? longest;
  const others = columns.filter((column) => column !== text);
  const classes = others.filter((column) => isClass(column, rows) || isList(column));
  const numbers = others.filter(({ isNumber }) => isNumber);
  const label =
    named('label', classes) ??
    named('number', numbers) ??
    classes[0] ??
    // Of several, none says that it is the one.
    (numbers.length === 1 ? numbers[0] : undefined);
  const lists = columns.filter((column) => column.lists > 0);
  const [words, tags] = [named('words', lists), named('tags', lists)];
  const [prompt, completion] = [named('prompt', texts), named('completion', texts)];
  return {
    text: text?.name,
    label: label?.name,
    labels: label && kindOf(label),
    ...(prompt && completion && { prompt: prompt.name, completion: completion.name }),
    ...(words && tags && { words: words.name, tags: tags.name }),
    ...pairOf(texts, named('score', numbers)),
  };
}

function pairOf(texts: readonly ColumnDescription[], score: ColumnDescription | undefined): Pick<ColumnRoles, 'pair'> {
  const called = (name: string): ColumnDescription | undefined => texts.find((column) => ownName(column) === name);
  for (const [one, other] of usualPairs) {
    const [first, second] = [called(one), called(other)];
    if (first && second) return { pair: { first: first.name, second: second.name, score: score?.name } };
  }
  return {};
}

/** Of `review.text` that is `text`. */
const ownName = ({ name }: ColumnDescription): string => name.toLowerCase().replace(/^.*\./, '');

/** Some values that come again and again. */
function isClass({ values, rows }: ColumnDescription, all: number): boolean {
  return (
    values !== undefined &&
    values.length >= 2 &&
    values.length <= mostClasses &&
    rows > all / 2 &&
    rows > 4 * values.length
  );
}

/** Names of labels of which several may apply. */
const isList = ({ lists, values = [] }: ColumnDescription): boolean =>
  lists > 0 && values.length > 0 && values.length <= mostClasses;

/** As the run sees it from the rows. */
function kindOf(column: ColumnDescription): LabelKind {
  if (isList(column)) return 'multiple';
  return column.isNumber ? 'regression' : 'single';
}

/**
 * The tasks that a dataset allows, the likeliest first.
 * @param known of the models that are here: embeddings have no model that is trained on the rows alone
 */
export function possibleTasks(
  description: DatasetDescription,
  roles: ColumnRoles,
  known: readonly Task[] = [],
): Task[] {
  const ofTexts = tasksOfTexts(description, roles);
  const ofWords = roles.words === undefined ? ofTexts : ['token-classification' as const, ...ofTexts];
  const task = 'sentence-embedding';
  if (!known.includes(task) || roles.text === undefined) return ofWords;
  return roles.pair === undefined ? [...ofWords, task] : [task, ...ofWords];
}

function tasksOfTexts({ columns }: DatasetDescription, roles: ColumnRoles): Task[] {
  if (columns.length === 0) return ['causal-lm', 'masked-lm'];
  if (roles.prompt !== undefined)
    return ['causal-lm', ...(roles.label === undefined ? [] : ['text-classification' as const])];
  if (roles.text === undefined) return [];
  return [...(roles.label === undefined ? [] : ['text-classification' as const]), 'causal-lm', 'masked-lm'];
}

export interface ProposedTeacher {
  /** As an experiment names it. */
  path: string;
  /** Whether it is fine-tuned on the labels first: it does not know the task as it lies. */
  isTuned: boolean;
  /** Tokens of the longest text that it reads. */
  maxPositions?: number | undefined;
}

/** A student that begins with weights of its own. */
export interface ProposedStudent {
  /** As an experiment names it. */
  path: string;
  /** Whether its tokens are others than its teacher's: each then reads the rows by its own tokenizer. */
  hasOtherTokens: boolean;
  /** Tokens of the longest text that it reads. */
  maxPositions?: number | undefined;
}

export interface Proposal {
  name: string;
  task: Task;
  /** Paths as the experiment writes them: relative to its folder, with `/`. */
  train: string;
  validation?: string | undefined;
  test?: string | undefined;
  roles: ColumnRoles;
  /** A model that is here; one is trained where there is none. */
  teacher?: ProposedTeacher | undefined;
  /** By how much smaller than that teacher the student is. Without this and `student` it is small, and from random weights. */
  preset?: StudentPreset | undefined;
  /** A model that is here, in place of a preset. */
  student?: ProposedStudent | undefined;
  rows: number;
  /** Mean length of what is read, in UTF-16 units. */
  meanLength: number;
}

/** A complete experiment file: JSON with comments that say what a person may want to change first. */
export function proposeExperiment(proposal: Proposal): string {
  const { name, task, teacher: given, preset, student } = proposal;
  const family = familiesOfTask(task)[0]!;
  const sizes = sizesFor(proposal);
  const architecture = (hiddenSize: number, layers: number): string =>
    `{ "family": "${family}", "hiddenSize": ${hiddenSize}, "layers": ${layers}, "heads": ${hiddenSize / 32} }`;
  const teacher =
    given === undefined
      ? `  // Trained here on the hard labels first. A model that is fine-tuned already: { "source": "checkpoint", "path": "…" }.
  "teacher": {
    "source": "train",
    "architecture": ${architecture(sizes.teacher, 4)},
    "training": { "epochs": ${sizes.epochs}, "batchSize": 16 },
  },`
      : teacherText(given, sizes.epochs);
  const tokenizer =
    given === undefined
      ? `  "tokenizer": { "source": "train", "kind": "${layoutOf(family).tokenizer}", "vocabularySize": ${sizes.vocabulary} },`
      : `  "tokenizer": ${student?.hasOtherTokens ? `{ "source": "path", "path": ${JSON.stringify(student.path)} }` : '{ "source": "teacher" }'},`;
  // Weights that have learnt already want a smaller one than random ones.
  const rate = (preset ?? student) === undefined ? '' : `"learningRate": 2e-4, `;
  return `{
  "name": ${JSON.stringify(name)},
  "task": "${task}",
  "dataset": ${datasetText(proposal)},
${tokenizer}
${teacher}
  "student": ${studentText(proposal) ?? `{ "architecture": ${architecture(sizes.student, 2)} }`},
${distillationText(proposal)}  "training": { "epochs": ${sizes.epochs}, "batchSize": 16, ${rate}"evaluateEvery": ${sizes.evaluateEvery} },
${hasAnswers(proposal) ? '  // The same student without distillation: did it help?\n  "controls": ["no-distillation"],\n' : ''}}
`;
}

/** Whether its rows say what is right; else the teacher's embeddings are all there is to learn from. */
const hasAnswers = ({ task, roles }: Proposal): boolean => !isOfEmbeddings(task) || roles.pair?.score !== undefined;

function distillationText(proposal: Proposal): string {
  const vocabulary = proposal.student?.hasOtherTokens
    ? '    // Each reads the rows by its own tokenizer: their tokens differ.\n    "vocabulary": "align",\n'
    : '';
  const shares = hasAnswers(proposal)
    ? `${temperatureText(proposal)}    // loss = alpha · distillation loss + (1 − alpha) · student loss\n    "alpha": 0.7,\n`
    : '';
  return vocabulary + shares === '' ? '' : `  "distillation": {\n${vocabulary}${shares}  },\n`;
}

function teacherText({ path, isTuned }: ProposedTeacher, epochs: number): string {
  const checkpoint = `"source": "checkpoint", "path": ${JSON.stringify(path)}`;
  if (!isTuned) return `  "teacher": { ${checkpoint} },`;
  return `  // Fine-tuned on the hard labels first, with a new head where it has none that fits.
  "teacher": { ${checkpoint}, "training": { "epochs": ${epochs}, "batchSize": 16 } },`;
}

/** What one that is so much smaller comes to is said by completion and hover, and by `distillery student`. */
function studentText({ preset, student }: Proposal): string | undefined {
  if (student) return `{ "initialize": { "from": "checkpoint", "path": ${JSON.stringify(student.path)} } }`;
  if (preset === undefined) return undefined;
  return `{ "preset": ${typeof preset === 'string' ? JSON.stringify(preset) : `{ "megabytes": ${preset.megabytes} }`} }`;
}

/** A number has no distribution to be softened, nor has an embedding. */
function temperatureText({ task, roles }: Proposal): string {
  if (isOfEmbeddings(task)) return '';
  if (task === 'text-classification' && roles.labels === 'regression') return '';
  const why =
    task === 'text-classification' && roles.labels === 'multiple'
      ? 'Above 1 the soft labels show how sure the teacher is of each label.'
      : 'Above 1 the soft labels show which other answers the teacher finds similar to the right one.';
  return `    // ${why}\n    "temperature": ${hasLabels(task) ? 4 : 2},\n`;
}

function datasetText({ task, train, validation, test, roles, meanLength, teacher, student }: Proposal): string {
  const columns: Record<string, string> = {};
  if (task === 'causal-lm' && roles.prompt !== undefined && roles.completion !== undefined) {
    Object.assign(columns, { promptColumn: roles.prompt, completionColumn: roles.completion });
  } else if (task === 'token-classification') {
    Object.assign(columns, { textColumn: roles.words, labelColumn: roles.tags });
  } else if (isOfEmbeddings(task) && roles.pair !== undefined) {
    const { first, second, score } = roles.pair;
    Object.assign(columns, {
      textColumn: first,
      pairColumn: second,
      ...(score !== undefined && { labelColumn: score }),
    });
  } else {
    if (roles.text !== undefined) columns.textColumn = roles.text;
    if (task === 'text-classification' && roles.label !== undefined) {
      columns.labelColumn = roles.label;
      if (roles.labels !== undefined && roles.labels !== 'single') columns.labels = roles.labels;
    }
  }
  const files = { train, validation: validation ?? 0.1, ...(test !== undefined && { test }) };
  // A token is about four letters; half as long again, so that few examples are cut.
  const most = Math.min(512, ...[teacher, student].map((model) => model?.maxPositions ?? Infinity));
  // How long lists of words are was not measured.
  const maxLength = Math.min(
    most,
    task === 'token-classification' ? 128 : Math.max(32, 32 * Math.ceil((1.5 * meanLength) / 4 / 32)),
  );
  const entries = Object.entries({ ...files, ...columns, maxLength });
  return `{\n${entries.map(([key, value]) => `    "${key}": ${JSON.stringify(value)},\n`).join('')}  }`;
}

/** Small enough for minutes on a CPU, and smaller still for few rows: there is less to learn from them. */
function sizesFor({ rows, task }: Proposal) {
  const isSmall = rows < 2000;
  const epochs = isSmall ? 4 : 3;
  const updates = Math.max(1, Math.ceil((0.9 * rows) / 16) * epochs);
  return {
    teacher: isSmall ? 128 : 192,
    student: 64,
    epochs,
    vocabulary: hasLabels(task) ? 4096 : 2048,
    evaluateEvery: Math.max(10, Math.min(200, Math.round(updates / 12))),
  };
}

/** The splits that lie beside a training file under the usual names: `train.jsonl` → `validation.jsonl`, `test.jsonl`. */
export function siblingSplits(
  train: string,
  present: readonly string[],
): { validation?: string | undefined; test?: string | undefined } {
  const name = basename(train);
  const find = (...words: string[]): string | undefined =>
    words
      .map((word) => name.replace(/train(ing)?/i, word))
      .find((candidate) => candidate !== name && present.includes(candidate));
  const [validation, test] = [find('validation', 'valid', 'val', 'dev'), find('test')];
  return { validation, test };
}
