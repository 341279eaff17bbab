/**
 * @file `npm run bench -- on-policy`: the sample's language model trained on by steps on rows, on its own texts, or on both, equally many steps from the same
 * weights; what the teacher says of what each writes afterwards, and how each predicts the test rows. Writes bench/ON-POLICY.md.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
import { formatCount } from '../src/protocol/format';
import type { MetricsRecord, RunRecord } from '../src/protocol/records';
import type { RunResult } from '../src/runner/run/carry-out';
import { median } from './statistics';

const { values: options } = parseArgs({
  options: {
    engine: { type: 'string', default: 'openvino' },
    /** Of the training that all begin from, and of each that follows. */
    epochs: { type: 'string', default: '6' },
    more: { type: 'string', default: '2' },
    seeds: { type: 'string', default: '2' },
    /** A folder where the runs stay; those that are there already are not repeated. */
    in: { type: 'string' },
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
  /** Of each seed. */
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
  /** Medians of the training's steps, in milliseconds; NaN where it has none of these. */
  stepOnRows: number;
  stepOnOwn: number;
}

const folder = options.in ?? mkdtempSync(path.join(os.tmpdir(), 'on-policy-'));
cpSync('examples', folder, { recursive: true });
void main().finally(() => {
  if (options.in === undefined) rmSync(folder, { recursive: true, force: true });
});

interface Experiment {
  training: Record<string, unknown>;
  distillation: object;
  student?: object;
}

async function main(): Promise<void> {
  const executor = await openExecutor(engine);
  const judge = await Judge.open(executor);
  const sample = parse(readFileSync(path.join(folder, 'language-model.distill.json'), 'utf8')) as Experiment;
  const base = { ...sample, engine, controls: [] };
  const begin = run('begin', { ...base, training: { ...sample.training, epochs: Number(options.epochs) } });
  const outcomes: Outcome[] = [await outcome('before', [begin], judge)];
  for (const { name, distillation } of variants) {
    const runs = seeds.map((seed) =>
      run(name, {
        ...base,
        student: { initialize: { from: 'checkpoint', path: path.join(begin, 'student') } },
        distillation: { ...sample.distillation, ...distillation },
        training: { ...sample.training, epochs: Number(options.more), learningRate: 1e-3, seed },
      }),
    );
    outcomes.push(await outcome(name, runs, judge));
    console.error(JSON.stringify(outcomes.at(-1)));
  }
  const ofTeacher = await judge.measure(path.join(folder, 'models', 'language-model-teacher'));
  const text = document(outcomes, ofTeacher, begin);
  if (options.write) writeFileSync('bench/ON-POLICY.md', text);
  process.stdout.write(text);
}

/** The directory of a run, through the real program. */
function run(name: string, experiment: Experiment): string {
  const known = finished(name, experiment.training.seed);
  if (known !== undefined) return known;
  const file = path.join(folder, 'x.distill.json');
  writeFileSync(file, JSON.stringify({ ...experiment, name }));
  const printed = execFileSync(process.execPath, ['dist/runner.js', 'run', file, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return (JSON.parse(printed) as RunResult).directory;
}

function finished(name: string, seed: unknown): string | undefined {
  const all = path.join(folder, '.distillery', 'runs');
  if (!existsSync(all)) return undefined;
  const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));
  return readdirSync(all)
    .map((one) => path.join(all, one))
    .find((one) => {
      if (!existsSync(path.join(one, 'experiment.json'))) return false;
      const { status } = read(path.join(one, 'run.json')) as RunRecord;
      const experiment = read(path.join(one, 'experiment.json')) as Experiment & { name: string };
      return status === 'done' && experiment.name === name && experiment.training.seed === seed;
    });
}

/** Of the weights after the last step, whichever step validation would choose. */
async function outcome(name: string, runs: readonly string[], judge: Judge): Promise<Outcome> {
  const each: Measured[] = [];
  for (const directory of runs) {
    each.push({ ...(await judge.measure(path.join(directory, 'checkpoints', 'last'))), ...stepsOf(directory) });
  }
  return { name, each };
}

/** Between two records; evaluations lie between some, of which a median takes no notice. */
function stepsOf(directory: string): Pick<Measured, 'stepOnRows' | 'stepOnOwn'> {
  const lines = readFileSync(path.join(directory, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const records = lines.map((line) => JSON.parse(line) as MetricsRecord);
  const times = (isOwn: boolean): number[] =>
    records.flatMap(({ time, onPolicy }, i) => {
      const before = records[i - 1];
      return before && (onPolicy !== undefined) === isOwn ? [Date.parse(time) - Date.parse(before.time)] : [];
    });
  const medianOf = (values: number[]): number => (values.length > 0 ? median(values) : NaN);
  return { stepOnRows: medianOf(times(false)), stepOnOwn: medianOf(times(true)) };
}

type Judged = Omit<Measured, 'stepOnRows' | 'stepOnOwn'>;

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

  /** How a model predicts the test rows, and what it writes after their first halves, sampled as it predicts, with the same random numbers for each. */
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
    const [onRows, onOwn] = [noSums(), noSums()];
    let ended = 0;
    for (let start = 0; start < examples.length; start += ROWS) {
      const planned = { length: MAX_LENGTH, indices: indices.slice(start, start + ROWS) };
      const batch = collate(examples, planned, { task: 'causal-lm', batchSize: ROWS, padId: 0 });
      const { batches, record } = await writer.write([batch], 0, weights);
      ended += record.ended * record.texts;
      await this.compare(own, batch, onRows);
      await this.compare(own, batches[0]!, onOwn);
    }
    await writer.release();
    await own.release();
    Object.values(weights).forEach((weight) => weight.dispose());
    return {
      perplexity: Math.exp(onRows.own / onRows.tokens),
      testKl: onRows.forward / onRows.tokens,
      ownReverseKl: onOwn.reverse / onOwn.tokens,
      ownForwardKl: onOwn.forward / onOwn.tokens,
      judgedPerplexity: Math.exp(onOwn.judged / onOwn.tokens),
      length: onOwn.tokens / examples.length,
      ended: ended / examples.length,
    };
  }

  private async compare(
    own: Predictor,
    { rows, length, inputIds, typeIds, attentionMask, labels }: Batch,
    sums: Sums,
  ): Promise<void> {
    const lengths = Array.from({ length: rows }, (_, row) =>
      attentionMask.subarray(row * length, (row + 1) * length).reduce((sum, one) => sum + one, 0),
    );
    const asked = { rows, length, inputIds, typeIds, lengths };
    const [said, judged] = [await own.logitsOfRows(asked), await this.teacher.logitsOfRows(asked)];
    const width = said.shape.at(-1)!;
    for (let at = 1; at < rows * length; at++) {
      const label = (labels as Int32Array)[at]!;
      if (label === notCounted || at % length === 0) continue;
      const [ofStudent, ofTeacher] = [said, judged].map(({ data }) => data.subarray((at - 1) * width, at * width)) as [
        Float32Array,
        Float32Array,
      ];
      sums.forward += klDivergence(ofTeacher, ofStudent);
      sums.reverse += klDivergence(ofStudent, ofTeacher);
      sums.own -= Math.log(softmax(ofStudent)[label]!);
      sums.judged -= Math.log(softmax(ofTeacher)[label]!);
      sums.tokens++;
    }
  }
}

/** Over tokens: divergences, and negative log-likelihoods by the model itself and by the teacher. */
type Sums = Record<'tokens' | 'forward' | 'reverse' | 'own' | 'judged', number>;

const noSums = (): Sums => ({ tokens: 0, forward: 0, reverse: 0, own: 0, judged: 0 });

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
      span(each, 'perplexity', 1),
      span(each, 'testKl', 3),
      span(each, 'length', 1),
      span(each, 'ended', 2),
      milliseconds(each, 'stepOnRows'),
      milliseconds(each, 'stepOnOwn'),
    ].join(' | '),
  );
  const { judgedPerplexity, perplexity, length, ended } = ofTeacher;
  const teacher = ['the teacher itself', '0', '0', judgedPerplexity.toFixed(1), perplexity.toFixed(1), '0'];
  const last = [...teacher, length.toFixed(1), ended.toFixed(2), '', ''].join(' | ');
  return `# On-policy and off-policy distillation, step for step

The sample's language model (\`examples/language-model.distill.json\`: GPT-2 style, teacher 4 × 192, student 2 × 96, 4,096 tokens, 4,000 rows), trained for ${formatCount(steps)} steps on rows as the sample says, and from these weights for ${formatCount(more)} more steps of 16 texts, at a learning rate of 10⁻³, α = .9, T = 1.
${seeds.length} seeds each: the mean, and in brackets how far apart they are; of the weights after the last step, whichever step validation would choose. Afterwards each writes on from the first half of ${PROMPTS} test rows, up to 24 tokens, sampled as it predicts. *Own text* is of the tokens that it wrote there, *test rows* of these rows as they are; the lower, the better. A step is the median, in
milliseconds, beside other work on the machine (${engine}, ${os.availableParallelism()} processors). \`npm run bench -- on-policy\` repeats it.

| steps | own text, KL(student ‖ teacher) | own text, KL(teacher ‖ student) | own text, perplexity by the teacher | test rows, perplexity | test rows, KL(teacher ‖ student) | tokens of a text | ended | a step on rows | on own texts |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${[...lines, last].map((line) => `| ${line} |`).join('\n')}
`;
}

function milliseconds(each: readonly Measured[], key: 'stepOnRows' | 'stepOnOwn'): string {
  const values = each.map((one) => one[key]).filter((value) => !Number.isNaN(value));
  return values.length === 0 ? '' : formatCount(values.reduce((a, b) => a + b) / values.length);
}
