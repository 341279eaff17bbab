/** @file The dataset files that an experiment names, also while it is edited and no JSON for a moment. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileSplits, findSplitFiles } from '../../experiment/checks/dataset-files';
import { parseExperiment } from '../../experiment/file/parse';
import { childOf } from '../../experiment/file/schema-tree';

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
  return (await findSplitFiles(named, path.dirname(experiment))).files;
}
