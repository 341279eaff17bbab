/** @file The dataset files that the workspace's experiments name. */

import { Uri } from 'vscode';
import { namedFiles } from './named-files';

/** Every file of every split, each once, in the order of the experiments. Experiments that cannot be read name what they last named. */
export async function datasetsOf(experiments: readonly Uri[]): Promise<Uri[]> {
  const files = new Set<string>();
  for (const { fsPath } of experiments) for (const file of await namedFiles(fsPath)) files.add(file);
  return [...files].map((file) => Uri.file(file));
}
