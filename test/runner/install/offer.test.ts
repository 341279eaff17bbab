/** @file OpenVINO is offered once to whoever sits in front of a terminal: with the real program in a real one, and the real pip. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, expect, it, vi } from 'vitest';
import { version } from '../../../package.json';
import { installedLibrary } from '../../../src/engine/libraries';
import { offerOpenVino } from '../../../src/runner/devices/offer';
import { libraryFor } from '../../../src/runner/install/catalog';
import { ensureWheel, hasWheel, keptWheel } from '../../harness/kept-wheel';
import { forShort } from '../keep-compiled';
import { dataOf, runnerFile, tinyWorkspace } from '../program';

const folder = (): string => mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));

beforeAll(ensureWheel, 300_000);

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Neither DISTILLERY_DATA nor the libraries of whoever runs the tests. */
function freshHome(): string {
  const home = folder();
  vi.stubEnv('DISTILLERY_DATA', path.join(home, 'data'));
  vi.stubEnv('DISTILLERY_LIBRARIES', path.join(home, 'libraries'));
  return home;
}

/** @returns what was noted, and what was asked */
function person(answer: boolean): { noted: string[]; asked: string[] } & Parameters<typeof offerOpenVino>[0] {
  const [noted, asked]: [string[], string[]] = [[], []];
  const ask = (question: string): Promise<boolean> => {
    asked.push(question);
    return Promise.resolve(answer);
  };
  return { noted, asked, note: (line) => noted.push(line), ask };
}

const isOffered = libraryFor('openvino') !== undefined;

it.runIf(isOffered && process.platform === 'linux')(
  'at a terminal a run asks, goes on after no, and never asks again',
  () => {
    const workspace = tinyWorkspace({
      task: 'text-classification',
      engine: 'auto',
      training: { epochs: 1 },
      controls: [],
      withoutTest: true,
    });
    const data = dataOf(workspace);
    mkdirSync(data);
    const known = { precision: 'float32', version, time: new Date().toISOString() };
    const measurements = [{ ...known, engine: 'cpu', device: 'a processor', stepMs: 1, tokensPerSecond: 1e6 }];
    const failures = [{ ...known, engine: 'webgpu', reason: 'left out' }];
    writeFileSync(path.join(data, 'measurements.json'), JSON.stringify({ measurements, failures }));
    const environment = { DISTILLERY_DATA: data, DISTILLERY_LIBRARIES: path.join(workspace, 'libraries') };
    const command = [process.execPath, ...forShort, runnerFile, 'run', 'tiny.distill.json'];
    const run = (typed: string): string => {
      const { stdout, status } = spawnSync('script', ['-qec', command.join(' '), '/dev/null'], {
        cwd: workspace,
        env: { ...process.env, ...environment },
        input: typed,
        encoding: 'utf8',
      });
      expect(status, stdout).toBe(0);
      return stdout;
    };
    const question = /Install it now \([\d.]+\sMB with your pip\)\?.* \[y\/N\]/;
    expect(run('n\n')).toMatch(question);
    expect(JSON.parse(readFileSync(path.join(data, 'offers.json'), 'utf8'))).toMatchObject({
      openvino: { answer: false },
    });
    expect(run('')).not.toMatch(question);
    expect(existsSync(environment.DISTILLERY_LIBRARIES)).toBe(false);
  },
);

it.runIf(isOffered)('who says yes has it', async ({ skip }) => {
  if (!hasWheel()) skip('the wheel cannot be fetched here');
  freshHome();
  vi.stubEnv('PIP_NO_INDEX', '1');
  vi.stubEnv('PIP_FIND_LINKS', path.dirname(keptWheel));
  vi.stubEnv('PIP_CONFIG_FILE', os.devNull);
  const told = person(true);
  expect(await offerOpenVino(told)).toBe(true);
  expect(told.asked).toHaveLength(1);
  expect(installedLibrary('openvino')).toBeDefined();
  expect(await offerOpenVino(told)).toBe(false);
  expect([told.asked.length, told.noted.length]).toEqual([1, 0]);
});

it.runIf(isOffered)('where it cannot be installed, it is said, and the run goes on without', async () => {
  freshHome();
  vi.stubEnv('PATH', '');
  const told = person(true);
  expect(await offerOpenVino(told)).toBe(false);
  expect(told.noted).toEqual([expect.stringMatching(/^It goes on without OpenVINO: .*Python/s)]);
  expect(await offerOpenVino(told)).toBe(false);
  expect(told.asked).toHaveLength(1);
  expect(told.noted[1]).toContain('distillery devices --install openvino');
});

it.runIf(isOffered)('where nobody is asked, it is said how', async () => {
  freshHome();
  const noted: string[] = [];
  expect(await offerOpenVino({ note: (line) => noted.push(line) })).toBe(false);
  expect(noted).toEqual([expect.stringContaining('distillery devices --install openvino')]);
});
