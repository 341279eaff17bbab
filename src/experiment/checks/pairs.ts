/** @file Of a dataset of embeddings: which of its files have pairs of texts, which of those a score, and what the scores range over. */

import { extname } from 'node:path';
import { fileRecords, isBlank, numberIn } from '../../dataset/dataset';
import { columnOf } from '../../dataset/file-record';
import { labelKindIn } from '../../dataset/label-kind';
import { splits, type Split } from '../../protocol/records';
import { isOfEmbeddings, scoreColumns } from '../../protocol/tasks';
import type { Experiment, PairFacts } from '../file/schema';
import type { Findings } from './findings';

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

export const isScored = (pairs: PairFacts | undefined, split: Split): boolean => pairs?.scored.includes(split) ?? false;

/** The scores that mean 0 and 1: the least and the largest that there are. Scores within −1 … 1 are on the scale of cosines already. */
export function scoreRangeOf(ranges: readonly ([number, number] | undefined)[]): [number, number] | undefined {
  const known = ranges.filter((range) => range !== undefined);
  const [least, largest] = [Math.min(...known.map(([one]) => one)), Math.max(...known.map(([, one]) => one))];
  return least < -1 || largest > 1 ? [least, largest] : undefined;
}
