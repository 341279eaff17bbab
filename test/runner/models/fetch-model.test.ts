/** @file Fetching models into the Hugging Face cache from a server that answers as a hub does, with all that can fail on the way. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadCheckpoint } from '../../../src/model/files/checkpoint';
import { findInHubCache } from '../../../src/model/local/hub-cache';
import { parseHubId, type HubId } from '../../../src/protocol/hub-id';
import { complaintOf, type ComplaintError } from '../../../src/protocol/problem';
import type { FetchedModel, ModelRecord, PlannedModel } from '../../../src/protocol/machine-records';
import type { InstallListener } from '../../../src/runner/install/install';
import { listModels } from '../../../src/runner/models/list-models';
import { fetchModel, planFetch } from '../../../src/runner/models/fetch-model';
import { readArchitecture } from '../../../src/experiment/checks/model-folder';
import { locateModel } from '../../../src/experiment/checks/locate-model';
import { validateExperimentFile } from '../../../src/experiment/checks/validate';
import { goodExperiment, mails, makeFolder } from '../../experiment/workspace';
import { startProxy } from '../endpoint/proxy';
import { distilleryHere } from '../in-process';
import { distillery, document, start, until } from '../program';
import { FakeHub } from './fake-hub';

const golden = (name: string): string => path.resolve('test/golden/data/models', name);
const quiet: InstallListener = { progress: () => undefined, note: () => undefined };
const card = '---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n';

let hub: FakeHub;
let home: string;

beforeAll(async () => {
  hub = await FakeHub.start();
});
afterAll(() => hub.stop());

beforeEach(() => {
  home = makeFolder();
  for (const [name, value] of Object.entries(environment())) vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  hub.requests.length = 0;
  hub.cuts.clear();
  hub.damaged.clear();
  Object.assign(hub, { status: undefined, takesRanges: true, isProxy: false, held: undefined });
});

/** Of a person who has nothing but this cache. */
const environment = (): Record<string, string> => ({
  HF_HOME: home,
  HF_ENDPOINT: hub.address,
  ...Object.fromEntries(
    ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN_PATH'].map((name) => [
      name,
      '',
    ]),
  ),
  HF_HUB_OFFLINE: '',
  TRANSFORMERS_OFFLINE: '',
});

const named = (text: string): HubId => parseHubId(text)!;
const fetch = (text: string): Promise<FetchedModel> => fetchModel(named(text), quiet);
const repository = (id: string): string => path.join(home, 'hub', `models--${id.replace('/', '--')}`);

const partsIn = (blobs: string): string[] =>
  (existsSync(blobs) ? readdirSync(blobs) : [])
    .filter((name) => name.includes('.'))
    .map((name) => path.join(blobs, name));

/** What it says, and that the id leads to no model. */
async function problemOf(text: string): Promise<string> {
  const error = await fetch(text).then(
    () => expect.unreachable(),
    (reason: unknown) => reason as ComplaintError,
  );
  expect(await findInHubCache(named(text))).toBeUndefined();
  const { code, message, remedy } = error.complaint;
  return `${code}: ${message} ${remedy}`;
}

describe('fetching a model', () => {
  it('puts what is needed of it where Python looks for it, each content under its checksum, and the branch last', async () => {
    const files = { 'README.md': card, 'tokenizer.json': '{}', 'pytorch_model.bin': 'no', 'logo.png': 'no' };
    const llama = Object.fromEntries(
      ['config.json', 'model.safetensors'].map((name) => [name, readFileSync(path.join(golden('llama'), name))]),
    );
    const commit = hub.commit('tiny/llama', { ...files, ...llama });
    const fetched = await fetch('tiny/llama');
    const snapshot = path.join(repository('tiny/llama'), 'snapshots', commit);
    expect(fetched).toMatchObject({
      id: 'tiny/llama',
      revision: 'main',
      commit,
      path: snapshot,
      licence: 'apache-2.0',
    });
    expect(readdirSync(snapshot).sort()).toEqual(['README.md', 'config.json', 'model.safetensors', 'tokenizer.json']);
    const blobs = path.join(repository('tiny/llama'), 'blobs');
    for (const name of readdirSync(snapshot)) {
      const to = readlinkSync(path.join(snapshot, name));
      expect(to).toMatch(/^\.\.[\\/]\.\.[\\/]blobs[\\/]([0-9a-f]{40}|[0-9a-f]{64})$/);
      expect(path.basename(to)).toHaveLength(name === 'model.safetensors' ? 64 : 40);
    }
    expect(readdirSync(blobs)).toHaveLength(4);
    expect(readFileSync(path.join(repository('tiny/llama'), 'refs', 'main'), 'utf8')).toBe(commit);
    expect(await findInHubCache(named('tiny/llama'))).toEqual({ folder: snapshot, commit });
    const [ours, theirs] = await Promise.all([snapshot, golden('llama')].map(loadCheckpoint));
    expect(ours).toEqual(theirs);
  });

  it('goes through the proxy that the environment names', async () => {
    const proxy = await startProxy();
    vi.stubEnv('http_proxy', proxy.address);
    vi.stubEnv('no_proxy', '');
    vi.stubEnv('NO_PROXY', '');
    const commit = hub.commit('tiny/far', golden('llama'));
    expect(await fetch('tiny/far')).toMatchObject({ commit });
    // The large file comes from another host.
    expect(new Set(proxy.through)).toContain(new URL(hub.address).host);
    expect(new Set(proxy.through).size).toBe(2);
    // What is excepted goes straight there.
    const asked = proxy.through.length;
    vi.stubEnv('no_proxy', '127.0.0.1,localhost');
    const near = hub.commit('tiny/near', golden('llama'));
    expect(await fetch('tiny/near')).toMatchObject({ commit: near });
    expect(proxy.through).toHaveLength(asked);
    proxy.close();
  });

  it('takes shards with their index, and files of any revision', async () => {
    hub.commit('tiny/sharded', { 'config.json': 'other' }, { branch: 'main' });
    const commit = hub.commit('tiny/sharded', golden('llama-sharded'), { branch: 'v2/half' });
    await fetch('tiny/sharded@v2/half');
    expect(readFileSync(path.join(repository('tiny/sharded'), 'refs', 'v2', 'half'), 'utf8')).toBe(commit);
    const { folder } = (await findInHubCache(named('tiny/sharded@v2/half')))!;
    expect(Object.keys((await loadCheckpoint(folder)).parameters).length).toBeGreaterThan(10);
    expect(await findInHubCache(named('tiny/sharded'))).toBeUndefined();
    expect(await findInHubCache(named(`tiny/sharded@${commit}`))).toEqual({ folder, commit });
  });

  it('takes one GGUF file with the card, the one that is named or the only one, and no other weights', async () => {
    const [content, config] = [readFileSync('test/golden/data/gguf/llama.gguf'), '{"model_type":"llama"}'];
    const other = Buffer.from('another');
    const several = { 'tiny.Q8_0.gguf': content, 'tiny.F32.gguf': other, 'config.json': config, 'README.md': card };
    const commit = hub.commit('tiny/several-GGUF', several);
    expect(await problemOf('tiny/several-GGUF')).toMatch(
      /^hub-several-gguf: tiny\/several-GGUF has more than one GGUF file: tiny\.Q8_0\.gguf, tiny\.F32\.gguf\. .+ "distillery models --fetch tiny\/several-GGUF\/tiny\.Q8_0\.gguf"/,
    );
    const id = 'tiny/several-GGUF/tiny.Q8_0.gguf';
    expect(await planFetch(named(id))).toMatchObject({ file: 'tiny.Q8_0.gguf', bytes: content.length + card.length });
    const snapshot = path.join(repository('tiny/several-GGUF'), 'snapshots', commit);
    expect((await fetch(id)).path).toBe(path.join(snapshot, 'tiny.Q8_0.gguf'));
    expect(readdirSync(snapshot).sort()).toEqual(['README.md', 'tiny.Q8_0.gguf']);
    expect(hub.ranges('tiny.F32.gguf')).toEqual([]);
    expect(await findInHubCache(named('tiny/several-GGUF/tiny.F32.gguf'))).toBeUndefined();
    const workspace = makeFolder();
    const { path: found, origin } = await locateModel(id, workspace);
    const expected = await readArchitecture('test/golden/data/gguf/llama.gguf');
    expect([await readArchitecture(found), origin]).toEqual([expected, expect.objectContaining({ asked: id, commit })]);
    expect((await listModels(workspace)).models.filter(isHere)).toMatchObject([
      { id, family: 'llama', licence: 'apache-2.0', tasks: ['causal-lm'] },
    ]);

    hub.commit('tiny/one-GGUF', { 'tiny.gguf': content, 'README.md': card });
    const { path: folder } = await fetch('tiny/one-GGUF');
    expect(readdirSync(folder).sort()).toEqual(['README.md', 'tiny.gguf']);
    expect(await readArchitecture(folder)).toEqual(expected);
  });

  it('says before what it would fetch, and fetches only what has changed since', async () => {
    const weights = readFileSync(path.join(golden('llama'), 'model.safetensors'));
    const config = readFileSync(path.join(golden('llama'), 'config.json'), 'utf8');
    const first = hub.commit('tiny/moving', { 'config.json': config, 'model.safetensors': weights });
    const plan = await planFetch(named('tiny/moving'));
    const size = config.length + weights.length;
    const host = new URL(hub.address).host;
    expect(plan).toMatchObject({ host, licence: 'apache-2.0', bytes: size, missing: size, commit: first });
    expect(existsSync(path.join(home, 'hub'))).toBe(false);
    await fetch('tiny/moving');
    const second = hub.commit('tiny/moving', { 'config.json': `${config}\n`, 'model.safetensors': weights });
    expect(await planFetch(named('tiny/moving'))).toMatchObject({ commit: second, missing: config.length + 1 });
    expect((await fetch('tiny/moving')).fetched).toBe(config.length + 1);
    expect((await fetch('tiny/moving')).fetched).toBe(0);
    expect(hub.ranges('model.safetensors')).toEqual([undefined]);
    // The earlier one is still there, for runs that began with it.
    expect(await findInHubCache(named(`tiny/moving@${first}`))).toMatchObject({ commit: first });
  });

  it('goes on where the connection broke off, in one go or in the next', async () => {
    hub.commit('tiny/cut', golden('llama'));
    hub.cuts.set('model.safetensors', [1000, 500, 0]);
    expect(await problemOf('tiny/cut')).toMatch(
      /^hub-cut-off: The connection to 127\.0\.0\.1:\d+ broke off: 1\.50\skB of the .* of model\.safetensors have come\. .*what has come is kept/,
    );
    expect(hub.ranges('model.safetensors')).toEqual([undefined, 'bytes=1000-', 'bytes=1500-']);
    const { path: folder } = await fetch('tiny/cut');
    expect(hub.ranges('model.safetensors').at(-1)).toBe('bytes=1500-');
    expect(await loadCheckpoint(folder)).toEqual(await loadCheckpoint(golden('llama')));
    expect(partsIn(path.join(repository('tiny/cut'), 'blobs'))).toEqual([]);
  });

  it('begins anew where the server takes no ranges, or where what lies there is of something else', async () => {
    hub.commit('tiny/anew', golden('llama'));
    hub.cuts.set('model.safetensors', [1000, 0]);
    await problemOf('tiny/anew');
    hub.takesRanges = false;
    await fetch('tiny/anew');

    const [blob] = readdirSync(path.join(repository('tiny/anew'), 'blobs')).filter((name) => name.length === 64);
    Object.assign(hub, { takesRanges: true });
    home = makeFolder();
    vi.stubEnv('HF_HOME', home);
    const blobs = path.join(repository('tiny/anew'), 'blobs');
    mkdirSync(blobs, { recursive: true });
    writeFileSync(path.join(blobs, `${blob}.incomplete`), Buffer.alloc(3000, 7));
    const { path: folder } = await fetch('tiny/anew');
    expect(hub.ranges('model.safetensors').slice(-2)).toEqual(['bytes=3000-', undefined]);
    expect(await loadCheckpoint(folder)).toEqual(await loadCheckpoint(golden('llama')));
  });

  it.each(['config.json', 'model.safetensors'])('throws %s away that is not what the hub says', async (name) => {
    hub.commit('tiny/damaged', golden('bert-masked-lm'));
    hub.damaged.add(name);
    expect(await problemOf('tiny/damaged')).toContain(`hub-wrong-checksum: ${name} is not what 127.0.0.1:`);
    hub.damaged.clear();
    const { path: folder } = await fetch('tiny/damaged');
    expect(await loadCheckpoint(folder)).toEqual(await loadCheckpoint(golden('bert-masked-lm')));
  });

  it('shows an access token to the hub and to nobody else', async () => {
    hub.commit('tiny/gated', golden('llama'), { gated: true });
    hub.tokens.add('of-a-mirror');
    expect(await problemOf('tiny/gated')).toMatch(
      /^hub-token-wanted: .* set the environment variable HF_TOKEN and try/,
    );
    vi.stubEnv('HF_TOKEN', 'expired');
    expect(await problemOf('tiny/gated')).toMatch(/^hub-token-refused: /);
    vi.stubEnv('HF_TOKEN', '');
    // As `hf auth login` keeps it.
    writeFileSync(path.join(home, 'token'), 'of-a-mirror\n');
    await fetch('tiny/gated');
    const given = hub.requests.filter(({ authorization }) => authorization === 'Bearer of-a-mirror');
    expect(new Set(given.map(({ server }) => server))).toEqual(new Set(['hub']));
    const kept = readdirSync(home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'token')
      .filter((entry) => readFileSync(path.join(entry.parentPath, entry.name)).includes('of-a-mirror'));
    expect(kept).toEqual([]);
    expect(hub.requests.filter(({ server }) => server === 'cdn')).toMatchObject([{ authorization: undefined }]);
  });

  it('does so when it is asked to, and not where an experiment names one', async () => {
    hub.commit('tiny/here', golden('llama'));
    const folder = makeFolder({
      'train.jsonl': mails(40),
      'validation.jsonl': mails(10),
      'x.distill.json': {
        ...goodExperiment,
        teacher: { source: 'checkpoint', path: 'tiny/here' },
        tokenizer: { source: 'teacher' },
      },
    });
    const [problem] = await validateExperimentFile(path.join(folder, 'x.distill.json'));
    expect(problem).toMatchObject({ code: 'model-not-fetched', actions: [{ fetch: 'tiny/here' }] });
    expect(hub.requests).toEqual([]);
  });

  it.each([
    ['tiny/none', {}, /^hub-model-unknown: 127.* has no model tiny\/none, .* if it is private, set the environment/],
    ['tiny/here@v9', {}, /^hub-revision-unknown: tiny\/here has no revision v9 on /],
    ['tiny/here', { HF_HUB_OFFLINE: '1' }, /^hub-offline: .* HF_HUB_OFFLINE is set\./],
    ['tiny/here', { TRANSFORMERS_OFFLINE: 'yes' }, /^hub-offline: .* TRANSFORMERS_OFFLINE is set\./],
    ['tiny/here', { HF_ENDPOINT: 'http://127.0.0.1:1' }, /^hub-unreachable: 127\.0\.0\.1:1 cannot be reached \(.+\)\./],
    ['tiny/here', { HF_ENDPOINT: 'huggingface.co' }, /^hub-address-wrong: .* HF_ENDPOINT is "huggingface\.co"/],
    ['tiny/bin', {}, /^hub-without-safetensors: tiny\/bin has its weights only as pytorch_model\.bin\./],
    ['tiny/data', {}, /^hub-without-config: /],
    ['tiny/data/a.gguf', {}, /^hub-without-gguf: tiny\/data has no GGUF file/],
    [
      'tiny/parts/b.gguf',
      {},
      /^hub-without-file: tiny\/parts has no file b\.gguf, but a\.gguf\. .+tiny\/parts\/a\.gguf"/,
    ],
    ['tiny/parts/c-00001-of-00002.gguf', {}, /^hub-gguf-in-parts: c-00001-of-00002\.gguf is one of several parts/],
  ])('says why it cannot fetch %s with %j', async (id, changes, said) => {
    hub.commit('tiny/here', golden('llama'));
    hub.commit('tiny/bin', { 'config.json': '{}', 'pytorch_model.bin': 'x' });
    hub.commit('tiny/data', { 'a.csv': 'x' });
    hub.commit('tiny/parts', { 'a.gguf': 'x', 'c-00001-of-00002.gguf': 'x', 'c-00002-of-00002.gguf': 'x' });
    for (const [name, value] of Object.entries(changes)) vi.stubEnv(name, value);
    expect(await problemOf(id)).toMatch(said);
    expect(hub.requests.filter(({ server }) => server === 'cdn')).toEqual([]);
  });

  it('says of a hub that has trouble, and of what is no hub, that it is so', async () => {
    hub.commit('tiny/here', golden('llama'));
    hub.status = 503;
    expect(await problemOf('tiny/here')).toMatch(/^hub-refused: .* answers with the status 503\./);
    hub.status = 403;
    expect(await problemOf('tiny/here')).toMatch(/^hub-token-wanted: /);
    Object.assign(hub, { status: undefined, isProxy: true });
    expect(await problemOf('tiny/here')).toMatch(/^hub-answer-unknown: .* whether a proxy answers in its place\./);
  });

  it('looks for room on the disk first', async () => {
    hub.commit('tiny/here', golden('llama'));
    const freeBytes = (): Promise<number> => Promise.resolve(1e6);
    await expect(fetchModel(named('tiny/here'), quiet, { freeBytes })).rejects.toMatchObject({
      complaint: { code: 'hub-disk-too-small' },
    });
    expect(hub.ranges('model.safetensors')).toEqual([]);
  });

  it('says that the disk is full where it fills up meanwhile, and goes on when there is room', async (context) => {
    const mount = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', home];
    if (process.platform !== 'linux' || spawnSync('mount', mount).status !== 0)
      context.skip('no small disk can be made');
    hub.commit('tiny/large', { 'config.json': '{}', 'model.safetensors': Buffer.alloc(3_000_000, 5) });
    const fetching = (): Promise<FetchedModel> =>
      fetchModel(named('tiny/large'), quiet, { freeBytes: () => Promise.resolve(Infinity) });
    try {
      const error: unknown = await fetching().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(complaintOf(error)).toMatchObject({
        code: 'disk-full',
        arguments: { path: expect.stringMatching(/\.incomplete$/) as string },
      });
      expect(await findInHubCache(named('tiny/large'))).toBeUndefined();
      spawnSync('mount', ['-o', 'remount,size=8m', home]);
      expect(statSync((await fetching()).path).isDirectory()).toBe(true);
      expect(hub.ranges('model.safetensors').at(-1)).toMatch(/^bytes=\d{5,}-$/);
    } finally {
      spawnSync('umount', [home]);
    }
  });

  it('refuses names and sizes of files that a hub may not give', async () => {
    const evil = { 'config.json': '{}', 'model.safetensors': 'x', '../../evil.json': '{}' };
    hub.commit('tiny/evil', evil);
    const { path: folder } = await fetch('tiny/evil');
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(readdirSync(home, { recursive: true }).filter((name) => String(name).includes('evil.'))).toEqual([]);
  });
});

describe('the program', () => {
  it('says how far it is, fetches, and lists what is there: family, parameters, size, licence, and what for', async () => {
    hub.commit('tiny/encoder', { ...Object.fromEntries(goldenFiles('bert-masked-lm')), 'README.md': card });
    const workspace = makeFolder({
      'models/broken/config.json': '{"model_type":"mamba"}',
      'models/broken/model.safetensors': '',
    });
    const planned = await document<PlannedModel>(
      ['models', '--fetch', 'tiny/encoder', '--plan'],
      workspace,
      environment(),
    );
    expect(planned.files.map(({ path: name }) => name)).toEqual(['config.json', 'model.safetensors', 'README.md']);
    const { code, stdout, stderr } = await distillery(
      ['models', '--fetch', 'tiny/encoder', '--json'],
      workspace,
      environment(),
    );
    expect(code).toBe(0);
    const fetched = JSON.parse(stdout) as FetchedModel;
    const told = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(told.map(({ phase }) => phase)).toEqual(expect.arrayContaining(['downloading', 'checking']));
    const { models } = await document<{ models: ModelRecord[] }>(['models'], workspace, environment());
    expect(models.filter(isHere)).toEqual([
      expect.objectContaining({
        id: 'models/broken',
        source: 'folder',
        family: 'mamba',
        tasks: [],
        startsFor: [],
        problem: expect.objectContaining({ code: 'model-family-unknown' }) as unknown,
      }),
      {
        id: 'tiny/encoder',
        source: 'cache',
        path: fetched.path,
        commit: fetched.commit,
        revisions: ['main'],
        family: 'bert',
        parameters: expect.any(Number) as number,
        maxPositions: expect.any(Number) as number,
        bytes: planned.bytes,
        licence: 'apache-2.0',
        tasks: ['masked-lm'],
        startsFor: ['text-classification', 'masked-lm', 'token-classification', 'sentence-embedding'],
        hasTokenizer: false,
      },
    ]);
    const text = (await distilleryHere(['models'], workspace, environment())).stdout;
    expect(text).toMatch(
      /^tiny\/encoder\tbert · [\d,]+ parameters · [\d.]+\skB · apache-2\.0 · teacher: masked-lm · /m,
    );
  });

  it('refuses what is no id, as wrong input', async () => {
    const { code, stderr } = await distilleryHere(['models', '--fetch', '../elsewhere'], makeFolder(), environment());
    expect([code, stderr]).toEqual([2, expect.stringContaining('"org/name", "org/name@revision" or')]);
  });

  it('cancelled, says so and keeps what has come', async () => {
    hub.commit('tiny/slow', golden('llama'));
    const { child, outcome } = start(['models', '--fetch', 'tiny/slow', '--json'], makeFolder(), environment());
    const blobs = path.join(repository('tiny/slow'), 'blobs');
    hub.held = async () => {
      // What was sent is on the disk.
      await until(() => partsIn(blobs).some((part) => statSync(part).size > 40_000));
      child.kill('SIGTERM');
      await outcome;
    };
    const { code, stdout } = await outcome;
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      { error: expect.objectContaining({ code: 'hub-cancelled' }) as unknown },
    ]);
    const [size] = partsIn(blobs).map((part) => statSync(part).size);
    hub.held = undefined;
    await fetch('tiny/slow');
    expect(hub.ranges('model.safetensors').at(-1)).toBe(`bytes=${size}-`);
    expect(partsIn(blobs)).toEqual([]);
  });
});

/** In the test's own folders: a machine may have others installed. */
const isHere = ({ source }: ModelRecord): boolean => source !== 'package';

const goldenFiles = (name: string): [string, Buffer][] =>
  ['config.json', 'model.safetensors'].map((file) => [file, readFileSync(path.join(golden(name), file))]);
