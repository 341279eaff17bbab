/** @file `demo`: the sample workspace and its first experiment in one go, and what to try after it. */

import path from 'node:path';
import { writeSampleWorkspace } from '../../experiment/sample';
import type { RunResult } from '../run/carry-out';
import { startRun, type RunOutput } from './start-run';

const EXPERIMENT = 'definitions.distill.json';

/** In no part of the sample. */
const TEXT = 'a hot drink made from the roasted seeds of a tropical shrub';

export async function demo(examples: string, directory: string, output: RunOutput): Promise<RunResult> {
  await writeSampleWorkspace(examples, directory);
  output.note(`sample workspace ${path.resolve(directory)}; running its ${EXPERIMENT}`);
  return startRun(path.join(directory, EXPERIMENT), output);
}

/** @param directory the workspace, as a person would name it */
export function nextToTry(directory: string, { directory: run }: RunResult): string {
  const shownRun = path.relative(process.cwd(), run);
  return [
    'Next:',
    `  npx distillery inspect ${shownRun} --text "${TEXT}" --temperature 4`,
    '      what teacher and student make of a text: at T = 4 the soft labels show what else it could be',
    `  npx distillery run ${path.join(directory, 'language-model.distill.json')}`,
    '      a student that learns from a teacher to write definitions, and one that has 4,000 lines alone',
    `  npx distillery run ${path.join(directory, 'spam.distill.json')}`,
    '      a task for which no teacher is needed: student and control end alike',
    `  open ${directory} in VS Code and choose Open Lab above ${EXPERIMENT}`,
  ].join('\n');
}
