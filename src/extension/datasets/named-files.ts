/** @file The dataset files that an experiment names, also while it is edited and no JSON for a moment. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileSplits, findSplitFiles } from '../../experiment/checks/dataset-files';
import { parseExperiment } from '../../experiment/file/parse';
import { childOf } from '../../experiment/file/schema-tree';
import { InputError } from '../../protocol/problem';

/** The view waits for it, and the extension host works beside it. */
const LONGEST_SEARCH_MS = 2_000;

/** What each experiment named when it could last be read whole: a comma that is missing takes nothing from the view. */
const lastNamed = new Map<string, string[]>();

/** Of all splits, as absolute paths. */
export async function namedFiles(experiment: string): Promise<string[]> {
  const text = await readFile(experiment, 'utf8').catch(() => '');
  const { source } = parseExperiment(text, experiment);
  const files = await filesIn(source.value(), experiment);
  const isWhole = text !== '' && source.faultAt === undefined && source.root !== undefined;
  if (isWhole) lastNamed.set(experiment, files);
  return isWhole ? files : [...new Set([...files, ...(lastNamed.get(experiment) ?? [])])];
}

async function filesIn(value: unknown, experiment: string): Promise<string[]> {
  const dataset = childOf(value, 'dataset');
  const named = fileSplits.flatMap((split) => childOf(dataset, split)).filter((name) => typeof name === 'string');
  const found = await Promise.all(named.map((name) => filesOf(name, path.dirname(experiment))));
  return [...new Set(found.flat())];
}

/** A pattern that would go through a whole disk leads to none here: it is told of where the experiment is checked. */
async function filesOf(name: string, folder: string): Promise<string[]> {
  try {
    return (await findSplitFiles(name, folder, LONGEST_SEARCH_MS)).files;
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
}
