import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { readSafetensors } from '../../src/model/files/safetensors';
import type { Complaint, Problem } from '../../src/protocol/problem';
import type { RunRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { expectClose } from '../golden/compare';
import { FILE, writeSmallWorkspace } from '../storage/small-workspace';
import { inspected } from './asked';
import {
  dataOf,
  distillery,
  document,
  onlyRun,
  sampleRows,
  start,
  stoppingAt,
  tinyWorkspace,
  untilStopped,
} from './program';

function setImmutable(folder: string, isImmutable: boolean): void {
  execFileSync('chattr', [isImmutable ? '+i' : '-i', folder], { stdio: 'ignore' });
}

/** Root alone may do that, on Linux, where the file system knows it. */
const canBeImmutable = ((): boolean => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
  try {
    setImmutable(folder, true);
    setImmutable(folder, false);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
})();

const golden = (name: string): string => fileURLToPath(new URL(`../golden/data/models/${name}`, import.meta.url));

describe('wrong input', () => {
  it('ends with exit code 2 and the place, the problem and the remedy', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const file = path.join(workspace, 'tiny.distill.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"temperature"', '"temprature"'));
    const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace);
    expect(code).toBe(2);
    expect(stderr).toMatch(/tiny\.distill\.json:\d+:\d+: .*temprature.*"?temperature/s);
    const validated = await distillery(['validate', 'tiny.distill.json', '--json'], workspace);
    expect(validated.code).toBe(2);
    const { problems } = JSON.parse(validated.stdout) as { problems: Problem[] };
    expect(problems[0]).toMatchObject({ severity: 'error' });
    expect(problems[0]!.line).toBeGreaterThan(1);
  });

  it('of Parquet that is cut off is told of at its name, and what is whole is read', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const file = path.join(workspace, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
    const dataset = { train: 'mails*.parquet', validation: 0.1, maxLength: 48 };
    writeFileSync(file, JSON.stringify({ ...experiment, dataset }));
    const whole = readFileSync('test/dataset/parquet/classes.parquet');
    for (const name of ['mails1.parquet', 'mails2.parquet']) writeFileSync(path.join(workspace, name), whole);
    const { code, stdout } = await distillery(['validate', 'tiny.distill.json', '--json'], workspace);
    expect(code).toBe(0);
    const { problems } = JSON.parse(stdout) as { problems: Problem[] };
    expect(problems.map(({ code: what, arguments: { rows } }) => [what, rows])).toContainEqual([
      'rows-unlabelled',
      600,
    ]);
    writeFileSync(path.join(workspace, 'mails2.parquet'), whole.subarray(0, 9000));
    const cut = await distillery(['run', 'tiny.distill.json'], workspace);
    expect(cut.code).toBe(2);
    expect(cut.stderr).toMatch(
      /tiny\.distill\.json:1:\d+: mails2\.parquet: This is no whole Parquet file: .+\. Copy or download it again/,
    );
  });

  it.each([
    [['inspect', 'no-such-run', '--text', 'x']],
    [['resume', 'no-such-run']],
    [['compare', 'no-such-run']],
    [['validate', 'no-such.distill.json']],
    [['run', 'no-such.distill.json']],
    [['inspect', '.', '--temperature', '0']],
    [['no-such-verb']],
    [['complete', '.']],
  ])('%j is refused', async (args) => {
    const workspace = tinyWorkspace({ task: 'causal-lm' });
    const { code, stderr, stdout } = await distillery(args, workspace);
    expect(code).toBe(2);
    expect(stderr + stdout).not.toMatch(/at .*runner\.js/);
  });

  it.runIf(canBeImmutable)('a folder that is immutable is told of by its name, the cause and a remedy', async () => {
    const [workspace, elsewhere] = ['immutable', 'elsewhere'].map((name) => {
      const folder = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-test-')), name);
      writeSmallWorkspace(folder);
      return folder;
    }) as [string, string];
    mkdirSync(dataOf(elsewhere));
    const folders = [workspace, dataOf(elsewhere)];
    try {
      for (const folder of folders) setImmutable(folder, true);
      const run = await distillery(['run', FILE], workspace);
      expect(run).toMatchObject({ code: 2 });
      expect(run.stderr).toMatch(
        /\.distillery\/runs:1:1: Runs cannot be written here \(EPERM.*\)\. Change the permissions/,
      );
      const sample = await distillery(['sample', path.join(workspace, 'sample')], workspace);
      expect(sample).toMatchObject({ code: 1 });
      // What is kept for all runs of a person is not needed: without it a run waits for no other.
      const alone = await distillery(['run', FILE], elsewhere);
      expect(alone).toMatchObject({ code: 0 });
      for (const [{ stderr }, place] of [
        [sample, path.join(workspace, 'sample')],
        [alone, dataOf(elsewhere)],
      ] as const) {
        expect(stderr).toContain(place);
        expect(stderr).toMatch(/may not be opened or changed \(EPERM.*\)\.\s+Change the permissions/);
      }
    } finally {
      for (const folder of folders) setImmutable(folder, false);
    }
  });

  it('is told as data where a document is asked for: all that the words say, and what can be done', async () => {
    const workspace = tinyWorkspace({ task: 'causal-lm' });
    const missing = await distillery(['resume', 'no-such-run', '--json'], workspace);
    expect(missing.code).toBe(2);
    const { problems } = JSON.parse(missing.stdout) as { problems: Problem[] };
    expect(problems).toMatchObject([{ code: 'run-missing', file: 'no-such-run', line: 1, actions: [{ run: null }] }]);
    expect(missing.stderr).toContain(`no-such-run:1:1: ${problems[0]!.message} ${problems[0]!.remedy}`);
    const install = ['devices', '--install', 'openvino', '--file', 'no.whl', '--json'];
    const unwanted = await distillery(install, workspace, { DISTILLERY_LIBRARIES: path.join(workspace, 'libraries') });
    expect(unwanted.code).toBe(1);
    const { error } = JSON.parse(unwanted.stdout) as { error: Complaint };
    expect(error).toMatchObject({ code: 'install-not-a-wheel', arguments: { file: 'no.whl' } });
    expect(unwanted.stderr).toContain(error.message);
    const verb = await distillery(['run', '--json'], workspace);
    expect(JSON.parse(verb.stdout)).toMatchObject({ error: { code: 'command-line-wrong' } });
  });

  it('odd rows of a dataset are reported with their line or trained on', async () => {
    const good = sampleRows('spam', 'train', 32);
    const odd = [
      'not json at all',
      '{"text":"","label":"ham"}',
      '{"text":"🎣🐳 emoji and \\u0000 a NUL","label":"spam"}',
      `{"text":${JSON.stringify('long '.repeat(200_000))},"label":"ham"}`,
      '{"text":42,"label":"ham"}',
      '{"label":"ham"}',
    ];
    const workspace = tinyWorkspace({
      task: 'text-classification',
      rows: { train: [...odd, ...good] },
      training: { epochs: 1 },
      controls: [],
    });
    const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace);
    expect(code).toBe(0);
    expect(stderr).toMatch(/train\.jsonl:1:/);
    expect(stderr).toMatch(/train\.jsonl:2:/);
    expect(stderr).toMatch(/train\.jsonl:6:/);
    expect(stderr).not.toMatch(/train\.jsonl:[34]:/);
  });
});

describe('a Hugging Face folder', () => {
  it.each(['bert-sequence-classification', 'bert-masked-lm', 'gpt2'])(
    '%s is inspected, its tensors equal to those of transformers',
    async (name) => {
      const expected = await readSafetensors(path.join(golden(name), 'expected.safetensors'));
      const [, length] = expected.input_ids!.shape as [number, number];
      const ids = Array.from(expected.input_ids!.data as Int32Array).slice(0, length);
      const width = expected.logits!.shape.at(-1)!;
      const rows = expected.logits!.shape.length === 2 ? 1 : length;
      const out = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-test-')), 'out.safetensors');
      // A pair's second text cannot be given as ids, so a row whose type ids are not all 0 is left to the golden tests.
      const types =
        (expected.token_type_ids?.data as Int32Array | undefined)?.slice(0, length) ?? new Int32Array(length);
      // One by the command line, for its options' way to what answers.
      if (name === 'gpt2')
        await document(['inspect', golden(name), '--ids', ids.join(','), '--tensors', out], os.tmpdir());
      else await inspected(golden(name), { ids, tensors: out });
      const tensors = await readSafetensors(out);
      expect(tensors['logits.teacher']!.shape).toEqual([rows, width]);
      expect(Object.keys(tensors).filter((key) => key.startsWith('hidden.'))).toHaveLength(3);
      if (types.some((type) => type !== 0)) return;
      const theirs = (expected.logits!.data as Float32Array).slice(0, rows * width);
      expectClose('logits', tensors['logits.teacher']!.data as Float32Array, theirs, 1e-4);
    },
  );
});

describe('the sample workspace', () => {
  it('is written with experiments that have no problem', async () => {
    const folder = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-test-')), 'sample');
    const { files } = await document<{ files: string[] }>(['sample', folder], os.tmpdir());
    const experiments = files.filter((file) => file.endsWith('.distill.json'));
    expect(experiments.length).toBeGreaterThan(2);
    for (const file of experiments) expect(await validateExperimentFile(path.join(folder, file)), file).toEqual([]);
    expect(await document(['validate', experiments[0]!], folder)).toEqual({ problems: [] });
  });

  it('is written and its first experiment begun by one verb, which says what to try next', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
    // Where nothing but the CPU is there, nothing is compared.
    const environment = { DISTILLERY_LIBRARIES: folder, ...stoppingAt('said', 'auto took cpu') };
    const { child, outcome } = start(['demo', 'mine'], folder, environment);
    await untilStopped(child);
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const { code, stdout, stderr } = await outcome;
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`run ${path.join('mine', 'spam.distill.json')}`);
    const { name, status } = JSON.parse(
      readFileSync(path.join(onlyRun(path.join(folder, 'mine')), 'run.json'), 'utf8'),
    ) as RunRecord;
    expect([name, status]).toEqual(['Definitions', 'stopped']);
  });
});

describe('a run in a folder whose name has spaces and signs', () => {
  it('works', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs: 1 }, controls: [] });
    const file = path.join(workspace, 'tiny.distill.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"Tiny"', JSON.stringify('Ünïcode / "quotes" <b>')));
    appendFileSync(file, '\n// a comment at the end\n');
    const { status } = await document<RunResult>(['run', 'tiny.distill.json'], workspace);
    expect(status).toBe('done');
    expect(path.basename(onlyRun(workspace))).toMatch(/Ünïcode-quotes-b$/);
  });
});
