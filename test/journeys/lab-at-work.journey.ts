/**
 * @file A run at work: it goes on when the extension host is killed, and the sidebar of the window that is loaded anew finds it again; and
 * what the Lab offers to do with it: hold it, stop it, go on with it, see its log, train its control. Then, in the same window, runs that are
 * asked about: an agent's, which begins only after a yes; of a question to an experiment, from Study… to the picture of its answer in the
 * Lab; and by a teacher behind a server, to which nothing is sent before the person agrees, and the key goes from the secret storage.
 */

import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readRecords } from '../../src/run-directory/record-file';
import { listRuns, type Run } from '../../src/run-directory/run-directory';
import { specialWords, wordPieceJson } from '../experiment/word-piece';
import { atEnd } from './endings';
import { openLab, openLabOfRunAtWork, openTab, refusals } from './lab-window';
import { processesOf, whileHeld } from '../harness/processes';
import { newWorkspace, runClassifier, writeClassifier } from './real-runs';
import { endOfAnimations, plain, Workbench } from './workbench';

let workspace = '';
let window: Workbench;
let server: Awaited<ReturnType<typeof startServer>>;
beforeAll(async () => {
  workspace = newWorkspace();
  writeClassifier(workspace, { training: { epochs: 5000, evaluateEvery: 1000 } });
  // There from the start: the editor's list of files may not know of one that is written a moment before it is asked for.
  server = await startServer();
  writeTaught(server.host);
  window = await Workbench.open(workspace, { theme: 'dark', helper: true });
});

const newestRun = async (): Promise<Run> => (await listRuns(path.join(workspace, '.distillery/runs')))[0]!;

describe('a run at work', () => {
  const stepsMade = async (): Promise<number> => (await readRecords((await newestRun()).paths, 'metrics')).length;

  it('survives the death of the extension host', async () => {
    const runs = (): Promise<Run[]> => listRuns(path.join(workspace, '.distillery/runs'));
    await window.openSidebar();
    await window.openFile('spam.distill.json');
    // By the palette: the lens may be drawn anew under a click while the file is looked at.
    await window.runCommand('Distillery: Run Experiment');
    await window.statusItem.filter({ hasText: '%' }).waitFor();
    const [run] = await runs();
    expect(run?.record.status).toBe('running');
    // The Lab takes the focus when it opens: no key is for the editor until it is drawn.
    await window.lab.getByRole('tab', { name: 'Loss' }).waitFor();

    await expect.poll(stepsMade).toBeGreaterThan(0);
    const made = await stepsMade();
    await whileHeld(run!.record.pid, async () => {
      const hosts = processesOf(window.serverFolder, /--type=extensionHost/);
      expect(hosts.length).toBeGreaterThan(0);
      for (const pid of hosts) process.kill(pid, 'SIGKILL');
      // A window that develops an extension does not start the host anew by itself.
      await window.reload();
      await window.rows('Experiments').filter({ hasText: '1 at work' }).waitFor();
      await window.statusItem.filter({ hasText: '%' }).waitFor();
      expect((await runs())[0]?.record).toMatchObject({ status: 'running', pid: run!.record.pid });
      await window.picture('survived');
    });
    await expect.poll(stepsMade).toBeGreaterThan(made);
  });

  it('is paused in the Lab, resumed and stopped, which shows the log of one that died', async () => {
    const { lab } = window;
    const status = async (): Promise<string> => (await newestRun()).record.status;
    await openLabOfRunAtWork(window);
    const shown = lab.locator('lab-header .status');
    const isShown = (word: string): Promise<void> =>
      expect.poll(async () => plain(await shown.textContent())).toBe(word);
    await isShown('Running');
    await expect.poll(stepsMade).toBeGreaterThan(10);

    await lab.locator('#hold').click();
    await isShown('Paused');
    expect(await status()).toBe('paused');
    const held = await stepsMade();
    await window.picture('lab-paused');
    expect(await stepsMade()).toBe(held);

    await lab.getByRole('button', { name: 'Resume' }).click();
    await isShown('Running');
    await expect.poll(stepsMade).toBeGreaterThan(held);

    await lab.locator('#stop').click();
    await isShown('Stopped');
    await lab.getByText('it can be resumed from its last checkpoint').waitFor();
    await window.picture('lab-stopped');
    await lab.getByRole('button', { name: 'Resume' }).click();
    await isShown('Running');

    process.kill((await newestRun()).record.pid, 'SIGKILL');
    await isShown('Failed');
    await window.picture('lab-failed');
    expect(await refusals(window)).toEqual([]);
    await lab.getByRole('button', { name: 'Show Log' }).click();
    await window.page.getByRole('tab', { name: 'log.txt' }).waitFor();
    const { paths } = await newestRun();
    const line = readFileSync(paths.log, 'utf8')
      .split('\n')
      .find((text) => text.includes('distilling the student'))!;
    await window.page
      .locator('.view-line', { hasText: line.slice(0, 20) })
      .first()
      .waitFor();
  });

  it('without a control has one trained in the Lab, which then says what distillation gave', async () => {
    await runClassifier(workspace, { controls: [], distillation: { temperature: 2, alpha: 0.7 } });
    const { lab } = window;
    await window.runCommand('View: Close All Editor Groups');
    // Until the sidebar has heard of its end its rows are drawn anew, and move under the pointer.
    await window
      .rows('Experiments')
      .filter({ hasText: /spam.*2 runs · best/ })
      .waitFor();
    await openLab(window, 'spam', 'T 2 · α .7');
    await openTab(window, 'Compare');
    await lab.getByText('this run cannot tell: it has no control').waitFor();
    await window.picture('lab-no-control');
    const student = readFileSync(path.join((await newestRun()).paths.model, 'model.safetensors'));
    await lab.locator('#run-control').click();
    await lab.locator('lab-model-table table', { hasText: 'Control' }).waitFor();
    expect(plain(await lab.locator('.finding').textContent())).toMatch(
      /Distillation (gave|helped|did harm)|Whether distillation helped cannot be told/,
    );
    await window.picture('lab-control-trained');
    const { paths, record } = await newestRun();
    expect(record.summary?.rows.map(({ role }) => role)).toEqual(['teacher', 'student', 'control']);
    expect(readFileSync(path.join(paths.model, 'model.safetensors')).equals(student)).toBe(true);
    expect(await refusals(window)).toEqual([]);
  });
});

async function callTool(window: Workbench, name: string, input: object): Promise<void> {
  await window.runCommand('Test Helper: Call Tool');
  await window.page.locator('.quick-input-widget').filter({ hasText: 'Name and input of a tool' }).waitFor();
  const typed = window.page.locator('.quick-input-widget input').first();
  await typed.fill(JSON.stringify({ name, input }));
  await typed.press('Enter');
}

it('an agent runs an experiment only after a yes, and is told what came of it', async () => {
  const runs = path.join(workspace, '.distillery/runs');
  const told = (text: string): Promise<void> =>
    window.page.locator('.view-line').filter({ hasText: text }).first().waitFor();
  const ask = (): Promise<void> => callTool(window, 'distillery_run_experiment', { file: 'spam.distill.json' });

  // Not what is studied afterwards, of which it would be a run.
  writeClassifier(workspace, { training: { epochs: 1 }, distillation: { temperature: 2 } });
  const before = (await listRuns(runs)).length;
  await ask();
  await window.dialog.waitFor();
  const words = plain(await window.dialog.textContent());
  expect(words).toContain('Run experiment?');
  expect(words).toContain('This trains models on this machine, as "spam.distill.json" says.');
  await window.picture('agent-asks');
  await window.dialog.getByRole('button', { name: 'Cancel' }).click();
  await told('Refused:');
  expect(await listRuns(runs)).toHaveLength(before);

  await ask();
  await window.dialog.getByRole('button', { name: 'Yes' }).click();
  await told('"started":true');
  const [run] = await listRuns(runs);
  await told(run!.paths.id);
  await expect.poll(async () => (await listRuns(runs))[0]!.record.status).toBe('done');
  await window.picture('agent-told');
});

it('Study… asks which question, leads to its answer in the Lab, and asked again shows what is known', async () => {
  const { page, lab } = window;
  // With what the agent was told.
  await window.runCommand('View: Close All Editor Groups');
  await window.dialog.getByRole('button', { name: "Don't Save" }).click();
  await window.dialog.waitFor({ state: 'detached' });
  writeClassifier(workspace, { training: { epochs: 1 } });
  await window.openFile('spam.distill.json');
  const study = async (question: string): Promise<void> => {
    await window.runCommand('Distillery: Study…');
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Twelve runs' }).waitFor();
    await window.picture('study-questions');
    await window.pick(question);
  };
  /** Its words, once it has slid in. */
  const told = async (words: string): Promise<void> => {
    await window.notification.filter({ hasText: words }).evaluate(endOfAnimations);
  };

  // The teacher of this experiment is trained on the labels that would be counted.
  await study('How many labels');
  await told('cannot be studied with one that is trained on the same labels');
  await window.picture('study-refused');
  // One that leaves by itself moves those above it, from under the pointer.
  await window.runCommand('Notifications: Clear All Notifications');

  await study('an encoder or for a decoder');
  await window.statusItem.filter({ hasText: '1 of 2' }).waitFor();
  await told('spam.distill.json: the study is done.');
  await window.picture('study-done');
  await window.notification.getByRole('button', { name: 'Show Answer' }).click();
  const answer = lab.locator('lab-study');
  await answer.locator('svg.drawn').waitFor();
  expect(plain(await answer.locator('h2').textContent())).toContain('2 of 2 runs of this study are done');
  expect(plain(await answer.locator('.said').textContent())).toMatch(
    /^In macro-F1, distillation gave over the control: the encoder bert .*; the decoder gpt2 .* 95 % interval /,
  );
  await window.picture('study-answer');

  await openTab(window, 'Loss');
  await answer.waitFor({ state: 'detached' });
  await page.getByRole('tab', { name: 'spam.distill.json' }).click();
  await study('an encoder or for a decoder');
  await answer.locator('svg.drawn').waitFor();
  expect(await refusals(window)).toEqual([]);
});

/** Wants a key; with it, it says what is wrong with the request. @returns the keys that came */
async function startServer(): Promise<{ host: string; keys: (string | undefined)[] }> {
  const keys: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization);
    const isKnown = request.headers.authorization === 'Bearer sk-mine';
    response
      .writeHead(isKnown ? 400 : 401)
      .end(JSON.stringify({ error: { message: 'Nothing is left of your budget' } }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  atEnd(() => void server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, keys };
}

/** Writes `tiny.distill.json`, whose teacher is there. */
function writeTaught(host: string): void {
  const words = [...specialWords, ...Array.from('abcdefghijklmnopqrstuvwxyz'), '<|endoftext|>'];
  const tokenizer = wordPieceJson(words, [...specialWords, '<|endoftext|>']);
  writeFileSync(path.join(workspace, 'tokenizer.json'), JSON.stringify(tokenizer));
  const rows = Array.from({ length: 12 }, () => JSON.stringify({ text: 'a b c d e f g' }));
  writeFileSync(path.join(workspace, 'rows.jsonl'), rows.join('\n'));
  const experiment = {
    task: 'causal-lm',
    dataset: { train: 'rows.jsonl', validation: 0.5, maxLength: 16 },
    tokenizer: { source: 'path', path: '.' },
    teacher: { source: 'endpoint', url: `http://${host}/v1`, model: 'tiny' },
    student: { architecture: { family: 'gpt2', hiddenSize: 16, layers: 1, heads: 2 } },
    engine: 'cpu',
  };
  writeFileSync(path.join(workspace, 'tiny.distill.json'), JSON.stringify(experiment, undefined, 2));
}

it("asks before a teacher's server is sent anything, once, and keeps its key out of every file", async () => {
  const { host, keys } = server;
  const { page, dialog } = window;
  await window.runCommand('View: Close All Editor Groups');
  await window.openFile('tiny.distill.json');

  /** From the Lab, which is shown where the run was seen before it had failed, and says why it has; else a notification does. */
  const backToFile = async (): Promise<void> => {
    const why = 'answers only to who has a key';
    const [said, shown] = [window.notification.filter({ hasText: why }), window.lab.getByText(why)];
    await expect.poll(async () => (await said.count()) + (await shown.count())).toBeGreaterThan(0);
    await page.getByRole('tab', { name: 'tiny.distill.json' }).click();
    await page.locator('.monaco-editor .view-lines').first().click();
  };

  await window.runCommand('Distillery: Run Experiment');
  await dialog.waitFor();
  const question = plain(await dialog.textContent());
  expect(question).toContain(`Send texts to ${host}?`);
  expect(question).toContain(`the model tiny at http://${host}/v1. The texts of its dataset are sent there`);
  await window.picture('endpoint-question');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(keys).toEqual([]);

  await window.runCommand('Distillery: Run Experiment');
  await dialog.getByRole('button', { name: 'Send', exact: true }).click();
  await expect.poll(() => keys).toEqual([undefined]);
  await backToFile();

  await window.runCommand('Distillery: Set Key of a Server…');
  const typed = page.locator('.quick-input-widget input').first();
  // The address that was agreed to is proposed.
  await expect.poll(() => typed.inputValue()).toBe(`http://${host}/v1`);
  await page.keyboard.press('Enter');
  await expect.poll(() => typed.getAttribute('type')).toBe('password');
  await typed.fill('sk-mine');
  await page.keyboard.press('Enter');

  // Agreed to already, so that nothing is asked. Each way in which log-probabilities could be had is tried.
  await window.runCommand('Distillery: Run Experiment');
  await expect.poll(() => keys.slice(1)).toEqual(Array.from({ length: 3 }, () => 'Bearer sk-mine'));
  expect(await dialog.count()).toBe(0);
  // With the last answer the run fails: it writes that down, gives its lock back and ends, and all that it leaves is there.
  await expect.poll(async () => (await newestRun()).record.status).toBe('failed');
  await expect.poll(() => processesOf(window.serverFolder, /runner\.js run/)).toEqual([]);
  const files = readdirSync(workspace, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'));
  expect(files.filter((content) => content.includes('sk-mine'))).toEqual([]);
});
