/** @file Models that an experiment names: by a folder, by the name of an installed one, by an id of Hugging Face. */

import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { locateModel } from '../../src/experiment/checks/locate-model';
import { teacherFolder } from '../../src/experiment/checks/model-folder';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { loadExperiment } from '../../src/experiment/resolve';
import { findInHubCache, hubCacheFolder, listHubCache } from '../../src/model/local/hub-cache';
import { parseHubId } from '../../src/protocol/hub-id';
import { cacheModel } from './hub-cache';
import { addFiles, goodExperiment, mails, makeFolder, writeModel } from './workspace';

let cache: string;
let libraries: string;
let folder: string;

beforeEach(() => {
  [cache, libraries] = [makeFolder(), makeFolder()];
  folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10) });
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('DISTILLERY_LIBRARIES', libraries);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const withTeacher = (path: string): object => ({
  ...goodExperiment,
  teacher: { source: 'checkpoint', path },
  tokenizer: { source: 'teacher' },
});

const write = (experiment: object): string => {
  addFiles(folder, { 'x.distill.json': experiment });
  return join(folder, 'x.distill.json');
};

describe('a model that is named', () => {
  it('is the folder of that name first, then an installed one, then one of the cache', async () => {
    const { folder: snapshot, commit } = await cacheModel(cache, 'org/name');
    const found = { path: snapshot, origin: { asked: 'org/name', path: snapshot, id: 'org/name', commit } };
    expect(await locateModel('org/name', folder)).toEqual(found);
    expect(await locateModel(`org/name@${commit}`, folder)).toMatchObject({ path: snapshot });
    await writeModel(join(folder, 'org', 'name'));
    expect(await locateModel('org/name', folder)).toEqual({ path: join(folder, 'org', 'name') });

    const minilm = join(libraries, 'minilm', '0.1.2');
    await writeModel(minilm);
    expect(await locateModel('minilm', folder)).toEqual({
      path: minilm,
      origin: { asked: 'minilm', path: minilm, version: '0.1.2' },
    });
    const smollm2 = join(libraries, 'smollm2', '0.1.2');
    mkdirSync(smollm2, { recursive: true });
    expect((await locateModel('smollm2', folder)).path).toBe(join(smollm2, 'SmolLM2-135M-Instruct.Q4_1.gguf'));
    mkdirSync(join(folder, 'minilm'));
    expect(await locateModel('minilm', folder)).toEqual({ path: join(folder, 'minilm') });
  });

  it('that is not here is complained of at its place, with what fetches it', async () => {
    const missing = { source: 'checkpoint', path: 'org/none@v1' };
    const problems = await validateExperimentFile(
      write({
        ...goodExperiment,
        tokenizer: { source: 'path', path: 'org/words' },
        teacher: { source: 'ensemble', teachers: [missing, { ...missing, path: 'minilm' }] },
        student: { initialize: { from: 'checkpoint', path: 'org/small' } },
      }),
    );
    const told = problems.map(({ code, actions, about, line }) => ({ code, actions, about, line: line > 1 }));
    expect(told).toEqual([
      { code: 'model-not-fetched', actions: [{ fetch: 'org/words' }], about: 'org/words', line: true },
      {
        code: 'model-not-fetched',
        actions: [{ fetch: 'org/none@v1' }],
        about: 'org/none@v1',
        line: true,
      },
      { code: 'model-not-installed', actions: [{ fetch: 'minilm' }], about: 'minilm', line: true },
      { code: 'model-not-fetched', actions: [{ fetch: 'org/small' }], about: 'org/small', line: true },
    ]);
    expect(problems.map(({ message, remedy }) => `${message} ${remedy}`).slice(1, 3)).toEqual([
      `org/none@v1: There is no such folder, and no such model in your Hugging Face cache, ${cache}. Correct it, or fetch the model with "distillery models --fetch org/none@v1".`,
      'minilm: MiniLM (all-MiniLM-L6-v2) is not installed, and there is no folder of this name. Install it with "distillery models --install minilm".',
    ]);
  });

  it('by the path of a folder that is not there is a missing folder', async () => {
    mkdirSync(join(folder, 'kept'));
    for (const path of ['models/teacher', './org/name', '../org/name', 'kept/teacher', 'a/b/c']) {
      const [problem] = await validateExperimentFile(write(withTeacher(path)));
      expect(problem, path).toMatchObject({ code: 'model-folder-missing', actions: [] });
    }
  });

  it('stays the commit that a run began with, wherever its branch leads later', async () => {
    const first = await cacheModel(cache, 'org/name');
    const { experiment } = await loadExperiment(write(withTeacher('org/name')));
    expect(experiment.teacher).toMatchObject({ path: first.folder });
    expect(experiment.models).toEqual([
      { asked: 'org/name', path: first.folder, id: 'org/name', commit: first.commit },
    ]);
    expect(experiment.inputs.map(({ path }) => path)).toContain(join(first.folder, 'model.safetensors'));
    const second = await cacheModel(cache, 'org/name', { layers: 3 });
    expect(second.commit).not.toBe(first.commit);
    expect(await teacherFolder(experiment.teacher, folder)).toBe(first.folder);
    const later = await loadExperiment(write(withTeacher('org/name')));
    expect(later.experiment.models).toMatchObject([{ commit: second.commit }]);
    expect((await loadExperiment(write(withTeacher(`org/name@${first.commit}`)))).experiment.teacher).toMatchObject({
      path: first.folder,
    });
  });
});

describe('the Hugging Face cache', () => {
  it('is where Python looks for it', () => {
    const home = { HOME: '/home/me' };
    const at = (environment: Record<string, string>): string =>
      hubCacheFolder({ ...home, ...environment }).replaceAll('\\', '/');
    expect(at({ HF_HOME: '/a' })).toBe('/a/hub');
    expect(at({ HF_HOME: '/a', HUGGINGFACE_HUB_CACHE: '/b' })).toBe('/b');
    expect(at({ HF_HOME: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HUB_CACHE: '/c/$HF_NAME', HF_NAME: 'd' })).toBe('/c/d');
    expect(at({ XDG_CACHE_HOME: '/x', HF_HUB_CACHE: '' })).toBe('/x/huggingface/hub');
    expect(at({ HF_HOME: '~/hf' })).toMatch(/[^~]\/hf\/hub$/);
    expect(at({})).toMatch(/\/\.cache\/huggingface\/hub$/);
  });

  it.each([
    ['org/name', { id: 'org/name', revision: 'main' }],
    ['Org_1/na.me-2@refs/pr/1', { id: 'Org_1/na.me-2', revision: 'refs/pr/1' }],
    ['name', undefined],
    ['a/b/c', undefined],
    ['models/name', undefined],
    ['org/a--b', undefined],
    ['org/..', undefined],
    ['../name', undefined],
    ['./name', undefined],
    ['org/name@../x', undefined],
    ['org/name@a/../x', undefined],
    ['org/name@', undefined],
    ['org\\name', undefined],
    [`org/${'a'.repeat(96)}`, undefined],
    ['org/name/a.Q4_K_M.gguf', { id: 'org/name', file: 'a.Q4_K_M.gguf', revision: 'main' }],
    ['org/name/a.gguf@v1', { id: 'org/name', file: 'a.gguf', revision: 'v1' }],
    ['org/name/a.bin', undefined],
    ['org/name/.gguf', undefined],
    ['org/name/b/a.gguf', undefined],
  ])('reads %s as an id or not', (text, id) => {
    expect(parseHubId(text)).toEqual(id);
  });

  it('may keep large files in the store that its repositories share', async () => {
    const { commit, folder: snapshot } = await cacheModel(cache, 'org/shared', {}, true);
    expect(await findInHubCache(parseHubId('org/shared')!)).toEqual({ folder: snapshot, commit });
    expect(await validateExperimentFile(write(withTeacher('org/shared')))).toEqual([]);
    expect(await listHubCache()).toEqual([{ id: 'org/shared', commit, revisions: ['main'], folder: snapshot }]);
  });

  it('has no links to elsewhere that are followed', async () => {
    const { folder: snapshot } = await cacheModel(cache, 'org/evil');
    const elsewhere = makeFolder();
    await writeModel(elsewhere);
    rmSync(join(snapshot, 'config.json'));
    symlinkSync(join(elsewhere, 'config.json'), join(snapshot, 'config.json'));
    const [problem] = await validateExperimentFile(write(withTeacher('org/evil')));
    expect(problem).toMatchObject({ code: 'hub-link-leads-out', about: join(snapshot, 'config.json') });

    const whole = join(cache, 'models--org--whole', 'snapshots', 'a'.repeat(40));
    mkdirSync(join(whole, '..'), { recursive: true });
    symlinkSync(elsewhere, whole);
    const [other] = await validateExperimentFile(write(withTeacher(`org/whole@${'a'.repeat(40)}`)));
    expect(other).toMatchObject({ code: 'hub-link-leads-out', about: whole });
  });

  it('may itself be a link, and hold what is damaged', async () => {
    const { commit } = await cacheModel(cache, 'org/name');
    const link = join(makeFolder(), 'hub');
    symlinkSync(cache, link);
    vi.stubEnv('HF_HUB_CACHE', link);
    expect(await findInHubCache(parseHubId('org/name')!)).toMatchObject({ commit });
    writeFileSync(join(cache, 'models--org--name', 'refs', 'main'), 'x'.repeat(100_000));
    expect(await findInHubCache(parseHubId('org/name')!)).toBeUndefined();
    cpSync(makeFolder(), join(cache, 'models--a--b'), { recursive: true });
    expect((await listHubCache()).map(({ id, revisions }) => [id, revisions])).toEqual([['org/name', []]]);
  });
});
