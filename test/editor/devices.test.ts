/** @file Native libraries through the extension: installed from a wheel that the person has, and removed. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import { ConfigurationTarget, Uri, workspace } from 'vscode';
import { runnerStarter } from '../../src/extension/base/runner-process';
import { DeviceList } from '../../src/extension/devices/device-list';
import { namesIn } from '../../src/extension/devices/register-devices';
import { libraryFor } from '../../src/runner/install/catalog';
import { buttonsOf } from '../../src/extension/base/problem-actions';
import { Hosts, suggestedHosts } from '../../src/extension/runs/hosts';
import { configure, execute } from './waiting';

const openvino = libraryFor('openvino');
/** As test/harness/kept-wheel.ts keeps it. */
const wheel = path.join(__dirname, '../../../.cache/wheels', openvino?.wheels[0]?.file ?? 'none');

describe('a native library', () => {
  const libraries = mkdtempSync(path.join(tmpdir(), 'distillery-libraries-'));
  const home = path.join(libraries, 'openvino');
  const original = process.env.DISTILLERY_LIBRARIES;

  before(() => (process.env.DISTILLERY_LIBRARIES = libraries));
  after(() => {
    if (original === undefined) delete process.env.DISTILLERY_LIBRARIES;
    else process.env.DISTILLERY_LIBRARIES = original;
    rmSync(libraries, { recursive: true, force: true });
  });

  it('is not installed from a file that is no wheel of it', async () => {
    await execute('distillery.installOpenVino', [Uri.file(__filename)]);
    assert.deepEqual(readdirSync(home), ['install.log']);
  });

  it('is installed from its wheel', async function () {
    if (!existsSync(wheel)) this.skip();
    await execute('distillery.installOpenVino', [Uri.file(wheel)]);
    assert.deepEqual(readdirSync(home).sort(), [openvino!.version, 'install.log'].sort());
    assert(readdirSync(path.join(home, openvino!.version)).some((name) => name.includes('openvino_c')));
  });

  for (const [id, library] of [
    ['distillery.installTensorFlow', 'tensorflow'],
    ['distillery.installTensorFlowGpu', 'tensorflow-gpu'],
  ] as const) {
    it(`is not installed from a file that is no wheel of it: ${library}`, async () => {
      await execute(id, [Uri.file(__filename)]);
      assert.deepEqual(readdirSync(path.join(libraries, library)), ['install.log']);
    });
  }

  it('that another window has installed or removed is seen by who comes back, and only then is asked again', async () => {
    const start = runnerStarter(path.join(__dirname, '../../runner.js'), mkdtempSync(path.join(tmpdir(), 'out-')));
    const devices = new DeviceList(
      start,
      libraries,
      () => undefined,
      () => namesIn(libraries),
    );
    await devices.ready();
    let answers = 0;
    devices.onDidChange(() => answers++);
    await devices.refreshIfStale();
    assert.equal(answers, 0);
    const installed = path.join(libraries, 'tensorflow', '9.9.9');
    mkdirSync(installed, { recursive: true });
    await devices.refreshIfStale();
    assert.equal(answers, 1);
    rmSync(installed, { recursive: true });
    await devices.refreshIfStale();
    assert.equal(answers, 2);
    devices.dispose();
  });

  it('is removed again', async function () {
    if (!existsSync(wheel)) this.skip();
    await execute('distillery.removeLibrary', 'openvino');
    assert.equal(existsSync(home), false);
  });
});

describe('a host', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'distillery-hosts-'));
  const original = process.env.DISTILLERY_DATA;
  const hosts = new Hosts(runnerStarter(path.join(__dirname, '../../runner.js'), folder), folder, () => undefined);

  before(() => {
    process.env.DISTILLERY_DATA = folder;
    process.env.DISTILLERY_SSH = path.join(folder, 'no-such-ssh');
  });
  after(() => {
    if (original === undefined) delete process.env.DISTILLERY_DATA;
    else process.env.DISTILLERY_DATA = original;
    delete process.env.DISTILLERY_SSH;
    hosts.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is listed by the person alone: no file of a workspace names one, nor what ssh would take for an option', async () => {
    await configure('hosts', ['gpu1', '-oProxyCommand=id', 'gpu1', '$(id)']);
    await hosts.ready();
    assert.deepEqual(hosts.known, [{ name: 'gpu1', record: undefined }]);
    const own = workspace.getConfiguration('distillery');
    for (const name of ['hosts', 'hostInterpreters'])
      await assert.rejects(() => Promise.resolve(own.update(name, ['gpu2'], ConfigurationTarget.Workspace)));
  });

  it('that does not answer says why, with what can be done', async () => {
    const record = await hosts.check('gpu1');
    assert.deepEqual(
      record.problems.map(({ code }) => code),
      ['torchrun-host-unreachable'],
    );
    assert.deepEqual(
      buttonsOf(record.problems[0]!.actions).map(({ title }) => title),
      ['Connect to gpu1'],
    );
    // A run's folder may be a stranger's, and what is typed is read by a shell.
    assert.deepEqual(buttonsOf([{ connect: 'gpu1; id' }, { installTorch: '-oProxyCommand=id' }]), []);
  });

  it('is asked by the interpreter that the person has named for it', async () => {
    await configure('hostInterpreters', { gpu1: '/opt/venv/bin/python' });
    assert.deepEqual(hosts.environment('gpu1'), { DISTILLERY_HOST_PYTHON: '/opt/venv/bin/python' });
    assert.deepEqual(hosts.environment('toString'), {});
    await configure('hostInterpreters', undefined);
    await configure('hosts', undefined);
  });

  it('is suggested by the configuration of ssh, where that names one', async () => {
    const file = path.join(folder, 'config');
    writeFileSync(file, 'Host gpu1 gpu2\n  HostName x\nHost *.example !gpu3\nhost="gpu4"\nHost -oProxyCommand\n');
    assert.deepEqual(await suggestedHosts(file), ['gpu1', 'gpu2', 'gpu4']);
    assert.deepEqual(await suggestedHosts(path.join(folder, 'none')), []);
  });

  it('is added to the list, asked again, and removed', async () => {
    const listed = (): unknown => workspace.getConfiguration('distillery').get('hosts');
    await execute('distillery.addHost', 'gpu1');
    assert.deepEqual(listed(), ['gpu1']);
    await execute('distillery.checkHost', 'gpu1');
    await execute('distillery.removeHost', { host: 'gpu1' });
    assert.deepEqual(listed(), []);
  });
});
