/**
 * @file What each view says while it is empty: its words, its links, and where one of them leads (stranger: in a folder that is not
 * trusted); and the Devices view: what can compute here, in each theme, and an installation that cannot be. A folder that a person opens,
 * and fills, in one window.
 */

import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { viewport } from '../harness/code-server';
import { processesOf } from '../harness/processes';
import { FakeHub } from '../runner/models/fake-hub';
import { hubPortOf, setPip } from './desk';
import { atEnd } from './endings';
import { expectPalette, follow, tall } from './menus';
import { palette } from './offers';
import { newWorkspace } from './real-runs';
import { plain, themesLookedAt, Workbench } from './workbench';

/** The extension as it is built, but for one file. */
function extensionWithout(file: string): string {
  const copy = path.join(newWorkspace(), 'extension');
  mkdirSync(path.join(copy, 'dist'), { recursive: true });
  const link = (name: string): void => symlinkSync(path.resolve(name), path.join(copy, name));
  for (const name of ['package.json', 'package.nls.json', 'l10n', 'media', 'examples']) link(name);
  for (const name of readdirSync('dist').map((entry) => path.join('dist', entry))) if (name !== file) link(name);
  return copy;
}

/** Processes of this window that measure, or fetch for it. */
const workers = (window: Workbench): number[] =>
  processesOf(window.serverFolder, /--measure|\bprobe\b|--install|pip download/);

/** Says yes to what is to be fetched. */
const accept = async (window: Workbench): Promise<void> => {
  expect(plain(await window.dialog.textContent())).toContain('Fetches up to 59 MB with your pip');
  await window.dialog.getByRole('button', { name: 'Install', exact: true }).click();
};

/** Of a small model, with a card. */
const modelFiles = (): Record<string, Buffer | string> => ({
  'README.md': '---\nlicense: apache-2.0\n---\n',
  ...Object.fromEntries(
    ['config.json', 'model.safetensors'].map((name) => [
      name,
      readFileSync(path.join('test/golden/data/models/bert-masked-lm', name)),
    ]),
  ),
});

describe('in one window', () => {
  const runner = path.join('dist', 'runner.js');
  let extension = '';
  let folder = '';
  let window: Workbench;
  beforeAll(async () => {
    folder = newWorkspace();
    cpSync('examples/data/spam/test.jsonl', path.join(folder, 'mails.jsonl'));
    mkdirSync(path.join(folder, 'inside'));
    extension = extensionWithout(runner);
    window = await Workbench.open(undefined, { theme: 'dark', libraries: newWorkspace(), extension });
  });

  it('without a folder: one is opened', async () => {
    await window.openSidebar();
    await window.picture('welcome-no-folder');
    await window.page.setViewportSize(tall);
    await expectPalette(window, palette['no folder']);
    await follow(window, 'Experiments', 'welcome.noFolder', 'Open Folder');
    await window.page.locator('.quick-input-widget', { hasText: 'Open Folder' }).waitFor();
    await window.answerWithPath(`${folder}/`, 'inside');
    await window.page.waitForURL((url) => url.searchParams.get('folder') === folder);
    await window.untilReady();
    await window.openSidebar();
    await expectPalette(window, palette['a folder without runs']);
    await window.page.setViewportSize(viewport);
  });

  it('where the devices cannot be asked: they are asked again', async () => {
    // Asked in vain: until then, there is nothing to say.
    await window.pane('Devices').getByText('What can compute here could not be asked.').waitFor();
    await window.picture('welcome-devices');
    symlinkSync(path.resolve(runner), path.join(extension, runner));
    await follow(window, 'Devices', 'welcome.devices', 'Refresh Devices');
    await window.rows('Devices').filter({ hasText: /^cpu/ }).waitFor({ timeout: 120_000 });
  });

  it('with the only experiment, which cannot be run: what is wrong is told, and where', async () => {
    const sizes = { family: 'bert', hiddenSize: 32, layers: 2, heads: 4 };
    const experiment = {
      task: 'text-classification',
      dataset: { train: 'missing.jsonl' },
      tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
      teacher: { source: 'train', architecture: sizes },
      student: { architecture: sizes },
    };
    const file = path.join(folder, 'broken.distill.json');
    writeFileSync(file, JSON.stringify(experiment, undefined, 2));
    await window.runCommand('Distillery: Run Experiment');
    const toast = window.notification.filter({ hasText: 'missing.jsonl' });
    await toast.waitFor();
    await window.picture('broken');
    await toast.getByRole('button', { name: 'Show in File' }).click();
    await window.page.getByRole('tab', { name: 'broken.distill.json' }).waitFor();
    await window.page.getByRole('button', { name: /^Ln 4, Col/ }).waitFor();
    await window.runCommand('View: Close All Editor Groups');
    rmSync(file);
  });

  it('in a folder without experiments: a new one from a dataset', async () => {
    await follow(window, 'Experiments', 'welcome.empty', 'New Experiment…');
    const picker = window.page.locator('.quick-input-widget').filter({ hasText: 'text-classification' });
    await picker.waitFor();
    await picker.locator('input').first().press('Escape');
    // Or what is picked next is a row of the list that is being closed.
    await picker.waitFor({ state: 'hidden' });
    await follow(window, 'Datasets', 'welcome.noDatasets', 'New Experiment…');
    await window.pick('text-classification');
    await window.page.getByRole('tab', { name: 'mails.distill.json' }).waitFor();
  });

  it.each(themesLookedAt)('lists what can compute, %s', async (theme) => {
    await window.chooseTheme(theme);
    const cpu = window.rows('Devices').filter({ hasText: /^cpu/ });
    expect(plain(await cpu.textContent())).toMatch(/^cpu.*GB/);
    const missing = window.rows('Devices').filter({ hasText: 'openvino' });
    expect(plain(await missing.textContent())).toContain('not installed');
    await missing.hover();
    await missing.getByRole('button', { name: 'Install OpenVINO' }).waitFor();
    await window.picture(`devices-${theme}`);
  });

  it('measures until that is cancelled', async () => {
    const pane = window.pane('Devices');
    await pane.hover();
    await pane.getByRole('button', { name: 'Measure Devices' }).click();
    const toast = window.notification.filter({ hasText: 'Measuring devices' });
    await expect.poll(() => workers(window).length).toBeGreaterThan(1);
    await toast.hover();
    await window.picture('devices-measuring');
    await toast.getByRole('button', { name: 'Cancel' }).click();
    await toast.waitFor({ state: 'detached' });
    await expect.poll(() => workers(window)).toEqual([]);
    // What was known is still there.
    await window.rows('Devices').filter({ hasText: /^cpu/ }).waitFor();
    expect(await window.notification.count()).toBe(0);
  });

  it('installs until that is cancelled, and pip ends too', async () => {
    // An index that takes every request and answers none.
    const index = createServer();
    await once(index.listen(0, '127.0.0.1'), 'listening');
    const { port } = index.address() as AddressInfo;
    setPip(window.serverFolder, `http://127.0.0.1:${port}/`);
    const missing = window.rows('Devices').filter({ hasText: 'openvino' });
    await missing.hover();
    const connected = once(index, 'connection') as Promise<[Socket]>;
    await missing.getByRole('button', { name: 'Install OpenVINO' }).click();
    await accept(window);
    const [connection] = await connected;
    connection.resume().on('error', () => undefined);
    expect(workers(window).length).toBeGreaterThan(1);
    const toast = window.notification.filter({ hasText: 'Installing OpenVINO' });
    await toast.hover();
    await toast.getByRole('button', { name: 'Cancel' }).click();
    await toast.waitFor({ state: 'detached' });
    await expect.poll(() => connection.closed).toBe(true);
    await expect.poll(() => workers(window)).toEqual([]);
    expect(await window.notification.count()).toBe(0);
    index.close();
    setPip(window.serverFolder);
  });

  it('says why a library cannot be installed, and offers to take a wheel', async () => {
    const missing = window.rows('Devices').filter({ hasText: 'openvino' });
    await missing.hover();
    await missing.getByRole('button', { name: 'Install OpenVINO' }).click();
    await accept(window);
    const toast = window.notification.filter({ hasText: 'no openvino of the version' });
    await toast.waitFor({ timeout: 120_000 });
    const words = plain(await toast.textContent());
    expect(words).toContain('"engine": "cpu" works without it');
    expect(words).toContain('choose a wheel that you have');
    expect(words).not.toContain('--');
    await toast.getByRole('button', { name: 'Choose a Wheel…' }).waitFor();
    await window.picture('devices-not-installed');
  });

  it('fetches a model after a question that names size, licence and host, with an access token where the hub wants one', async () => {
    const { page } = window;
    const hub = await FakeHub.start(hubPortOf(window.serverFolder));
    atEnd(() => hub.stop());
    hub.tokens.add('mine');
    hub.commit('tiny/bert', modelFiles(), { gated: true });
    const typed = page.locator('.quick-input-widget input').first();

    await window.runCommand('Distillery: Set Hugging Face Token…');
    // The palette has the same place, until it has gone; so has a list.
    await page.getByText('Access token of Hugging Face').waitFor();
    await typed.fill('of yesterday');
    await page.keyboard.press('Enter');
    await window.runCommand('Distillery: Fetch Model…');
    await window.pick('A model of Hugging Face');
    await page.getByText('Id of a model of Hugging Face').waitFor();
    await typed.fill('tiny');
    await page.getByText('Write it as org/name').waitFor();
    await typed.fill('tiny/bert');
    await page.keyboard.press('Enter');

    // It is refused, and asked for anew.
    await page.getByText('does not take the access token').waitFor();
    expect(await typed.getAttribute('type')).toBe('password');
    await typed.fill('mine');
    await page.keyboard.press('Enter');
    await window.dialog.waitFor();
    const question = plain(await window.dialog.textContent());
    expect(question).toMatch(
      /Fetch tiny\/bert\?.*Fetches 91\.\d kB from 127\.0\.0\.1:\d+ into .* Its licence is apache-2\.0\./,
    );
    expect(hub.requests.filter(({ server }) => server === 'cdn')).toEqual([]);
    await window.picture('models-question');
    await window.dialog.getByRole('button', { name: 'Fetch', exact: true }).click();
    await window.notification.filter({ hasText: 'tiny/bert is here.' }).waitFor();
    expect(hub.ranges('model.safetensors')).toEqual([undefined]);

    const models = window.rows('Devices').filter({ hasText: /^Models/ });
    await models.locator('.monaco-tl-twistie').click();
    const row = window.rows('Devices').filter({ hasText: 'tiny/bert' });
    expect(plain(await row.textContent())).toMatch(/^tiny\/bert ?bert · 21,571 parameters · 91\.\d kB$/);
    for (const theme of themesLookedAt) {
      await window.chooseTheme(theme);
      await window.picture(`models-${theme}`);
    }
  });

  it('a new experiment may have a model that is here as its teacher, and a student by how much smaller that is', async () => {
    cpSync('examples/models/definitions-teacher', path.join(folder, 'models/definitions'), { recursive: true });
    // Which models there are is known for half a minute, and asked anew with the devices.
    await window.runCommand('Distillery: Refresh Devices');
    await window.runCommand('Distillery: New Experiment…');
    await window.pick('text-classification');
    const rows = window.page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'A model that is trained here' }).waitFor();
    await window.picture('new-experiment-teacher');
    await window.pick('fine-tuned on these rows first');
    await rows.filter({ hasText: 'Half of the teacher’s blocks' }).waitFor();
    const sized = /parameters · [\d.]+\s[kM]B · [\d.]+\s[MG]B of memory/;
    expect(await rows.filter({ hasText: sized }).count()).toBeGreaterThan(1);
    await window.picture('new-experiment-student');
    await window.pick('Half of the teacher’s blocks');
    await window.page.locator('.view-line', { hasText: 'half-blocks' }).waitFor();
  });
});
