/** @file Runs whose teacher is behind a server, through the real program. */

import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ResolvedExperiment } from '../../../src/experiment/file/schema';
import { experimentFacts } from '../../../src/extension/lab/experiment-facts';
import { validateExperimentFile } from '../../../src/experiment/checks/validate';
import type { InspectResult } from '../../../src/protocol/inspection-records';
import type { CacheResult } from '../../../src/runner/commands/cache';
import type { RunResult } from '../../../src/runner/run/carry-out';
import { promptIds } from '../../../src/dataset/examples';
import { Tokenizer } from '../../../src/tokenizer/tokenizer';
import { characterTokenizer } from '../../experiment/word-piece';
import { goldenFolder } from '../../golden/compare';
import { distilleryHere, documentHere } from '../in-process';
import {
  distillery,
  document,
  onlyRun,
  sampleRows,
  start,
  tinyWorkspace,
  until,
  type TinyExperiment,
} from '../program';
import { ModelServer } from './model-server';

const json = characterTokenizer();
const tokenizer = Tokenizer.fromJson(json);
/** What is sent to a server is not sent to the proxy of whoever runs the tests. */
const environment = { NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };

let server: ModelServer;
beforeAll(async () => {
  server = await ModelServer.start(goldenFolder('gpt2'), tokenizer);
});
afterAll(() => server.close());
beforeEach(() => {
  server.kind = 'vllm';
  server.failures.length = 0;
  server.answered.length = 0;
  server.keys.length = 0;
  server.requests = 0;
  server.answersAtMost = Infinity;
});

type Changes = Partial<TinyExperiment> & { top?: number; settings?: object; more?: object };

/** With a tokenizer that has the tokens of the golden model. */
function workspaceWith({ top = 98, settings, more, ...changes }: Changes = {}): string {
  const workspace = tinyWorkspace({
    task: 'causal-lm',
    training: { epochs: 1 },
    teacher: { source: 'endpoint', url: server.url, model: 'tiny', topLogprobs: top, ...settings },
    ...changes,
  });
  writeFileSync(path.join(workspace, 'tokenizer.json'), JSON.stringify(json));
  change(workspace, { tokenizer: { source: 'path', path: '.' }, controls: [], ...more });
  return workspace;
}

function change(workspace: string, changes: object): void {
  const file = path.join(workspace, 'tiny.distill.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...changes }));
}

const run = (workspace: string, more: NodeJS.ProcessEnv = {}): Promise<RunResult> =>
  documentHere<RunResult>(['run', 'tiny.distill.json'], workspace, { ...environment, ...more });

const logOf = (folder: string): string => readFileSync(path.join(folder, 'log.txt'), 'utf8');

function answersIn(workspace: string): string {
  const caches = path.join(workspace, '.distillery', 'cache', 'teacher');
  const file = existsSync(caches) && path.join(caches, readdirSync(caches)[0] ?? '', 'answers.log');
  return file && existsSync(file) ? readFileSync(file, 'utf8') : '';
}

const linesIn = (workspace: string): number => answersIn(workspace).split('\n').filter(Boolean).length;

/** Contents of all files below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, 'latin1'));
}

describe('a run whose teacher gives log-probabilities of prompts', () => {
  const key = 'sk-nobody-may-see-this';
  const settings = { concurrency: 4 };
  let workspace: string;
  let folder: string;
  let result: RunResult;
  let asked: { answered: string[]; unanswered: number; keys: (string | undefined)[] };
  /** Killed when it has some answers, and resumed. */
  beforeAll(async () => {
    workspace = workspaceWith({ settings });
    server.answersAtMost = 30;
    server.failures.push({ status: 500, retryAfter: '0' });
    const env = { ...environment, DISTILLERY_API_KEYS: `${new URL(server.url).host}=${key}` };
    const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, env);
    // All that it has answered is kept, and as many wait as may be under way.
    await until(() => linesIn(workspace) === 30 && server.requests === 1 + 30 + 4);
    child.kill('SIGKILL');
    await outcome;
    const unanswered = server.requests - 31;
    server.answersAtMost = Infinity;
    folder = onlyRun(workspace);
    result = await document<RunResult>(['resume', folder], workspace, env);
    const answered = server.answered.map(String);
    asked = { answered, unanswered, keys: [...server.keys] };
    expect(server.requests).toBe(1 + answered.length + unanswered);
  });

  it('is asked about each text once, also where it was killed in between', () => {
    // What it can, and 48, 24 and 24 texts, of which none is another's.
    expect(asked.answered).toHaveLength(1 + 96);
    expect(new Set(asked.answered.slice(1)).size).toBe(96);
    expect(asked.unanswered).toBe(4);
  });

  it('says what the server can, what that costs and what it did, and nowhere the key', () => {
    const { host } = new URL(server.url);
    const log = logOf(folder);
    expect(log).toContain(`the teacher is tiny at ${host}, asked with a key`);
    expect(log).toContain(`${host} gives log-probabilities of prompts ("prompt_logprobs")`);
    expect(log).toMatch(/asking .+ about 48 training and 24 validation texts: 72 requests, [\d,]+ tokens/);
    // 30 answers, the first of which was to what it can.
    expect(log).toMatch(/about 48 training and 24 validation texts: 43 requests/);
    expect(log).toMatch(/was sent 43 requests: [\d,]+ tokens read and 43 written, as it counts/);
    expect(log).toMatch(/about 24 test texts: 24 requests/);
    expect(new Set(asked.keys)).toEqual(new Set([`Bearer ${key}`]));
    const card = readFileSync(path.join(folder, 'student', 'README.md'), 'utf8');
    expect(card.replaceAll('\\', '')).toContain(`A student distilled from tiny at ${host}: forward-kl`);
    const experiment = JSON.parse(readFileSync(path.join(folder, 'experiment.json'), 'utf8')) as ResolvedExperiment;
    expect(experimentFacts(experiment).endpoint).toBe(`tiny at ${host}`);
    expect(filesBelow(workspace).some((content) => content.includes(key))).toBe(false);
  });

  it('gives the student what the same model gives it as a checkpoint', async () => {
    const local = tinyWorkspace({
      task: 'causal-lm',
      training: { epochs: 1 },
      teacher: { source: 'checkpoint', path: goldenFolder('gpt2') },
    });
    writeFileSync(path.join(local, 'tokenizer.json'), JSON.stringify(json));
    change(local, { tokenizer: { source: 'path', path: '.' }, controls: [] });
    const { summary } = await run(local);
    const [[teacher, student], [ofTeacher, ofStudent]] = [result.summary!.rows, summary!.rows];
    // All but one of its 99 tokens were asked for, as float16.
    expect(teacher!.metrics.perplexity! / ofTeacher!.metrics.perplexity!).toBeCloseTo(1, 3);
    expect(student!.metrics.perplexity! / ofStudent!.metrics.perplexity!).toBeCloseTo(1, 3);
    expect(student!.metrics.teacherKl! / ofStudent!.metrics.teacherKl!).toBeCloseTo(1, 2);
    expect(teacher).not.toHaveProperty('parameters');
    expect(teacher).not.toHaveProperty('latencyMs');
  });

  it('is not asked again by the next run, which needs no server then', async () => {
    const requests = server.requests;
    server.failures.push({ status: 500 });
    const again = await run(workspace);
    expect(server.requests).toBe(requests);
    expect(again.summary!.rows[1]!.metrics).toEqual(result.summary!.rows[1]!.metrics);
    const { caches } = await documentHere<CacheResult>(['cache'], workspace);
    expect(caches).toMatchObject([{ teacher: `tiny at ${new URL(server.url).host}`, examples: 97, top: 98 }]);
  });

  it('leaves inspection and completion to the student', async () => {
    const text = 'call me ishmael';
    const inspected = await documentHere<InspectResult>(['inspect', folder, '--text', text], workspace, environment);
    expect(inspected.positions[4]!.teacher).toBeUndefined();
    expect(inspected.positions[4]!.student!.top.length).toBeGreaterThan(0);
  });
});

/** Beginnings of rows, with what comes next. */
const prompted = (count: number): string[] =>
  sampleRows('moby-dick', 'train', count).map((line) => {
    const { text } = JSON.parse(line) as { text: string };
    return JSON.stringify({ prompt: text.slice(0, 12), completion: text.slice(12, 20) });
  });

describe('a run whose teacher gives log-probabilities of what it writes alone', () => {
  const dataset = { promptColumn: 'prompt', completionColumn: 'completion', maxLength: 24 };
  const splits = { train: 'train.jsonl', validation: 'validation.jsonl' };

  it('learns from what the teacher writes after the prompts, and is held against it token by token', async () => {
    server.kind = 'llama.cpp';
    const rows = prompted(14);
    const workspace = workspaceWith({
      rows: { train: rows.slice(0, 10), validation: rows.slice(10) },
      withoutTest: true,
      more: { dataset: { ...splits, ...dataset } },
    });
    const { summary } = await run(workspace);
    const asked = (server.answered as number[][]).slice(2);
    const prompts = asked.slice(0, 10);
    expect(new Set(asked.map(String)).size).toBe(asked.length);
    const log = logOf(onlyRun(workspace));
    let tokens = 0;
    for (const prompt of prompts) tokens += (await server.write(prompt, 24 - prompt.length)).length;
    expect(log).toContain(`after 10 prompts (sequence-level distillation), ${tokens} tokens`);
    expect(log).toContain(`asking ${new URL(server.url).host} about what follows 10 training prompts: 10 requests`);
    expect(log).toContain(`about 4 validation texts: ${asked.length - 10} requests`);
    // Of each token of a validation row's completion one, by what comes before it.
    const [teacher, student] = summary!.rows;
    const lengths = rows.slice(10).map((line) => {
      const { prompt, completion } = JSON.parse(line) as { prompt: string; completion: string };
      return { prompt, completion };
    });
    let [loss, counted] = [0, 0];
    for (const { prompt, completion } of lengths) {
      const before = [...promptIds(tokenizer, prompt)];
      const after = [...server.idsOf(completion), tokenizer.special.endOfText!].slice(0, 24 - before.length);
      const exact = await server.logProbabilities([...before, ...after]);
      after.forEach((id, i) => (loss -= exact[before.length - 1 + i]![id]!));
      counted += after.length;
    }
    // All but one of its tokens are asked for.
    expect(teacher!.metrics.loss).toBeCloseTo(loss / counted, 3);
    expect(student!.metrics.teacherKl).toBeGreaterThan(0);
    const requests = server.requests;
    await run(workspace);
    expect(server.requests).toBe(requests);
  });
});

describe('a run whose teacher is asked for classes', () => {
  /** Short enough for a model of 64 characters. */
  const short = (split: 'train' | 'validation', count: number): string[] =>
    sampleRows('spam', split, count).map((line) => {
      const { text, label } = JSON.parse(line) as { text: string; label: string };
      return JSON.stringify({ text: text.slice(0, 24), label });
    });
  const rows = { train: short('train', 16), validation: short('validation', 12) };
  const classes = (more: Changes = {}): string =>
    workspaceWith({
      task: 'text-classification',
      rows,
      withoutTest: true,
      top: 20,
      ...more,
      more: { tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 512 }, ...more.more },
    });

  it.each(['vllm', 'llama.cpp'] as const)('has how probable their words are after a text, by %s', async (kind) => {
    server.kind = kind;
    const verbalizers = { ham: ' message', spam: ' junk' };
    const { summary } = await run(classes({ settings: { prompt: 'Text: {text} is', verbalizers } }));
    // Whole words where prompts are scored, else their first token.
    const scores = async (text: string, word: string): Promise<number> => {
      const prompt = server.idsOf(`Text: ${text} is`);
      const all = server.idsOf(`Text: ${text} is${word}`);
      const exact = await server.logProbabilities(all);
      const end = kind === 'llama.cpp' ? prompt.length + 1 : all.length;
      let sum = 0;
      for (let at = prompt.length; at < end; at++) sum += exact[at - 1]![all[at]!]!;
      return sum;
    };
    let loss = 0;
    for (const line of rows.validation) {
      const { text, label } = JSON.parse(line) as { text: string; label: 'ham' | 'spam' };
      const [ham, spam] = [await scores(text, ' message'), await scores(text, ' junk')];
      loss += Math.log(Math.exp(ham) + Math.exp(spam)) - (label === 'ham' ? ham : spam);
    }
    const [teacher, student] = summary!.rows;
    expect(student!.metrics.agreement).toBeGreaterThanOrEqual(0);
    // What it can, and of 28 texts two answers each, or one.
    const asked = { vllm: 1 + 56, 'llama.cpp': 2 + 28 }[kind];
    expect(server.answered).toHaveLength(asked);
    if (kind !== 'llama.cpp') {
      expect(teacher!.metrics.loss).toBeCloseTo(loss / 12, 4);
    }
  });

  it('is checked before: labels that are not one of several, words for none or for two, and words that begin alike', async () => {
    const workspace = classes();
    const file = path.join(workspace, 'tiny.distill.json');
    const original = JSON.parse(readFileSync(file, 'utf8')) as { teacher: object; dataset: object };
    const codes = async (changes: object, dataset: object = {}): Promise<string[]> => {
      const teacher = { ...original.teacher, ...changes };
      writeFileSync(file, JSON.stringify({ ...original, teacher, dataset: { ...original.dataset, ...dataset } }));
      return (await validateExperimentFile(file)).map(({ code }) => code);
    };
    expect(await codes({})).toEqual([]);
    expect(await codes({}, { labels: 'multiple' })).toEqual(['endpoint-labels']);
    expect(await codes({ verbalizers: { eggs: ' eggs' } })).toEqual(['endpoint-verbalizer-of-none']);
    expect(await codes({ verbalizers: { ham: ' a', spam: ' a' } })).toEqual(['endpoint-verbalizer-twice']);
    expect(await codes({ prompt: 'no place for a text' })).toHaveLength(1);
    expect(await codes({ verbalizers: { ham: ' good', spam: ' great' } })).toEqual([]);
    server.kind = 'llama.cpp';
    const { stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace, environment);
    expect(stderr).toMatch(/"g" begins both " great" and " good"/);
  });
});

describe('a run with a server that cannot', () => {
  it('ends before anything is trained, with what to do, at the setting that it is about', async () => {
    const workspace = workspaceWith({ rows: { train: sampleRows('moby-dick', 'train', 8) } });
    const file = path.join(workspace, 'tiny.distill.json');
    writeFileSync(file, JSON.stringify(JSON.parse(readFileSync(file, 'utf8')), undefined, 2));
    const lines = readFileSync(file, 'utf8').split('\n');
    const placeOf = (setting: RegExp): string => {
      const line = lines.findIndex((text) => setting.test(text));
      return `tiny.distill.json:${line + 1}:${lines[line]!.search(setting) + 1}: `;
    };
    const failing = async (): Promise<string> => {
      const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace, environment);
      expect(code).toBe(2);
      return stderr;
    };
    server.failures.push({ status: 401 });
    const withoutKey = await failing();
    expect(withoutKey).toMatch(/ answers only to who has a key\. .+DISTILLERY_API_KEYS/);
    expect(withoutKey).toContain(placeOf(/(?<="url": )/));
    server.failures.push({ status: 404 });
    expect(await failing()).toContain(placeOf(/(?<="model": )/));
    server.kind = 'llama.cpp';
    const withoutPrompts = await failing();
    expect(withoutPrompts).toMatch(/of what it writes alone, and the rows have no prompts.+"promptColumn"/);
    expect(withoutPrompts).toContain(placeOf(/"dataset"/));
    expect(readdirSync(path.join(workspace, '.distillery', 'runs')).length).toBe(3);
  });

  it('is not asked for a plan, which says how much it would be', async () => {
    const { stdout } = await distilleryHere(['plan', 'tiny.distill.json'], workspaceWith(), environment);
    expect(stdout).toMatch(/teacher of unknown size, answering elsewhere/);
    expect(stdout).toMatch(/tiny at 127\.0\.0\.1:\d+ is asked about 48 texts of at most 24 tokens, a request each/);
    expect(server.requests).toBe(0);
  });

  it('or that the editor has not asked for is not asked', async () => {
    const workspace = workspaceWith();
    const env = { ...environment, DISTILLERY_ENDPOINTS: '{}' };
    const { stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace, env);
    expect(stderr).toMatch(/Nobody has agreed to send texts to 127\.0\.0\.1/);
    expect(server.requests).toBe(0);
  });

  it('is told of where the experiment asks for what no server shows', async () => {
    const workspace = workspaceWith();
    const file = path.join(workspace, 'tiny.distill.json');
    const original = JSON.parse(readFileSync(file, 'utf8')) as { teacher: object; student: object };
    const codes = async (changes: object): Promise<string[]> => {
      writeFileSync(file, JSON.stringify({ ...original, ...changes }));
      return (await validateExperimentFile(file)).map(({ code }) => code);
    };
    expect(await codes({})).toEqual([]);
    expect(await codes({ distillation: { hidden: { layers: [[0, 0]] } } })).toEqual(['endpoint-without-hidden']);
    expect(await codes({ distillation: { divergence: 'mse-logits' } })).toEqual(['endpoint-divergence']);
    expect(await codes({ student: { ...original.student, initialize: { from: 'teacher' } } })).toEqual([
      'endpoint-without-blocks',
    ]);
    expect(await codes({ student: { preset: 'half-blocks' } })).toEqual(['endpoint-without-sizes']);
    expect(await codes({ engine: 'torchrun' })).toEqual([]);
    const taken = await distillery(['export', 'tiny.distill.json', '--format', 'torchrun'], workspace);
    expect([taken.code, taken.stderr]).toEqual([
      2,
      expect.stringContaining('behind a server, which is asked from here'),
    ]);
    expect(await codes({ tokenizer: { source: 'teacher' } })).toEqual(['endpoint-without-tokenizer']);
    expect(await codes({ teacher: { ...original.teacher, url: 'http://me:pw@localhost/v1' } })).toEqual([
      'endpoint-has-user',
    ]);
    expect(await codes({ teacher: { ...original.teacher, url: 'file:///etc/passwd' } })).toHaveLength(1);
    expect(server.requests).toBe(0);
  });
});
