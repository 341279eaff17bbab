/** @file A library that a package ships beside the runner is used without an installation. */

import { cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import { libraryFor } from '../../src/runner/install/catalog';
import type { DeviceRecord } from '../../src/protocol/machine-records';
import { runnerFile } from './program';

const openvino = findLibrary('openvino');

/** With its time, by which it is known as what has been compiled before. */
const copyProgram = (to: string): void => cpSync(runnerFile, path.join(to, 'runner.js'), { preserveTimestamps: true });

describe.skipIf(openvino === undefined)('OpenVINO in a package', () => {
  // Inside the project, where onnxruntime is found.
  const folder = mkdtempSync(path.join(path.dirname(runnerFile), 'packaged-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (...args: string[]): unknown => {
    const env = {
      ...process.env,
      DISTILLERY_LIBRARIES: path.join(folder, 'installed'),
      DISTILLERY_DATA: path.join(folder, 'data'),
    };
    const command = [path.join(folder, 'runner.js'), 'devices', ...args, '--json'];
    return JSON.parse(execFileSync(process.execPath, command, { env }).toString());
  };

  it('is there, and cannot be removed', () => {
    copyProgram(folder);
    const device = (): DeviceRecord =>
      (run() as { devices: DeviceRecord[] }).devices.find(({ engine }) => engine === 'openvino')!;
    expect(device()).toMatchObject({ available: false, install: 'openvino' });
    const home = path.join(folder, 'libraries', 'openvino');
    mkdirSync(home, { recursive: true });
    // The same files under another name: a link out of the package would not be followed.
    mkdirSync(path.join(home, '1.2.3'));
    for (const name of readdirSync(openvino!).filter((name) => name.includes('.so') || /\.(dll|dylib)$/.test(name))) {
      linkSync(realpathSync(path.join(openvino!, name)), path.join(home, '1.2.3', name));
    }
    const packaged = device();
    expect(packaged).toMatchObject({ available: true, reason: null });
    expect(packaged).not.toHaveProperty('library');
    // Of the version that would be fetched nothing is.
    const { version } = libraryFor('openvino')!;
    mkdirSync(path.join(home, version));
    expect(run('--install', 'openvino')).toEqual({
      library: 'openvino',
      version,
      folder: path.join(home, version),
      isThere: true,
    });
    rmSync(path.join(home, version), { recursive: true });
    expect(run('--remove', 'openvino')).toEqual({ library: 'openvino', removed: false });
    expect(device().available).toBe(true);
  });

  it('is not looked for above the program', () => {
    // A stranger's folder, with a program in it that somebody has cloned there.
    const clone = path.join(folder, 'clone', 'dist');
    mkdirSync(clone, { recursive: true });
    writeFileSync(path.join(folder, 'clone', 'package.json'), '{ "name": "distillery" }');
    copyProgram(clone);
    const env = { ...process.env, DISTILLERY_LIBRARIES: path.join(folder, 'installed'), DISTILLERY_DATA: folder };
    const command = [path.join(clone, 'runner.js'), 'devices', '--json'];
    const { devices } = JSON.parse(execFileSync(process.execPath, command, { env }).toString()) as {
      devices: DeviceRecord[];
    };
    expect(devices.find(({ engine }) => engine === 'openvino')).toMatchObject({ available: false });
  });
});
