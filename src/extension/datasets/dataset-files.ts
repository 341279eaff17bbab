/** @file The dataset files that the workspace's experiments name. */

import { Uri } from 'vscode';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileSplits, findSplitFiles } from '../../experiment/checks/dataset-files';
import { parseExperiment } from '../../experiment/file/parse';
import { childOf } from '../../experiment/file/schema-tree';

/** Every file of every split, each once, in the order of the experiments. Experiments that cannot be read name none. */
export async function datasetsOf(experiments: readonly Uri[]): Promise<Uri[]> {
  const files = new Set<string>();
  for (const { fsPath } of experiments) for (const file of await namedFiles(fsPath)) files.add(file);
  return [...files].map((file) => Uri.file(file));
}

async function namedFiles(experiment: string): Promise<string[]> {
  const text = await readFile(experiment, 'utf8').catch(() => '');
  const dataset = childOf(parseExperiment(text, experiment).source.value(), 'dataset');
  const named = fileSplits.flatMap((split) => childOf(dataset, split)).filter((name) => typeof name === 'string');
  return (await findSplitFiles(named, path.dirname(experiment))).files;
}
