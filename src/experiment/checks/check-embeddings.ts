/** @file Checks what an experiment with sentence embeddings asks for against what its texts and teacher are, and settles what it leaves open. */

import { extname } from 'node:path';
import { isBlank, numberIn, fileRecords } from '../../dataset/dataset';
import { columnOf } from '../../dataset/file-record';
import { labelKindIn } from '../../dataset/label-kind';
import { isOpaque } from '../../model/architecture';
import { readSentenceModules } from '../../model/files/sentence-modules';
import { controlFacts } from '../../protocol/controls';
import { isSoftened } from '../../protocol/divergences';
import { splits, type Split } from '../../protocol/records';
import { isOfEmbeddings } from '../../protocol/tasks';
import { isTrained, membersOf } from '../ensemble';
import { removeKey, setValue } from '../file/fixes';
import type { Experiment, PairFacts } from '../file/schema';
import type { DatasetFacts } from './check-dataset';
import type { Findings } from './findings';
import type { ModelFacts } from './model-facts';

/** Columns that are taken for scores where the experiment names none, the surest first. */
const scoreColumns = ['score', 'similarity_score', 'similarity', 'label'] as const;

/** Rows that are looked at to see what a column holds. */
const LOOKED_AT = 100;

/**
 * Which splits are pairs of texts, and have scores. A split whose first file has no second text is one of texts by themselves.
 * @param filesOf of each split; none of one that is held out from the training rows
 * @returns with the column of scores
 */
export async function withPairs(
  experiment: Experiment,
  filesOf: Readonly<Partial<Record<Split, readonly string[] | undefined>>>,
  findings: Findings,
): Promise<Experiment> {
  const { dataset } = experiment;
  if (!isOfEmbeddings(experiment.task) || dataset.pairColumn === undefined) return experiment;
  const firsts = splits.flatMap((split) => {
    const [file] = filesOf[split] ?? [];
    return file === undefined ? [] : [{ split, file }];
  });
  const columns = await Promise.all(firsts.map(async ({ file }) => columnsOfFile(file)));
  const having = (column: string): { split: Split; file: string }[] =>
    firsts.filter((_, i) => columns[i]!.includes(column));
  const found = having(dataset.pairColumn);
  // Where no file has it, its name is what is wrong, which reading it says.
  const paired = found.length > 0 ? found : firsts;
  const isNamed = findings.isWritten(['dataset', 'labelColumn']);
  const labelColumn = isNamed ? dataset.labelColumn : await scoresIn(paired, having);
  const withScores = labelColumn === undefined ? [] : having(labelColumn);
  // As for the second text.
  const scored = isNamed && withScores.length === 0 ? paired : withScores.filter((one) => paired.includes(one));
  const pairs = { splits: named(paired, filesOf), scored: named(scored, filesOf) };
  return { ...experiment, dataset: { ...dataset, ...(labelColumn !== undefined && { labelColumn }), pairs } };
}

/** Validation rows that are held out are as those of training. */
function named(found: readonly { split: Split }[], filesOf: Readonly<Partial<Record<Split, unknown>>>): Split[] {
  const own = found.map(({ split }) => split);
  return own.includes('train') && filesOf.validation === undefined ? [...own, 'validation'] : own;
}

async function columnsOfFile(file: string): Promise<string[]> {
  const names = new Set<string>();
  let rows = 0;
  if (extname(file).toLowerCase() === '.txt') return [];
  for await (const record of fileRecords(file)) {
    if ('fields' in record) for (const name of Object.keys(record.fields)) names.add(name);
    if (++rows === LOOKED_AT) break;
  }
  return [...names];
}

/** The first column with such a name that holds numbers; whole ones in a column of labels may be classes. */
async function scoresIn(
  paired: readonly { file: string }[],
  having: (column: string) => { file: string }[],
): Promise<string | undefined> {
  for (const column of scoreColumns) {
    const one = paired.find(({ file }) => having(column).some((other) => other.file === file));
    if (!one) continue;
    const isScore =
      column === 'label'
        ? (await labelKindIn([one.file], column)) === 'regression'
        : await holdsNumbers(one.file, column);
    if (isScore) return column;
  }
  return undefined;
}

async function holdsNumbers(file: string, column: string): Promise<boolean> {
  let rows = 0;
  for await (const record of fileRecords(file, undefined, [column])) {
    const value = 'fields' in record ? columnOf(record.fields, column) : undefined;
    if (!isBlank(value) && numberIn(value) === undefined) return false;
    if (++rows === LOOKED_AT) break;
  }
  return true;
}

const isScored = (pairs: PairFacts | undefined, split: Split): boolean => pairs?.scored.includes(split) ?? false;

/** The scores that mean 0 and 1: the least and the largest that there are. Scores within −1 … 1 are on the scale of cosines already. */
export function scoreRangeOf(ranges: readonly ([number, number] | undefined)[]): [number, number] | undefined {
  const known = ranges.filter((range) => range !== undefined);
  const [least, largest] = [Math.min(...known.map(([one]) => one)), Math.max(...known.map(([, one]) => one))];
  return least < -1 || largest > 1 ? [least, largest] : undefined;
}

/** What embeddings have no meaning for, and what needs scores. */
export function checkEmbeddings(experiment: Experiment, dataset: DatasetFacts | undefined, findings: Findings): void {
  if (findings.check(() => isOfEmbeddings(experiment.task)) !== true) return;
  findings.check(() => checkDivergence(experiment, findings));
  for (const path of [
    ['distillation', 'temperature'],
    ['sweep', 'distillation.temperature'],
  ]) {
    if (findings.isWritten(path)) findings.warning(path, 'temperature-of-embeddings', {}, removeKey(path));
  }
  findings.check(() => {
    const index = experiment.controls.findIndex((name) => controlFacts[name].labelSmoothing !== undefined);
    const path = ['controls', index];
    if (index >= 0) findings.error(path, 'smoothing-of-embeddings', {}, removeKey(path));
  });
  findings.check(() => {
    const { precision } = experiment.teacher;
    const path = ['teacher', 'precision'];
    if (precision !== 'float32')
      findings.error(path, 'teacher-precision-of-embeddings', { precision }, removeKey(path));
  });
  if (dataset === undefined) return;
  const { pairs } = dataset.columns;
  findings.check(() => {
    const { test } = experiment.dataset;
    if (test === undefined || isScored(pairs, 'test') === isScored(pairs, 'validation')) return;
    const [having, lacking] = isScored(pairs, 'test')
      ? (['test', 'validation'] as const)
      : (['validation', 'test'] as const);
    findings.error(['dataset', 'test'], 'scores-in-one-split', { having, lacking });
  });
  findings.check(() => {
    const [low, high] = pairs?.range ?? [0, 1];
    if (low === high) findings.error(['dataset', 'labelColumn'], 'labels-of-one-number', { value: low });
  });
  if (!isScored(pairs, 'train')) checkWithoutScores(experiment, findings);
}

function checkDivergence({ distillation: { divergence } }: Experiment, findings: Findings): void {
  const path = ['distillation', 'divergence'];
  if (!findings.isWritten(path) || !isSoftened(divergence)) return;
  findings.error(path, 'divergence-of-embeddings', { divergence }, setValue(path, 'mse-logits'), removeKey(path));
}

/** There is nothing to learn from but the teacher. */
function checkWithoutScores(experiment: Experiment, findings: Findings): void {
  findings.check(() => {
    const [control] = experiment.controls;
    if (control === undefined || !findings.isWritten(['controls'])) return;
    findings.error(['controls'], 'control-without-scores', { control }, setValue(['controls'], []));
  });
  findings.check(() => {
    const path = ['distillation', 'alpha'];
    if (!findings.isWritten(path) || experiment.distillation.alpha === 1) return;
    findings.error(path, 'alpha-without-scores', {}, removeKey(path));
  });
  findings.check(() => {
    if (membersOf(experiment.teacher).some(({ member }) => isTrained(member)))
      findings.error(['teacher'], 'teacher-without-scores', {});
  });
}

/** What the teacher's folder says of its embeddings. */
export async function checkSentenceTeacher(
  { task, dataset }: Experiment,
  facts: ModelFacts,
  findings: Findings,
): Promise<void> {
  const { teacher, teacherFolder, members } = facts;
  if (!isOfEmbeddings(task) || teacher === undefined || teacherFolder === undefined || isOpaque(teacher)) return;
  const folders = members?.map(({ folder, path }) => ({ folder, path })) ?? [
    { folder: teacherFolder, path: ['teacher'] },
  ];
  for (const { folder, path } of folders) {
    const modules = await findings.attempt(readSentenceModules(folder), path);
    if (modules === undefined) findings.warning(path, 'embedding-pooling-assumed', {});
  }
  const { maxTokens } = teacher.embedding ?? {};
  if (maxTokens !== undefined && dataset.maxLength > maxTokens) {
    const at = ['dataset', 'maxLength'];
    const sizes = { maxLength: dataset.maxLength, tokens: maxTokens };
    findings.warning(at, 'texts-longer-than-read', sizes, setValue(at, maxTokens));
  }
}

/**
 * The experiment with what it leaves open as embeddings have it: compared by their squared difference, and of texts without scores by that alone, without a
 * control.
 */
export function settledEmbeddings(
  experiment: Experiment,
  dataset: DatasetFacts | undefined,
  findings: Findings,
): Experiment {
  if (!isOfEmbeddings(experiment.task)) return experiment;
  const hasScores = dataset === undefined || isScored(dataset.columns.pairs, 'train');
  const isOpen = (...path: string[]): boolean => !findings.isWritten(path);
  return {
    ...experiment,
    distillation: {
      ...experiment.distillation,
      ...(isOpen('distillation', 'divergence') && { divergence: 'mse-logits' as const }),
      ...(!hasScores && { alpha: 1 }),
    },
    ...(!hasScores && { controls: [] }),
  };
}
