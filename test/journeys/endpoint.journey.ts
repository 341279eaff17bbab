/** @file A teacher behind a server, in the real editor: nothing is sent before the person agrees, and the key goes from the secret storage to that server. */

import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, it } from 'vitest';
import { specialWords, wordPieceJson } from '../experiment/word-piece';
import { atEnd } from './endings';
import { newWorkspace } from './real-runs';
import { plain, Workbench } from './workbench';

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

function workspaceFor(host: string): string {
  const workspace = newWorkspace();
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
  return workspace;
}

it("asks before a teacher's server is sent anything, once, and keeps its key out of every file", async () => {
  const { host, keys } = await startServer();
  const workspace = workspaceFor(host);
  const window = await Workbench.open(workspace, { theme: 'dark' });
  const { page, dialog } = window;
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
  const files = readdirSync(workspace, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'));
  expect(files.filter((content) => content.includes('sk-mine'))).toEqual([]);
});
