/** @file Native libraries through the extension: installed from a wheel that the person has, and removed. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import { Uri } from 'vscode';
import { runnerStarter } from '../../src/extension/base/runner-process';
import { DeviceList } from '../../src/extension/devices/device-list';
import { namesIn } from '../../src/extension/devices/register-devices';
import { libraryFor } from '../../src/runner/install/catalog';
import { execute } from './waiting';

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
