/** @file `demo`: the sample workspace and its spam experiment in one go. */

import path from 'node:path';
import { writeSampleWorkspace } from '../../experiment/sample';
import type { RunResult } from '../run/carry-out';
import { startRun, type RunOutput } from './start-run';

const EXPERIMENT = 'spam.distill.json';

export async function demo(examples: string, directory: string, output: RunOutput): Promise<RunResult> {
  await writeSampleWorkspace(examples, directory);
  output.note(`sample workspace ${path.resolve(directory)}; running its ${EXPERIMENT}`);
  return startRun(path.join(directory, EXPERIMENT), output);
}
