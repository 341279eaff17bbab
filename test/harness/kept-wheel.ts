/** @file The published wheel of OpenVINO, which tests of its installation take: fetched once by the person's own pip, and kept. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { libraryFor } from '../../src/runner/install/catalog';

export const openvino = libraryFor('openvino');
const file = openvino?.wheels[0]?.file ?? '';
export const keptWheel = path.resolve('.cache/wheels', file);

export const hasWheel = (): boolean => file !== '' && existsSync(keptWheel);

/** Where it cannot be had, the tests that need it are skipped. */
export function ensureWheel(): void {
  if (hasWheel() || !openvino) return;
  mkdirSync(path.dirname(keptWheel), { recursive: true });
  const platform = /cp311-cp311-(.+)\.whl$/.exec(file)![1]!;
  const python = ['--python-version', '3.11', '--implementation', 'cp', '--platform', platform];
  const wanted = ['--no-deps', '--only-binary', ':all:', ...python, '--dest', path.dirname(keptWheel)];
  spawnSync('python3', ['-m', 'pip', 'download', ...wanted, `openvino==${openvino.version}`], { stdio: 'ignore' });
  if (!hasWheel()) console.log('OpenVINO cannot be fetched here: the tests that need its wheel are skipped.');
}
