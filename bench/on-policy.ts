/**
 * @file `npm run bench -- on-policy`: the sample's language model trained on by steps on rows, on its own texts, or on both, equally many steps from the same
 * weights; what the teacher says of what each writes afterwards, and how each predicts the test rows. Writes bench/ON-POLICY.md.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'jsonc-parser';
import { readDataset } from '../src/dataset/dataset';
import { encodeRows, notCounted, type TokenExample } from '../src/dataset/examples';
import { collate, type Batch } from '../src/dataset/batches';
import { Predictor } from '../src/distill/evaluation/predictor';
import { parameterSpecs } from '../src/distill/specs';
import { placeParameters } from '../src/distill/teacher/teacher';
import { ownTextLengths, OwnTextsWriter } from '../src/distill/training/on-policy';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { Executor } from '../src/engine/executor';
import { loadTokenizer } from '../src/experiment/checks/model-folder';
import { loadCheckpoint } from '../src/model/files/checkpoint';
import type { Model } from '../src/model/parameters';
import { klDivergence, softmax } from '../src/protocol/distribution';
import type { MetricsRecord } from '../src/protocol/records';
import type { RunResult } from '../src/runner/run/carry-out';

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'openvino' },
    /** Of the training that all begin from, and of each that follows. */
    epochs: { type: 'string', default: '6' },
    more: { type: 'string', default: '2' },
    seeds: { type: 'string', default: '2' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const engine = options.engine as Engine;
const seeds = Array.from({ length: Number(options.seeds) }, (_, i) => i + 1);

const MAX_LENGTH = 48;
/** Rows whose beginnings are gone on from, and texts at once. */
const PROMPTS = 512;
const ROWS = 32;

interface Variant {
  name: string;
  distillation: Record<string, unknown>;
}

const ownTexts = (fraction: number): Record<string, unknown> => ({ onPolicy: { fraction, maxNewTokens: 24 } });

const variants: readonly Variant[] = ['forward-kl', 'reverse-kl'].flatMap((divergence) =>
  [0, 0.5, 1].map((fraction): Variant => {
    const what = { 0: 'rows alone', 0.5: 'half own texts', 1: 'own texts alone' }[fraction]!;
    return { name: `${divergence}, ${what}`, distillation: { divergence, ...(fraction > 0 && ownTexts(fraction)) } };
  }),
);

interface Outcome {
  name: string;
  /** Means over the seeds, and of each. */
  values: Record<keyof Measured, number>;
  each: Measured[];
}

interface Measured {
  /** On the test rows: exp of the mean negative log-likelihood, and KL(teacher ‖ student). */
  perplexity: number;
  testKl: number;
  /** Of the tokens that the student wrote itself: KL(student ‖ teacher), KL(teacher ‖ student), and exp of what the teacher makes of them. */
  ownReverseKl: number;
  ownForwardKl: number;
  judgedPerplexity: number;
  /** Tokens of a text that it wrote, and the share of those that it ended. */
  length: number;
  ended: number;
  /** Of the training. */
  secondsOfStep: number;
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'on-policy-'));
cpSync('examples', folder, { recursive: true });
void main().finally(() => rmSync(folder, { recursive: true, force: true }));

async function main(): Promise<void> {
  const executor = await openExecutor(engine);
  const judge = await Judge.open(executor);
  const sample = parse(readFileSync(path.join(folder, 'language-model.distill.json'), 'utf8')) as {
    training: object;
    distillation: object;
  };
  const base = { ...sample, engine, controls: [] };
  const begin = run('begin', { ...base, training: { ...sample.training, epochs: Number(options.epochs) } });
  const outcomes: Outcome[] = [await outcome('before', [begin], judge)];
  for (const { name, distillation } of variants) {
    const runs = seeds.map((seed) =>
      run(name, {
        ...base,
        student: { initialize: { from: 'checkpoint', path: path.join(begin.directory, 'student') } },
        distillation: { ...sample.distillation, ...distillation },
        training: { ...sample.training, epochs: Number(options.more), learningRate: 1e-3, seed },
      }),
    );
    outcomes.push(await outcome(name, runs, judge));
    console.error(JSON.stringify(outcomes.at(-1)));
  }
  const ofTeacher = await judge.measure(path.join(folder, 'models', 'language-model-teacher'));
  const text = document(outcomes, ofTeacher, begin.directory);
  if (options.write) writeFileSync('bench/ON-POLICY.md', text);
  process.stdout.write(text);
}

/** Through the real program. */
function run(name: string, experiment: object): RunResult {
  const file = path.join(folder, 'x.distill.json');
  writeFileSync(file, JSON.stringify({ ...experiment, name }));
  const printed = execFileSync(process.execPath, ['dist/runner.js', 'run', file, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(printed) as RunResult;
}

async function outcome(name: string, runs: readonly RunResult[], judge: Judge): Promise<Outcome> {
  const each: Measured[] = [];
  for (const { directory, summary } of runs) {
    const { metrics } = summary!.rows.find(({ role }) => role === 'student')!;
    const own = await judge.measure(path.join(directory, 'student'));
    const seconds = secondsOfStep(directory);
    each.push({ perplexity: metrics.perplexity!, testKl: metrics.teacherKl!, ...own, secondsOfStep: seconds });
  }
  const keys = Object.keys(each[0]!) as (keyof Measured)[];
  const mean = (key: keyof Measured): number => each.reduce((sum, one) => sum + one[key], 0) / each.length;
  return { name, each, values: Object.fromEntries(keys.map((key) => [key, mean(key)])) as Outcome['values'] };
}

/** From the first record to the last, evaluations between them included. */
function secondsOfStep(directory: string): number {
  const lines = readFileSync(path.join(directory, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const times = lines.map((line) => Date.parse((JSON.parse(line) as MetricsRecord).time));
  return (times.at(-1)! - times[0]!) / 1000 / (times.length - 1);
}

type Judged = Omit<Measured, 'perplexity' | 'testKl' | 'secondsOfStep'>;

/** The teacher, and the prompts that all go on from. */
class Judge {
  private constructor(
    private readonly executor: Executor,
    private readonly teacher: Predictor,
    private readonly examples: readonly TokenExample[],
    private readonly endOfText: number,
  ) {}

  static async open(executor: Executor): Promise<Judge> {
    const directory = path.join(folder, 'models', 'language-model-teacher');
    const { architecture, parameters } = await loadCheckpoint(directory);
    const tokenizer = await loadTokenizer(directory);
    const { rows } = await readDataset([path.join(folder, 'data', 'definitions', 'test.jsonl')], {
      text: 'text',
    });
    const { examples } = encodeRows(rows.slice(0, PROMPTS), tokenizer, { task: 'causal-lm', maxLength: MAX_LENGTH });
    const teacher = new Predictor(executor, architecture, parameters);
    return new Judge(executor, teacher, examples, tokenizer.special.endOfText!);
  }

  /** What a model writes after the first halves of the test rows, sampled as it predicts, with the same random numbers for each. */
  async measure(directory: string): Promise<Judged> {
    const model = (await loadCheckpoint(directory)) as Model;
    const { executor, examples, endOfText } = this;
    const own = new Predictor(executor, model.architecture, model.parameters);
    const onPolicy = { fraction: 1, maxNewTokens: 24, temperature: 1 };
    const writer = new OwnTextsWriter({
      executor,
      student: model.architecture,
      onPolicy,
      seed: 4242,
      endOfText,
      padId: 0,
      maxLength: MAX_LENGTH,
      lengths: ownTextLengths(examples, MAX_LENGTH, onPolicy),
    });
    const weights = placeParameters(executor, parameterSpecs(model.architecture), model.parameters);
    const indices = [...examples.keys()];
    const sums = { tokens: 0, forward: 0, reverse: 0, judged: 0, ended: 0 };
    for (let start = 0; start < examples.length; start += ROWS) {
      const planned = { length: MAX_LENGTH, indices: indices.slice(start, start + ROWS) };
      const batch = collate(examples, planned, { task: 'causal-lm', batchSize: ROWS, padId: 0 });
      const { batches, record } = await writer.write([batch], 0, weights);
      sums.ended += record.ended * record.texts;
      await this.compare(own, batches[0]!, sums);
    }
    await writer.release();
    await own.release();
    Object.values(weights).forEach((weight) => weight.dispose());
    const { tokens, forward, reverse, judged, ended } = sums;
    return {
      ownReverseKl: reverse / tokens,
      ownForwardKl: forward / tokens,
      judgedPerplexity: Math.exp(judged / tokens),
      length: tokens / examples.length,
      ended: ended / examples.length,
    };
  }

  private async compare(
    own: Predictor,
    { rows, length, inputIds, typeIds, attentionMask, labels }: Batch,
    sums: Record<'tokens' | 'forward' | 'reverse' | 'judged', number>,
  ): Promise<void> {
    const lengths = Array.from({ length: rows }, (_, row) =>
      attentionMask.subarray(row * length, (row + 1) * length).reduce((sum, one) => sum + one, 0),
    );
    const asked = { rows, length, inputIds, typeIds, lengths };
    const [said, judged] = [await own.logitsOfRows(asked), await this.teacher.logitsOfRows(asked)];
    const width = said.shape.at(-1)!;
    for (let at = 1; at < rows * length; at++) {
      const label = (labels as Int32Array)[at]!;
      if (label === notCounted) continue;
      const [ofStudent, ofTeacher] = [said, judged].map(({ data }) => data.subarray((at - 1) * width, at * width)) as [
        Float32Array,
        Float32Array,
      ];
      sums.forward += klDivergence(ofTeacher, ofStudent);
      sums.reverse += klDivergence(ofStudent, ofTeacher);
      sums.judged -= Math.log(softmax(ofTeacher)[label]!);
      sums.tokens++;
    }
  }
}

function document(outcomes: readonly Outcome[], ofTeacher: Judged, begin: string): string {
  const steps = readFileSync(path.join(begin, 'metrics.jsonl'), 'utf8').trim().split('\n').length;
  const more = (steps / Number(options.epochs)) * Number(options.more);
  const span = (each: readonly Measured[], key: keyof Measured, digits: number): string => {
    const values = each.map((one) => one[key]);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const range = Math.max(...values) - Math.min(...values);
    return each.length > 1 ? `${mean.toFixed(digits)} (${range.toFixed(digits)})` : mean.toFixed(digits);
  };
  const lines = outcomes.map(({ name, each }) =>
    [
      name,
      span(each, 'ownReverseKl', 3),
      span(each, 'ownForwardKl', 3),
      span(each, 'judgedPerplexity', 1),
      span(each, 'perplexity', 2),
      span(each, 'testKl', 3),
      span(each, 'length', 1),
      span(each, 'ended', 2),
      `${((1000 * each.reduce((sum, one) => sum + one.secondsOfStep, 0)) / each.length).toFixed(0)} ms`,
    ].join(' | '),
  );
  const teacher = [
    'the teacher itself',
    '0',
    '0',
    ofTeacher.judgedPerplexity.toFixed(1),
    '',
    '0',
    ofTeacher.length.toFixed(1),
    ofTeacher.ended.toFixed(2),
    '',
  ].join(' | ');
  return `# On-policy and off-policy distillation, step for step

The sample's language model (\`examples/language-model.distill.json\`: GPT-2 style, teacher 4 × 192, student 2 × 96, 4,096 tokens, 4,000 rows), trained for ${steps} steps on rows as the sample says, and from these weights for ${more} more steps of 16 texts, at a learning rate of 10⁻³, α = .9, T = 1.
${seeds.length} seeds each: the mean, and in brackets how far apart they are. Afterwards each writes on from the first half of ${PROMPTS} test rows, up to 24 tokens, sampled as it predicts. *Own text* is of the tokens that it wrote there, *test rows* of the rows as they are. Lower is better, but for the last three columns, which say how it writes and what a step took beside other work on the machine (${engine}, ${os.availableParallelism()} processors). \`npm run bench -- on-policy\` repeats it.

| steps | own text, KL(student ‖ teacher) | own text, KL(teacher ‖ student) | own text, perplexity by the teacher | test rows, perplexity | test rows, KL(teacher ‖ student) | tokens of a text | ended | a step |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${[...lines, teacher].map((line) => `| ${line} |`).join('\n')}
`;
}
