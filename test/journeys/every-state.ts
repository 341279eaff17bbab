/** @file A workspace with files of each kind, and runs in each state. */

import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beginRun, changeRun, finishRun, summary, type SampleRun } from '../extension/sample-run';
import { atEnd } from './endings';
import { sampleWorkspace } from './real-runs';

export async function everyState(): Promise<string> {
  const workspace = sampleWorkspace('spam');
  cpSync('examples/spam.distill.json', path.join(workspace, 'other.distill.json'));
  cpSync(path.join(workspace, 'data/spam-test.jsonl'), path.join(workspace, 'rows.jsonl'));
  writeFileSync(path.join(workspace, 'notes.md'), 'Nothing to distil.');
  mkdirSync(path.join(workspace, 'folder.csv'));
  await writeRuns(workspace);
  return workspace;
}

/** Runs in each state, besides those that are there. */
export async function writeRuns(workspace: string): Promise<void> {
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
  for (const status of ['queued', 'paused', 'running'] as const) {
    const { lock } = await beginRun(workspace, { name: `Is ${status}`, status });
    atEnd(() => lock.release());
  }
}
