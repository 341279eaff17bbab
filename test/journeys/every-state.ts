/** @file A workspace with files of each kind, and runs in each state. */

import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beginRun, changeRun, finishRun, summary, type SampleRun } from '../extension/sample-run';
import { runClassifier } from './real-runs';

/** @returns the runs at work, whose locks are to be released */
export async function writeEveryState(workspace: string): Promise<SampleRun[]> {
  cpSync('examples/spam.distill.json', path.join(workspace, 'other.distill.json'));
  await runClassifier(workspace, { training: { epochs: 1 }, engine: 'cpu' });
  cpSync(path.join(workspace, 'data/spam-test.jsonl'), path.join(workspace, 'rows.jsonl'));
  writeFileSync(path.join(workspace, 'notes.md'), 'Nothing to distil.');
  mkdirSync(path.join(workspace, 'folder.csv'));
  return writeRuns(workspace);
}

/** Runs in each state, besides the one that is real, whose models can be asked. */
async function writeRuns(workspace: string): Promise<SampleRun[]> {
  const ended = async (name: string, folder = workspace, started = new Date()): Promise<SampleRun> => {
    const run = await beginRun(folder, { name, started });
    await finishRun(run);
    return run;
  };
  await ended('Finished');
  await ended('Finished · T=4');
  const alone = await ended('Alone');
  await changeRun(alone, { summary: { rows: summary(alone).rows.filter(({ role }) => role !== 'control') } });
  for (const status of ['failed', 'stopped'] as const) {
    await changeRun(await beginRun(workspace, { name: `Was ${status}` }), { status });
  }
  const gone = path.join(workspace, 'gone');
  mkdirSync(path.join(gone, '.distillery'), { recursive: true });
  await ended('Without file', gone, new Date(Date.now() - 86_400_000));
  const live = [];
  for (const status of ['queued', 'paused', 'running'] as const) {
    live.push(await beginRun(workspace, { name: `Is ${status}`, status }));
  }
  return live;
}
