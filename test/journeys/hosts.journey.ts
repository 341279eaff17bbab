/** @file Run Experiment on…: a host is asked what it lacks before anything begins, a run goes there and says so, a cluster gets a folder. */

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/protocol/records';
import { beginRun, changeRun, train, type SampleRun } from '../extension/sample-run';
import { hasNamespaces, twoHosts, within } from '../torchrun/namespaces';
import { hasPython, python } from '../torchrun/python';
import { torture } from '../torture';
import { Cluster, hasSlurm } from '../torchrun/slurm';
import { hasSshd, OtherHost, type HostOptions } from '../torchrun/sshd';
import { pythonOf, setMachine, slurmOf, sshOf } from './desk';
import { atEnd } from './endings';
import { newWorkspace, sampleWorkspace, writeClassifier } from './real-runs';
import { plain, themesLookedAt, Workbench } from './workbench';

it.skipIf(!hasSshd)('an experiment goes to a host when what was missing there is there', async () => {
  const other = await OtherHost.start();
  atEnd(() => other.end());
  const workspace = newWorkspace();
  writeClassifier(workspace, { controls: [] });
  const window = await Workbench.open(workspace, { theme: 'dark' });
  const { page, dialog, notification } = window;
  copyFileSync(other.ssh, sshOf(window.serverFolder));
  setMachine(window.serverFolder, { 'distillery.hostInterpreters': { there: 'no-such-python' } });
  await window.openFile('spam.distill.json');

  await window.runCommand('Distillery: Run Experiment on…');
  const list = page.locator('.quick-input-list .monaco-list-row');
  await list.filter({ hasText: 'as the file says' }).waitFor();
  // They come when they have been asked.
  await list.filter({ hasText: /cpu/ }).first().waitFor({ timeout: 120_000 });
  for (const place of ['Another host…', 'Slurm…', 'Kubernetes…', 'torchrun'])
    await list.filter({ hasText: place }).first().waitFor();
  await window.picture('run-on');
  await window.pick('Another host…');
  // The list has the same place, until it has gone.
  await page.locator('.quick-input-title').filter({ hasText: 'Host to train on' }).waitFor();
  const typed = page.locator('.quick-input-widget input').first();
  await typed.fill('-oProxyCommand=id');
  await page.getByText('Write NAME or USER@NAME').waitFor();
  await typed.fill('there');
  await page.keyboard.press('Enter');

  const missing = notification.filter({ hasText: 'Nothing can be trained on there yet.' });
  await missing.waitFor({ timeout: 120_000 });
  expect(plain(await missing.textContent())).toContain('Python cannot be started as "no-such-python" on there');
  await missing.getByRole('button', { name: 'Connect to there' }).waitFor();
  await window.picture('run-on-missing');

  // It is known now, with what it has.
  await window.openSidebar();
  const hosts = window.rows('Devices').filter({ hasText: /^Hosts/ });
  await hosts.locator('.monaco-tl-twistie').click();
  const row = window.rows('Devices').filter({ hasText: /^there/ });
  await expect.poll(async () => plain(await row.textContent())).toMatch(/^there ?not ready · .* free$/);
  if (!hasPython) return;

  setMachine(window.serverFolder, { 'distillery.hostInterpreters': { there: python } });
  // The editor hears of it in its own time: asked again until it has.
  await expect
    .poll(
      async () => {
        if (await missing.isVisible()) await missing.getByRole('button', { name: 'Ask Again' }).click();
        await dialog.or(missing).first().waitFor({ timeout: 120_000 });
        return dialog.isVisible();
      },
      { timeout: 240_000 },
    )
    .toBe(true);
  expect(plain(await dialog.textContent())).toMatch(/Train on there\?.*PyTorch \d.*sent there/);
  await window.picture('run-on-question');
  await expect.poll(async () => plain(await row.textContent())).toMatch(/^there ?(?!not ).*PyTorch/);
  if (!torture) {
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(existsSync(path.join(workspace, '.distillery'))).toBe(false);
    return;
  }
  await dialog.getByRole('button', { name: 'Train There' }).click();
  await window.lab.getByText(/torchrun.* on there/).waitFor({ timeout: 120_000 });
  await window.lab.locator('.status.done').waitFor({ timeout: 240_000 });
  const run = window.rows('Experiments').filter({ hasText: 'on there' });
  await window.rows('Experiments').filter({ hasText: /^spam/ }).locator('.monaco-tl-twistie').click();
  await run.waitFor();
  for (const theme of themesLookedAt) {
    await window.chooseTheme(theme);
    await window.picture(`hosts-${theme}`);
  }
});

/** Two, by the ports of this machine; in the long form in networks of their own. */
function withTwoHosts(work: (one: OtherHost, two: OtherHost) => Promise<void>): Promise<void> {
  const start = async (options: readonly [HostOptions, HostOptions]): Promise<void> => {
    const [one, two] = await Promise.all([OtherHost.start(options[0]), OtherHost.start(options[1])]);
    try {
      await work(one, two);
    } finally {
      await one.end();
      await two.end();
    }
  };
  if (!hasNamespaces) return start([{ name: 'one' }, { name: 'two' }]);
  return twoHosts(([first, second]) =>
    start([
      { name: 'one', address: first.address, within: within(first) },
      { name: 'two', address: second.address, within: within(second) },
    ]),
  );
}

it.skipIf(!hasSshd)('several hosts that are known are chosen together, and train together', () =>
  withTwoHosts(async (one, two) => {
    const workspace = newWorkspace();
    writeClassifier(workspace, { controls: [] });
    const window = await Workbench.open(workspace, { theme: 'dark' });
    const { page, dialog, notification, serverFolder } = window;
    copyFileSync(one.reaches(two), sshOf(serverFolder));
    const trains = torture && hasPython;
    // Of several the first's counts.
    const interpreters = { one: trains ? python : 'no-such-python' };
    setMachine(serverFolder, {
      'distillery.hosts': ['one', 'two'],
      'distillery.hostInterpreters': interpreters,
    });
    await window.openFile('spam.distill.json');
    const choose = async (): Promise<void> => {
      await window.runCommand('Distillery: Run Experiment on…');
      await window.pick('Several hosts…');
      await page.getByPlaceholder('Hosts that train together').waitFor();
    };
    const ok = page.locator('.quick-input-widget').getByRole('button', { name: 'OK' });
    const box = (name: string) => page.locator('.quick-input-list .monaco-list-row', { hasText: name });
    // None is none.
    await choose();
    await ok.click();
    await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    await choose();
    for (const name of ['one', 'two']) await box(name).getByRole('checkbox').check();
    await window.picture('run-on-several');
    await ok.click();
    if (!trains) {
      const missing = notification.filter({ hasText: 'Nothing can be trained on one yet.' });
      await missing.waitFor({ timeout: 120_000 });
      expect(plain(await missing.textContent())).toContain('Python cannot be started as "no-such-python" on one');
      expect(existsSync(path.join(workspace, '.distillery'))).toBe(false);
      return;
    }
    await dialog.getByRole('button', { name: 'Train There' }).waitFor({ timeout: 120_000 });
    expect(plain(await dialog.textContent())).toMatch(
      /Train on one, two\?.*one: .*PyTorch.*two: .*PyTorch.*sent there/,
    );
    await window.picture('run-on-several-question');
    await dialog.getByRole('button', { name: 'Train There' }).click();
    await window.lab.getByText(/torchrun.* on one, two/).waitFor({ timeout: 240_000 });
    await window.lab.locator('.status.done').waitFor({ timeout: 240_000 });
    const [run] = readdirSync(path.join(workspace, '.distillery/runs'));
    const log = readFileSync(path.join(workspace, '.distillery/runs', run!, 'log.txt'), 'utf8');
    expect(log).toContain('the student is trained on one, two');
    expect(log).toContain('2 processes of PyTorch');
    for (const theme of themesLookedAt) {
      await window.chooseTheme(theme);
      await window.picture(`several-hosts-${theme}`);
    }
  }),
);

it.skipIf(!hasSshd)('all runs of a sweep go to a host', async () => {
  const other = await OtherHost.start();
  atEnd(() => other.end());
  const trains = torture && hasPython;
  const workspace = newWorkspace();
  writeClassifier(workspace, { controls: [] });
  const file = path.join(workspace, 'spam.distill.json');
  // At the top, where it can be seen.
  const sweep = { 'distillation.alpha': [0.3, 0.9] };
  writeFileSync(file, JSON.stringify({ sweep, ...(JSON.parse(readFileSync(file, 'utf8')) as object) }, undefined, 2));
  const window = await Workbench.open(workspace, { theme: 'dark' });
  copyFileSync(other.ssh, sshOf(window.serverFolder));
  setMachine(window.serverFolder, {
    'distillery.hosts': ['there'],
    'distillery.hostInterpreters': { there: trains ? python : 'no-such-python' },
  });
  await window.openFile('spam.distill.json');
  await window.page.locator('.codelens-decoration a', { hasText: 'Sweep on…' }).click();
  const list = window.page.locator('.quick-input-list .monaco-list-row');
  await list.filter({ hasText: 'Slurm, from a host…' }).waitFor();
  // Nothing of a sweep is written out.
  expect(await list.filter({ hasText: 'Kubernetes…' }).count()).toBe(0);
  await window.pick('there');
  if (!trains) {
    await window.notification.filter({ hasText: 'Nothing can be trained on there yet.' }).waitFor({ timeout: 120_000 });
    expect(existsSync(path.join(workspace, '.distillery'))).toBe(false);
    return;
  }
  await window.dialog.getByRole('button', { name: 'Train There' }).click({ timeout: 120_000 });
  const runs = path.join(workspace, '.distillery/runs');
  const ended = (): unknown[] =>
    readdirSync(runs).map((run) => {
      const record = path.join(runs, run, 'run.json');
      const { status, host } = (
        existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : {}
      ) as Partial<RunRecord>;
      return [status, host?.name];
    });
  await window.lab.getByText(/torchrun.* on there/).waitFor({ timeout: 240_000 });
  await expect.poll(ended, { timeout: 240_000 }).toEqual([
    ['done', 'there'],
    ['done', 'there'],
  ]);
  await window.picture('sweep-on');
});

it.skipIf(!hasSshd)('a job of Slurm is submitted from the host that is named, or from here, and followed', async () => {
  const trains = torture && hasSlurm && hasPython;
  const login = await OtherHost.start();
  atEnd(() => login.end());
  const workspace = newWorkspace();
  writeClassifier(workspace, { controls: [] });
  const window = await Workbench.open(workspace, { theme: 'dark' });
  const { page, dialog, notification, serverFolder } = window;
  copyFileSync(login.ssh, sshOf(serverFolder));
  setMachine(serverFolder, { 'distillery.hostInterpreters': { there: trains ? python : 'no-such-python' } });
  if (trains) {
    const cluster = await Cluster.start();
    atEnd(() => cluster.end());
    const shell = path.join(login.folder, 'shell');
    writeFileSync(shell, readFileSync(shell, 'utf8').replace('\n', `\nexport SLURM_CONF=${cluster.conf}\n`));
    copyFileSync(cluster.conf, slurmOf(serverFolder));
    writeFileSync(pythonOf(serverFolder), `#!/bin/sh\nexec ${python} "$@"\n`, { mode: 0o755 });
  }
  await window.openFile('spam.distill.json');
  await window.runCommand('Distillery: Run Experiment on…');
  await window.pick('Slurm, from a host…');
  await page.locator('.quick-input-title').filter({ hasText: 'Host to train on' }).waitFor();
  await page.locator('.quick-input-widget input').first().fill('there');
  await page.keyboard.press('Enter');
  if (!trains) {
    const missing = notification.filter({ hasText: 'Nothing can be trained on there yet.' });
    await missing.waitFor({ timeout: 120_000 });
    expect(existsSync(path.join(workspace, '.distillery'))).toBe(false);
    return;
  }
  await dialog.getByRole('button', { name: 'Train There' }).click({ timeout: 120_000 });
  await window.lab.getByText(/torchrun.* on there · job \d+ of Slurm/).waitFor({ timeout: 240_000 });
  await window.picture('run-on-slurm-host');
  await window.lab.locator('.status.done').waitFor({ timeout: 240_000 });

  await window.openFile('spam.distill.json');
  await window.runCommand('Distillery: Run Experiment on…');
  await window.pick('a job that is submitted here, and followed');
  await window.lab.getByText(/torchrun.* · job \d+ of Slurm/).waitFor({ timeout: 240_000 });
  await window.lab.locator('.status.done').waitFor({ timeout: 240_000 });
  const runs = path.join(workspace, '.distillery/runs');
  const logs = readdirSync(runs).map((run) => readFileSync(path.join(runs, run, 'log.txt'), 'utf8'));
  expect(logs.map((log) => /as a job of Slurm( on there)?/.exec(log)?.[0])).toEqual([
    'as a job of Slurm on there',
    'as a job of Slurm',
  ]);
});

describe('runs elsewhere, in one window', () => {
  let workspace = '';
  let window: Workbench;
  let onHost: SampleRun;
  let onCluster: SampleRun;
  const lost = { since: new Date().toISOString(), reason: 'Connection timed out' };
  const slurm = { job: '4711', state: 'PENDING', reason: 'Priority' };

  beforeAll(async () => {
    workspace = sampleWorkspace('spam');
    const elsewhere = { engine: 'torchrun', device: '2 × NVIDIA H100 80GB HBM3' };
    onHost = await beginRun(workspace, { name: 'Far away', ...elsewhere, host: { name: 'gpu1', lost } });
    atEnd(() => onHost.lock.release());
    await train(onHost.paths, 'student', 1, 120);
    const stopped = await beginRun(workspace, { name: 'Of a stranger', ...elsewhere, host: { name: 'gpu2' } });
    await changeRun(stopped, { status: 'stopped' });
    onCluster = await beginRun(workspace, { name: 'Of a cluster', ...elsewhere, host: { name: 'login1' }, slurm });
    atEnd(() => onCluster.lock.release());
    await train(onCluster.paths, 'student', 1, 120);
    const ofTwo = await beginRun(workspace, { name: 'Of two' });
    for (const rank of [0, 1]) {
      const folder = path.join(ofTwo.paths.directory, 'logs/student/x_1/attempt_0', String(rank));
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'stderr.log'), `said by rank ${rank}\n`);
    }
    await changeRun(ofTwo, { status: 'stopped' });
    window = await Workbench.open(workspace, { theme: 'dark' });
    await window.openSidebar();
  });

  it('a run on a host tells that there is no connection, and one of a host that nobody has named asks first', async () => {
    const row = window.rows('Experiments').filter({ hasText: 'no connection to gpu1' });
    await row.click();
    await window.lab.getByText(/No connection to gpu1 since \d/).waitFor();
    await window.lab.getByText(/torchrun, 2 × NVIDIA H100.* on gpu1/).waitFor();
    for (const theme of themesLookedAt) {
      await window.chooseTheme(theme);
      await window.picture(`lost-${theme}`);
    }
    await changeRun(onHost, { host: { name: 'gpu1' } });
    await window.lab.getByText(/No connection/).waitFor({ state: 'detached' });

    const other = window.rows('Experiments').filter({ hasText: 'on gpu2' });
    await other.hover();
    await other.getByRole('button', { name: 'Resume Run' }).click();
    await window.dialog.waitFor();
    expect(plain(await window.dialog.textContent())).toMatch(
      /Go on with Of a stranger on gpu2\?.*neither listed nor gone to.*sent there/,
    );
    for (const name of ['Go On There', 'Go On Here']) await window.dialog.getByRole('button', { name }).waitFor();
    await window.picture('resume-question');
    await window.dialog.getByRole('button', { name: 'Cancel' }).click();
    await window.dialog.waitFor({ state: 'detached' });
    await other.waitFor();
  });

  it('a run that a cluster trains tells where its job stands', async () => {
    await window.rows('Experiments').filter({ hasText: 'job 4711 waits in the queue of Slurm' }).click();
    await window.lab.getByText(/ on login1 · job 4711 waits in the queue of Slurm/).waitFor();
    // It begins with the theme that is there.
    for (const theme of [...themesLookedAt].reverse()) {
      await window.chooseTheme(theme);
      await window.picture(`slurm-${theme}`);
    }
    await changeRun(onCluster, { slurm: { ...slurm, state: 'RUNNING' } });
    await window.lab.getByText(/ on login1 · job 4711 of Slurm/).waitFor();
  });

  it('logs of several processes are offered one by one', async () => {
    await window.takeFromMenu(window.rows('Experiments').filter({ hasText: 'Of two' }), 'Show Log');
    await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Process of rank 0' }).waitFor();
    await window.picture('logs-of-ranks');
    await window.pick('Process of rank 1');
    await window.page.getByText('said by rank 1').waitFor();
  });

  it('for a cluster it is written into a folder, and submitting it is left to the person', async () => {
    const run = readdirSync(path.join(workspace, '.distillery/runs')).sort()[0]!;
    const experiment = JSON.parse(readFileSync(path.join(workspace, 'spam.distill.json'), 'utf8')) as object;
    const taught = { ...experiment, name: 'Taught', teacher: { source: 'run', run }, tokenizer: { source: 'teacher' } };
    writeFileSync(path.join(workspace, 'taught.distill.json'), JSON.stringify(taught));
    mkdirSync(path.join(workspace, 'shared/inner'), { recursive: true });
    await window.openFile('taught.distill.json');
    await window.runCommand('Distillery: Run Experiment on…');
    await window.pick('Slurm…');
    await window.answerWithPath(path.join(workspace, 'shared/'), 'inner');
    const written = window.notification.filter({ hasText: 'taught-slurm has all that is needed.' });
    await written.waitFor({ timeout: 120_000 });
    expect(plain(await written.textContent())).toContain('sbatch slurm.sh');
    await window.picture('run-on-slurm');
    await written.getByRole('button', { name: 'Open slurm.sh' }).click();
    await window.page.getByText('#SBATCH --job-name=distillery-taught').waitFor();
    expect(existsSync(path.join(workspace, 'shared/taught-slurm/jobs/student/job.json'))).toBe(true);
  });
});
