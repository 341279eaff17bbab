/** @file What is said about an experiment beyond its schema. */

import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path, { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { formatProblem, type Problem } from '../../src/protocol/problem';
import { tasks } from '../../src/protocol/records';
import { goldenGguf } from '../model/gguf-files';
import { addFiles, bertSizes, goodExperiment, mails, makeFolder, teacherSizes, writeModel } from './workspace';

type Json = Record<string, unknown>;

/** Problems of `goodExperiment` with `changes`, as a person sees them, without the folder's own path. */
async function problemsOf(changes: Json, files: Record<string, string | object> = {}): Promise<string[]> {
  const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10), ...files });
  return problemsIn(folder, changes);
}

async function problemsIn(folder: string, changes: Json): Promise<string[]> {
  addFiles(folder, { 'x.distill.json': { ...goodExperiment, ...changes } });
  const problems = await validateExperimentFile(join(folder, 'x.distill.json'));
  return problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
}

const checkpointTeacher = { teacher: { source: 'checkpoint', path: 'teacher' }, tokenizer: { source: 'teacher' } };

describe('validating an experiment', () => {
  it('finds nothing wrong with one that is in order', async () => {
    expect(await problemsOf({})).toEqual([]);
  });

  it('names a seed that is there twice, and takes a number or a list of them', async () => {
    expect(await problemsOf({ seeds: 3 })).toEqual([]);
    expect(await problemsOf({ seeds: [4, 2] })).toEqual([]);
    expect(await problemsOf({ seeds: [4, 2, 4] })).toEqual([
      expect.stringMatching(/^x\.distill\.json:\d+:\d+: Seed 4 is named twice: .* Name each seed once\.$/),
    ]);
    expect(await problemsOf({ seeds: 0 })).toEqual([expect.stringMatching(/"seeds"/)]);
  });

  it('says where few tokens of a position cannot stand for all', async () => {
    const codes = async (logits: object, changes: Json): Promise<string[]> => {
      const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10) });
      const teacher = { ...(goodExperiment.teacher as Json), ...(changes.teacher as Json), cache: { logits } };
      addFiles(folder, { 'x.distill.json': { ...goodExperiment, task: 'causal-lm', ...changes, teacher } });
      const problems = await validateExperimentFile(join(folder, 'x.distill.json'));
      return problems.map(({ code }) => code).filter((code) => /^(kept|sampled)-logits/.test(code));
    };
    const drawn = { sample: 12 };
    expect(await codes(drawn, { distillation: { temperature: 1 } })).toEqual([]);
    expect(await codes(drawn, { distillation: {} })).toEqual(['sampled-logits-of-objective']);
    expect(await codes(drawn, { distillation: { temperature: 1, divergence: 'jsd' } })).toEqual([
      'sampled-logits-of-objective',
    ]);
    expect(await codes({ top: 12 }, { distillation: { divergence: 'jsd' } })).toEqual([]);
    expect(await codes({ top: 12 }, { distillation: { divergence: 'mse-logits' } })).toEqual([
      'kept-logits-of-divergence',
    ]);
    expect(await codes({ top: 12 }, { task: 'text-classification' })).toEqual(['kept-logits-without-meaning']);
    expect(await codes({ top: 12 }, { engine: 'torchrun' })).toEqual(['kept-logits-without-meaning']);
  });

  it('reports an experiment file that does not exist', async () => {
    const [problem] = await validateExperimentFile(join(makeFolder(), 'none.distill.json'));
    expect(problem).toMatchObject({ message: 'This file does not exist.', severity: 'error' });
  });

  it.each([
    [
      { engine: 'openvino' },
      'int8',
      'The engine "openvino" does not ask the teacher in int8. Remove it, or choose the engine "cpu".',
    ],
    [
      { engine: 'cpu' },
      'float16',
      'The engine "cpu" does not ask the teacher in float16. Remove it, or choose the engine "webgpu".',
    ],
    [
      { precision: 'bfloat16' },
      'int8',
      'Runs in bfloat16 do not ask the teacher in int8. Remove it, or choose the engine "cpu" and the precision "float32".',
    ],
  ])('says which engine asks a teacher in fewer bits: %j, %s', async (changes, precision, said) => {
    const teacher = { ...goodExperiment.teacher, precision };
    expect(await problemsOf({ ...changes, teacher })).toEqual([expect.stringContaining(said)]);
    expect(await problemsOf({ teacher })).toEqual([]);
  });

  it.each(['cpu', 'torchrun'])('says which engine keeps moments in fewer bits, and not %s', async (engine) => {
    const training = { moments: 'bfloat16' };
    const said = `The engine "${engine}" does not keep moments in bfloat16. Remove it, or choose the engine "openvino".`;
    const trained = { ...goodExperiment.teacher, training };
    for (const changes of [{ training }, { teacher: trained }]) {
      expect(await problemsOf({ engine, ...changes })).toContainEqual(expect.stringContaining(said));
      expect(await problemsOf({ engine: 'openvino', ...changes })).toEqual([]);
      expect(await problemsOf(changes)).toEqual([]);
    }
  });

  it.each(tasks)('of %s says what is missing, whatever else is there', async (task) => {
    const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10) });
    const whole: Json = { ...goodExperiment, task, controls: [] };
    const dataset = { ...goodExperiment.dataset, pairColumn: 'label' };
    const lacking = ['task', 'dataset', 'teacher', 'student'].map((key) => ({ ...whole, [key]: undefined }));
    for (const file of [{ task }, { task, dataset }, ...lacking]) {
      addFiles(folder, { 'x.distill.json': file });
      const problems = await validateExperimentFile(join(folder, 'x.distill.json'));
      expect(problems.map(({ code }) => code)).toContain('key-missing');
    }
  });

  it('names each missing file at its place', async () => {
    expect(
      await problemsOf({ dataset: { train: ['train.jsonl', 'more-*.jsonl'], validation: 'validatoin.jsonl' } }),
    ).toEqual([
      'x.distill.json:6:7: There is no file "more-*.jsonl". Correct the path; it is relative to the experiment file.',
      'x.distill.json:8:19: There is no file "validatoin.jsonl". Did you mean "validation.jsonl"?',
    ]);
  });

  it('suggests the closest column for a missing one', async () => {
    const dataset = { train: 'train.jsonl', validation: 0.2, textColumn: 'test', labelColumn: 'class' };
    expect(await problemsOf({ dataset })).toEqual([
      'x.distill.json:6:19: "test" is not a column of train.jsonl. Did you mean "text"?',
      'x.distill.json:7:20: "class" is not a column of train.jsonl. Set "labelColumn" to one of "text", "label".',
    ]);
  });

  it('says that labels are missing where classification has no label column', async () => {
    const files = { 'train.csv': 'text,kind\na,ham\nb,spam\n' };
    expect(await problemsOf({ dataset: { train: 'train.csv', validation: 0.5 } }, files)).toEqual([
      'x.distill.json:3:3: "label" is not a column of train.csv. Set "labelColumn" to one of "text", "kind".',
    ]);
  });

  it('counts the rows without a label, of each split', async () => {
    const some = `${mails(30)}{"text":"no label"}\n{"text":"null","label":null}\n{"text":"blank","label":""}\n`;
    const dataset = { train: 'train.jsonl', validation: 'validation.jsonl', test: 'test.csv' };
    const files = { 'train.jsonl': some, 'test.csv': 'text,label\na,ham\nb,\nc,spam\n' };
    expect(await problemsOf({ dataset }, files)).toEqual([
      "x.distill.json:4:14: warning: 3 of 33 rows have no label: the student learns the teacher's soft labels on them, and the student loss and the control leave them out. Label them, or let the teacher judge them as it is.",
      'x.distill.json:6:13: warning: 1 of 3 rows have no label, so nothing can be measured on them: they are left out. Label or remove them.',
    ]);
  });

  it('refuses training rows of which none has a label', async () => {
    const dataset = { train: 'train.csv', validation: 'validation.jsonl' };
    expect(await problemsOf({ dataset }, { 'train.csv': 'text,label\na,\nb,\n' })).toEqual([
      expect.stringMatching(/^x\.distill\.json:4:14: No training row has a label/),
    ]);
  });

  it('takes texts without labels, of any file that has texts, and says what is wrong with them', async () => {
    const files = {
      'more.txt': 'one\ntwo\n',
      'more.jsonl': '{"text":"three"}\n',
      'none.jsonl': '',
      'b.csv': 'body\nx\n',
    };
    const withMore = (unlabelled: unknown): Promise<string[]> =>
      problemsOf({ dataset: { ...goodExperiment.dataset, unlabelled } }, files);
    expect(await withMore(['more.*', 'train.jsonl'])).toEqual([]);
    expect(await withMore('mroe.jsonl')).toEqual([
      'x.distill.json:7:19: There is no file "mroe.jsonl". Did you mean "more.jsonl"?',
    ]);
    expect(await withMore('none.jsonl')).toEqual([
      'none.jsonl:1:1: The dataset has no rows that can be used. Add rows to the file or name another one.',
    ]);
    expect(await withMore('b.csv')).toEqual([
      'x.distill.json:3:3: "text" is not a column of b.csv. Set "textColumn" to one of "body".',
    ]);
    expect(await withMore('validation.jsonl')).toEqual([
      expect.stringContaining('A file of "validation" is trained on too'),
    ]);
  });

  it('refuses texts without labels where texts are their own labels', async () => {
    const dataset = { train: 'train.jsonl', validation: 'validation.jsonl', unlabelled: 'train.jsonl' };
    expect(await problemsOf({ task: 'masked-lm', dataset })).toEqual([
      expect.stringMatching(/^x\.distill\.json:6:19: "unlabelled" has no meaning for masked-lm/),
    ]);
  });

  it('refuses an empty dataset', async () => {
    expect(await problemsOf({}, { 'train.jsonl': '\n' })).toEqual([
      'train.jsonl:1:1: The dataset has no rows that can be used. Add rows to the file or name another one.',
    ]);
  });

  it('warns of a malformed row with its line', async () => {
    expect(await problemsOf({}, { 'train.jsonl': `${mails(20)}{"text": "cut o\n${mails(20)}` })).toEqual([
      expect.stringMatching(/^train\.jsonl:21:\d+: warning: /),
    ]);
  });

  it('reads as much of each file as it is told to, of 10 GB too, and says so', async () => {
    const files = { 'train.jsonl': mails(40_000), 'validation.jsonl': `${mails(10)}no row\n` };
    const folder = makeFolder({ ...files, 'x.distill.json': goodExperiment });
    // Behind the rows is nothing but a hole, which takes no space; to read it would take minutes.
    truncateSync(join(folder, 'train.jsonl'), 10e9);
    const problems = await validateExperimentFile(join(folder, 'x.distill.json'), { mostBytes: 2 ** 20 });
    const told = problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
    expect(told).toEqual([
      expect.stringMatching(/^x\.distill\.json:4:14: warning: Of train\.jsonl only the first 1 MB were checked\./),
      expect.stringMatching(/^validation\.jsonl:11:1: warning: /),
    ]);
  });

  it('names the row of each label that is not in the training rows, once a label', async () => {
    const files = { 'validation.jsonl': mails(9, ['ham', 'spam', 'spamm', 'newsletter']) };
    expect(await problemsOf({}, files)).toEqual([
      'validation.jsonl:3:1: No training row has the label "spamm". Did you mean "spam"? Otherwise train on rows with this label.',
      'validation.jsonl:4:1: No training row has the label "newsletter". Correct it, or train on rows with this label.',
    ]);
  });

  it('refuses a dataset of one class', async () => {
    expect(await problemsOf({}, { 'train.jsonl': mails(8, ['ham']), 'validation.jsonl': mails(2, ['ham']) })).toEqual([
      expect.stringContaining('All training rows have the label "ham"'),
    ]);
  });

  it('warns where validation is absent, and where a test file is trained on', async () => {
    expect(await problemsOf({ dataset: { train: 'train.jsonl', test: 'train.jsonl' } })).toEqual([
      expect.stringMatching(/^x\.distill\.json:3:3: warning: No validation rows are named/),
      expect.stringMatching(/^x\.distill\.json:5:13: warning: A file of "test" is trained on too/),
    ]);
  });

  it('refuses a fraction that holds out no row', async () => {
    expect(await problemsOf({ dataset: { train: 'train.jsonl', validation: 0.001 } })).toEqual([
      expect.stringContaining('Of 40 training rows, the fraction 0.001 holds out none.'),
    ]);
  });

  it('offers numbers of heads that divide the width', async () => {
    expect(await problemsOf({ student: { architecture: { ...bertSizes, heads: 5 } } })).toEqual([
      'x.distill.json:27:16: 5 heads do not divide the width 32 evenly. Use 4 or 8 heads, or another "hiddenSize".',
    ]);
  });

  it('says what is wrong with heads of keys and values', async () => {
    const of = (more: object): Promise<string[]> =>
      problemsOf({ student: { architecture: { ...bertSizes, family: 'llama', ...more } } });
    expect(await of({ heads: 4, keyValueHeads: 2 })).toEqual([]);
    expect(await of({ heads: 8, keyValueHeads: 3 })).toEqual([
      'x.distill.json:28:24: 3 heads of keys and values do not divide the 8 attention heads evenly. Use 2 or 4.',
    ]);
    expect(await of({ family: 'bert', heads: 4, keyValueHeads: 2 })).toEqual([
      expect.stringMatching(
        /^x\.distill\.json:28:24: A bert model has as many heads of keys and values as attention heads/,
      ),
    ]);
    expect(await of({ hiddenSize: 20, heads: 4 })).toEqual([
      expect.stringMatching(/^x\.distill\.json:27:16: A head has the width 5, which is odd/),
    ]);
  });

  it('refuses families that cannot do the task', async () => {
    const files = { 'train.txt': 'one\ntwo\nthree\nfour\n' };
    const dataset = { train: 'train.txt', validation: 0.5, maxLength: 32 };
    expect(
      await problemsOf(
        { task: 'causal-lm', dataset, tokenizer: { source: 'train', kind: 'bpe', vocabularySize: 300 } },
        files,
      ),
    ).toEqual([
      // Whatever other decoders there are.
      expect.stringMatching(/^x\.distill\.json:16:17: A bert model cannot do causal-lm\. Use "gpt2"/),
      expect.stringMatching(/^x\.distill\.json:24:17: A bert model cannot do causal-lm\. Use "gpt2"/),
    ]);
    const gpt2 = { ...bertSizes, family: 'gpt2' };
    expect(await problemsOf({ task: 'masked-lm', dataset, student: { architecture: gpt2 } }, files)).toEqual([
      // Whatever other encoders there are.
      expect.stringMatching(/^x\.distill\.json:24:17: A gpt2 model cannot do masked-lm\. Use "bert"/),
    ]);
  });

  it('packs rows for models that classify by the first token, in an engine and for a teacher that can', async () => {
    const packed = { training: { pack: true } };
    const student = { architecture: { ...bertSizes, family: 'gpt2' } };
    const at = expect.stringMatching(/^x\.distill\.json:\d+:13: /) as unknown;
    const told = async (changes: Json): Promise<string[]> => {
      const problems = await problemsOf({ ...packed, ...changes });
      for (const problem of problems) expect(problem).toEqual(at);
      return problems.map((problem) => problem.replace(/^.*?: /, ''));
    };
    expect(await told({})).toEqual([]);
    expect(await problemsOf({ student })).toEqual([]);
    expect(await told({ student })).toEqual([
      'Rows cannot be packed: The student classifies a text by its last token, not by its first. Leave "pack" out, or use an encoder.',
    ]);
    expect(await told({ engine: 'torchrun' })).toEqual([
      'The engine "torchrun" packs no rows. Leave "pack" out, or use another engine.',
    ]);
    expect(await told({ teacher: { source: 'endpoint', url: 'http://127.0.0.1:9/v1', model: 'm' } })).toEqual([
      'Rows cannot be packed for a teacher with "source": "endpoint", which is asked about each by itself. Leave "pack" out.',
    ]);
    const teacher = { ...goodExperiment.teacher, architecture: { ...teacherSizes, family: 'gpt2' }, ...packed };
    expect(await problemsOf({ teacher })).toEqual([
      expect.stringContaining('Rows cannot be packed: The teacher classifies a text by its last token'),
    ]);
    const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10) });
    await writeModel(join(folder, 'teacher'), { family: 'modernbert', poolsMean: true });
    expect(await problemsIn(folder, { ...checkpointTeacher, ...packed })).toEqual([
      expect.stringMatching(/13: Rows cannot be packed: The teacher classifies a text by the mean of its tokens/),
    ]);
  });

  it('refuses a tokenizer without the token that the task needs', async () => {
    const files = { 'train.txt': 'one\ntwo\nthree\nfour\n' };
    const dataset = { train: 'train.txt', validation: 0.5, maxLength: 32 };
    expect(
      await problemsOf(
        { task: 'masked-lm', dataset, tokenizer: { source: 'train', kind: 'bpe', vocabularySize: 300 } },
        files,
      ),
    ).toEqual([expect.stringContaining('A bpe tokenizer has no mask token, which masked-lm needs. Use "wordpiece".')]);
  });

  it('wants a tokenizer for a teacher that is trained here, and keeps that of one that is not', async () => {
    expect(await problemsOf({ tokenizer: { source: 'teacher' } })).toEqual([
      expect.stringContaining('The teacher is trained here, so it has no tokenizer yet.'),
    ]);
    expect(await problemsOf({ teacher: { source: 'checkpoint', path: 'teacher' } })).toEqual([
      expect.stringContaining('The teacher knows only the tokens that it was trained with.'),
      expect.stringContaining('teacher: There is no such folder.'),
    ]);
  });

  it('counts blocks from 0 in pairs of hidden layers', async () => {
    expect(
      await problemsOf({
        distillation: {
          hidden: {
            layers: [
              [4, 0],
              [3, 2],
            ],
          },
        },
      }),
    ).toEqual([
      expect.stringContaining('The teacher has no block 4: pairs count blocks from 0. Use 0 to 3.'),
      expect.stringContaining('The student has no block 2: pairs count blocks from 0. Use 0 to 1.'),
    ]);
  });

  it('wants as many heads where attention is imitated, and says where and how', async () => {
    const distillation = { attention: { layers: 'uniform' } };
    expect(await problemsOf({ distillation })).toEqual([]);
    const [problem, ...others] = await problemsOf({
      distillation,
      student: { architecture: { ...bertSizes, heads: 2 } },
    });
    expect(others).toEqual([]);
    expect(problem).toMatch(/^x\.distill\.json:\d+:\d+: The student has 2 attention heads and the teacher 4: /);
    expect(problem).toContain(
      'Give the student 4 heads, or imitate "relations", for which any number will do, or hidden',
    );
  });

  it('takes any widths and heads where relations are imitated, whose heads divide them, and says where they do not', async () => {
    const narrower = { architecture: { ...bertSizes, hiddenSize: 24, heads: 3 } };
    const of = (relations: object): Promise<string[]> =>
      problemsOf({ distillation: { relations: { layers: 'last', ...relations } }, student: narrower });
    // 64 and 24 wide.
    expect(await of({ heads: 8 })).toEqual([]);
    expect(await of({ heads: 16 })).toEqual([
      expect.stringMatching(
        /^x\.distill\.json:\d+:\d+: 16 relation heads do not divide the "queries" of the student evenly, which are 24 wide\. Use 8\.$/,
      ),
    ]);
    expect(await of({ heads: 6, of: ['values'] })).toEqual([
      expect.stringContaining(
        '6 relation heads do not divide the "values" of the teacher evenly, which are 64 wide. Use 4 or 8.',
      ),
    ]);
    expect(await of({})).toEqual([
      expect.stringMatching(
        /^x\.distill\.json:\d+:\d+: There are as many relation heads as the student has heads, 3, .* "queries" of the teacher .* 64 wide\. Say how many: "heads": 2 or 4\.$/,
      ),
    ]);
  });

  it('counts the narrower keys and values of shared heads among what relation heads divide', async () => {
    const of = (relations: object): Promise<string[]> =>
      problemsOf({
        task: 'causal-lm',
        teacher: { source: 'train', architecture: { family: 'llama', hiddenSize: 32, layers: 2, heads: 4 } },
        tokenizer: { source: 'train', kind: 'bpe', vocabularySize: 300 },
        student: { architecture: { family: 'llama', hiddenSize: 16, layers: 1, heads: 4, keyValueHeads: 1 } },
        distillation: { relations: { layers: 'last', ...relations } },
        controls: [],
      });
    expect(await of({})).toEqual([]);
    expect(await of({ heads: 8 })).toEqual([
      expect.stringContaining(
        '8 relation heads do not divide the "keys" of the student evenly, which are 4 wide. Use 4.',
      ),
    ]);
    expect(await of({ heads: 8, of: ['queries'] })).toEqual([]);
  });

  it.each([
    ['no kind of vectors', { of: [] }, '"of" is empty'],
    ['a kind that there is not', { of: ['query'] }, '"query"'],
    ['no head', { heads: 0 }, '"heads" must be'],
    ['a rule that there is not', { layers: 'all' }, '"layers" cannot be "all". Use "uniform" or "last".'],
    ['no weight', { weight: 0 }, '"weight" must be'],
    ['no blocks', { layers: undefined }, '"layers" is missing'],
    ['a block that the teacher has not', { layers: [[4, 0]] }, 'The teacher has no block 4'],
    ['a block that the student has not', { layers: [[0, 2]] }, 'The student has no block 2'],
    ['another key', { loss: 'mse' }, '"loss" is not known'],
  ])('refuses relations of %s', async (_, relations, message) => {
    const told = await problemsOf({ distillation: { relations: { layers: 'last', ...relations } } });
    expect(told).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    ['ensemble', 'A mean of probabilities has no attention to imitate. Remove "attention", or use a single teacher.'],
    ['ensemble', 'Remove "relations", or use a single teacher.'],
    ['onnx', 'An ONNX file shows its logits alone: there is no attention to imitate.'],
    ['onnx', 'Remove "relations", or name the checkpoint that the file was exported from.'],
    ['endpoint', 'A server shows its log-probabilities alone: there is no attention to imitate.'],
    ['endpoint', 'Remove "relations", or use a checkpoint of the model.'],
  ])('refuses attention and relations of a teacher that shows none: %s', async (source, message) => {
    const teachers = {
      ensemble: {
        source,
        teachers: [
          { source: 'checkpoint', path: 'a' },
          { source: 'checkpoint', path: 'b' },
        ],
      },
      onnx: { source, path: 'model.onnx' },
      endpoint: { source, url: 'http://localhost', model: 'm', topLogprobs: 5 },
    };
    const told = await problemsOf({
      teacher: teachers[source as keyof typeof teachers],
      distillation: { attention: { layers: 'last' }, relations: { layers: 'last' } },
    });
    expect(told).toEqual(expect.arrayContaining([expect.stringContaining(message)]));
  });

  it('warns of a student that is larger than its teacher, with both sizes', async () => {
    const student = { architecture: { ...teacherSizes, layers: 6 } };
    expect(await problemsOf({ student })).toEqual([
      expect.stringMatching(
        /^x\.distill\.json:23:5: warning: The student has \d{3},\d{3} parameters, more than the teacher's \d{3},\d{3}\. /,
      ),
    ]);
  });

  it('warns where nothing is distilled', async () => {
    expect(await problemsOf({ distillation: { alpha: 0 } })).toEqual([expect.stringContaining('Nothing is distilled')]);
    expect(await problemsOf({ distillation: { alpha: { from: 0, to: 0 } } })).toHaveLength(1);
    expect(await problemsOf({ distillation: { alpha: 0, hidden: { layers: [[3, 1]] } } })).toEqual([]);
    expect(await problemsOf({ distillation: { alpha: 0, attention: { layers: [[3, 1]] } } })).toEqual([]);
    expect(await problemsOf({ distillation: { alpha: 0, relations: { layers: [[3, 1]] } } })).toEqual([]);
    expect(await problemsOf({ distillation: { alpha: 1 } })).toEqual([]);
  });

  it("refuses a warm-up that outlasts the training, the teacher's too", async () => {
    // 40 rows in batches of 16: 3 updates an epoch.
    const training = { epochs: 2, batchSize: 16, warmup: 6 };
    expect(await problemsOf({ training })).toEqual([
      expect.stringContaining('The warm-up of 6 updates is not over when training ends after 6.'),
    ]);
    expect(await problemsOf({ training: { ...training, warmup: 5 } })).toEqual([]);
    expect(await problemsOf({ teacher: { source: 'train', architecture: teacherSizes, training } })).toHaveLength(1);
  });

  it('keeps columns to the tasks that have them', async () => {
    expect(await problemsOf({ dataset: { ...goodExperiment.dataset, promptColumn: 'text' } })).toEqual([
      expect.stringContaining('"promptColumn" has no meaning for text-classification.'),
      expect.stringContaining('A prompt needs a completion to be learnt.'),
    ]);
  });
});

describe('validating rows that a chat template writes', () => {
  const rows = Array.from({ length: 20 }, (_, i) => JSON.stringify({ q: `Who is ${i}?`, a: 'Nobody.' })).join('\n');
  const dataset = { train: 'chat.jsonl', validation: 0.2, promptColumn: 'q', completionColumn: 'a', maxLength: 24 };
  const model = path.resolve('examples/models/language-model-teacher');
  const changes = {
    task: 'causal-lm',
    dataset: { ...dataset, chatTemplate: true },
    teacher: { source: 'checkpoint', path: 'teacher' },
    tokenizer: { source: 'teacher' },
    student: { architecture: { family: 'gpt2', hiddenSize: 16, layers: 1, heads: 2 } },
  };
  function withTemplate(template?: string): string {
    const folder = makeFolder({ 'chat.jsonl': rows });
    cpSync(model, join(folder, 'teacher'), { recursive: true });
    if (template !== undefined) writeFileSync(join(folder, 'teacher/chat_template.jinja'), template);
    return folder;
  }
  const line = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}';
  const chat = `${line}{% if add_generation_prompt %}<assistant>{% endif %}`;

  it('finds nothing wrong where the tokenizer has one', async () => {
    expect(await problemsIn(withTemplate(chat), changes)).toEqual([]);
  });

  it.each([
    [
      undefined,
      /^x\.distill\.json:\d+:\d+: The tokenizer has no chat template: none in chat_template\.jinja beside it/,
    ],
    ['{% for', /The chat template of this tokenizer cannot be used: /],
    ['{% for i in range(10**9) %}x{% endfor %}', /does not come to an end/],
    [`{{ add_generation_prompt }}${line}`, /does not begin with what it writes of the prompt alone/],
  ])('says at the setting what is wrong with the template %s', async (template, message) => {
    expect(await problemsIn(withTemplate(template), changes)).toEqual([expect.stringMatching(message)]);
  });

  it('says where the setting has no meaning', async () => {
    const wrong = { ...goodExperiment.dataset, chatTemplate: true };
    expect(await problemsOf({ dataset: wrong })).toEqual([
      expect.stringContaining('a text-classification model answers nothing. Remove it.'),
    ]);
    const { promptColumn: _, ...columns } = changes.dataset;
    expect(await problemsIn(withTemplate(chat), { ...changes, dataset: columns })).toEqual([
      expect.stringContaining('Name them as "promptColumn" and "completionColumn", or remove it.'),
    ]);
    // That there is no template, too, is nothing to mend.
    expect(await problemsIn(withTemplate(), { ...changes, dataset: columns })).toHaveLength(1);
    const tokenizer = { source: 'train', kind: 'bpe', vocabularySize: 300 };
    expect(await problemsIn(withTemplate(chat), { ...changes, tokenizer })).toContainEqual(
      expect.stringContaining('A tokenizer that is trained on the texts has no chat template.'),
    );
  });
});

describe('validating an experiment whose teacher is a folder', () => {
  async function withTeacher(options = {}): Promise<string> {
    const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10) });
    await writeModel(join(folder, 'teacher'), options);
    return folder;
  }

  it('finds nothing wrong with one that is in order', async () => {
    expect(await problemsIn(await withTeacher(), checkpointTeacher)).toEqual([]);
  });

  it('reads a GGUF file in its place, and says at the setting what is wrong with one', async () => {
    const teacher = (path: string) => ({
      task: 'causal-lm',
      dataset: { train: 'train.jsonl', validation: 'validation.jsonl', maxLength: 8 },
      teacher: { source: 'checkpoint', path },
      tokenizer: { source: 'teacher' },
      student: { architecture: { family: 'llama', hiddenSize: 32, layers: 1, heads: 4 } },
    });
    const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10) });
    const whole = await goldenGguf('llama', {
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': ['a', 'b', '<|endoftext|>', 'ab'],
      'tokenizer.ggml.merges': ['a b'],
    });
    writeFileSync(join(folder, 'teacher.gguf'), whole);
    expect(await problemsIn(folder, teacher('teacher.gguf'))).toEqual([]);
    writeFileSync(join(folder, 'cut.gguf'), whole.subarray(0, whole.length - 100));
    expect(await problemsIn(folder, teacher('cut.gguf'))).toEqual([
      expect.stringMatching(
        /^x\.distill\.json:\d+:\d+: cut\.gguf: This GGUF file is cut off: the tensor .* Copy or download/,
      ),
    ]);
    writeFileSync(join(folder, 'other.gguf'), await goldenGguf('llama', { 'general.architecture': 'mamba' }));
    expect(await problemsIn(folder, teacher('other.gguf'))).toEqual([
      expect.stringMatching(
        /^x\.distill\.json:\d+:\d+: other\.gguf: The architecture "mamba" is unknown\. Use a model whose/,
      ),
    ]);
    writeFileSync(join(folder, 'bare.gguf'), await goldenGguf('llama'));
    expect(await problemsIn(folder, teacher('bare.gguf'))).toEqual([
      expect.stringContaining('The teacher has no tokenizer'),
    ]);
  });

  it('names a folder that is not there or holds no model', async () => {
    expect(await problemsOf(checkpointTeacher)).toEqual([
      'x.distill.json:13:13: teacher: There is no such folder. Name a folder in Hugging Face layout, or a GGUF file.',
    ]);
    expect(await problemsOf(checkpointTeacher, { 'teacher/config.json': '{"model_type": "bert", "archi' })).toEqual([
      expect.stringContaining('teacher/config.json: This file cannot be read as JSON'),
    ]);
    const folder = await withTeacher();
    rmSync(join(folder, 'teacher', 'model.safetensors'));
    expect(await problemsIn(folder, checkpointTeacher)).toEqual([
      expect.stringContaining('This folder has no model.safetensors.'),
    ]);
  });

  it('names a folder for the tokenizer that is not there or holds none', async () => {
    const from = (path: string) => ({ tokenizer: { source: 'path', path } });
    expect(await problemsOf(from('./nowhere'))).toEqual([expect.stringContaining('There is no such folder.')]);
    expect(await problemsOf(from('./empty'), { 'empty/notes.txt': 'x' })).toEqual([
      expect.stringContaining('This folder has no tokenizer.json.'),
    ]);
  });

  it('says that the teacher has no tokenizer', async () => {
    const folder = await withTeacher();
    rmSync(join(folder, 'teacher', 'tokenizer.json'));
    expect(await problemsIn(folder, checkpointTeacher)).toEqual([
      expect.stringContaining('The teacher has no tokenizer.'),
    ]);
  });

  it('refuses a teacher of another task, and one with other classes', async () => {
    const masked = await withTeacher({ head: 'masked-lm' });
    expect(await problemsIn(masked, checkpointTeacher)).toEqual([
      expect.stringContaining('The teacher is a masked-lm model, which does not fit the task text-classification.'),
    ]);
    const others = await withTeacher({ labels: ['ham', 'eggs'] });
    expect(await problemsIn(others, checkpointTeacher)).toEqual([
      expect.stringContaining('The teacher has no class "spam". Its classes are "ham", "eggs"'),
    ]);
  });

  it('lets rows to be measured on have any label of the teacher, whichever the few training rows have', async () => {
    const folder = await withTeacher({ labels: ['ham', 'spam', 'eggs'] });
    addFiles(folder, {
      'validation.jsonl': mails(10, ['ham', 'spam', 'eggs']),
      'test.jsonl': mails(10, ['eggs', 'bacon']),
    });
    const dataset = { ...goodExperiment.dataset, test: 'test.jsonl' };
    expect(await problemsIn(folder, { ...checkpointTeacher, dataset })).toEqual([
      'test.jsonl:2:1: The teacher has no class "bacon". Its classes are "ham", "spam", "eggs": rename the labels, or use another teacher.',
    ]);
    expect(await problemsIn(folder, {})).toEqual([expect.stringContaining('No training row has the label "eggs".')]);
  });

  it('refuses a tokenizer with more tokens than the teacher knows', async () => {
    const folder = await withTeacher({ vocabularySize: 5 });
    expect(await problemsIn(folder, checkpointTeacher)).toEqual([
      expect.stringContaining('The tokenizer has 6 tokens, the teacher knows only 5.'),
    ]);
  });

  it('refuses a tokenizer that pads with another token than a family takes for it, and takes one that is trained for it', async () => {
    const folder = await withTeacher();
    const student = { architecture: { ...bertSizes, family: 'mpnet' } };
    expect(await problemsIn(folder, { student })).toEqual([]);
    expect(await problemsIn(folder, { ...checkpointTeacher, student })).toEqual([
      expect.stringMatching(
        /^x\.distill\.json:\d+:\d+: To a model of the family mpnet token 1 is the padding token, whatever its config says; here that is token 0\. Use a tokenizer whose padding token is number 1/,
      ),
    ]);
  });

  it("refuses a student or a tokenizer whose tokens are not the teacher's", async () => {
    const folder = await withTeacher();
    await writeModel(join(folder, 'other'), { layers: 1 });
    const tokenizer = readFileSync(join(folder, 'other', 'tokenizer.json'), 'utf8');
    const student = { initialize: { from: 'checkpoint', path: 'other' } };
    expect(await problemsIn(folder, { ...checkpointTeacher, student })).toEqual([]);
    addFiles(folder, { 'other/tokenizer.json': tokenizer.replace('"mail"', '"post"') });
    expect(await problemsIn(folder, { ...checkpointTeacher, student })).toEqual([
      expect.stringContaining('The student was trained with another tokenizer'),
    ]);
    expect(await problemsIn(folder, { ...checkpointTeacher, tokenizer: { source: 'path', path: 'other' } })).toEqual([
      expect.stringContaining('The teacher was trained with another tokenizer'),
    ]);
  });

  describe('whose teacher keeps its own tokenizer', () => {
    const wordPieces = { source: 'train', kind: 'wordpiece', vocabularySize: 300 };
    const aligned = {
      teacher: checkpointTeacher.teacher,
      tokenizer: wordPieces,
      distillation: { vocabulary: 'align' },
    };

    /** With a teacher, and a student of other tokens in `other`. */
    async function withOther(options: Parameters<typeof withTeacher>[0] = {}): Promise<string> {
      const folder = await withTeacher(options);
      await writeModel(join(folder, 'other'), { layers: 1 });
      const tokenizer = readFileSync(join(folder, 'other', 'tokenizer.json'), 'utf8');
      addFiles(folder, { 'other/tokenizer.json': tokenizer.replace('"mail"', '"post"') });
      return folder;
    }
    const problemsOfFile = async (folder: string, changes: Json): Promise<Problem[]> => {
      addFiles(folder, { 'x.distill.json': { ...goodExperiment, ...changes } });
      return validateExperimentFile(join(folder, 'x.distill.json'));
    };

    it('takes any tokenizer for the student, and a teacher of fewer positions or tokens', async () => {
      const folder = await withOther({ maxPositions: 16 });
      expect(await problemsIn(folder, aligned)).toEqual([]);
      expect(await problemsIn(folder, { ...aligned, training: { pack: true } })).toEqual([]);
      const started = { student: { initialize: { from: 'checkpoint', path: 'other' } } };
      const ofStudent = { tokenizer: { source: 'path', path: 'other' } };
      expect(await problemsIn(folder, { ...aligned, ...started, ...ofStudent })).toEqual([]);
      // The student has the experiment's tokenizer all the same.
      expect(await problemsIn(folder, { ...aligned, ...started })).toEqual([
        expect.stringMatching(/none that are learnt from the rows\. Choose the source "path" and name "other"/),
      ]);
    });

    it('is offered where tokenizers differ, in tasks that have it', async () => {
      const folder = await withOther();
      const started = { student: { initialize: { from: 'checkpoint', path: 'other' } } };
      const titles = async (changes: Json): Promise<string[][]> =>
        (await problemsOfFile(folder, changes)).map(({ fixes = [] }) => fixes.map(({ title }) => title));
      const keep = 'Let the teacher keep its own tokenizer: "vocabulary": "align"';
      expect(await titles({ ...aligned, distillation: {} })).toEqual([["Use the teacher's tokenizer", keep]]);
      const [ofTeacher] = await problemsOfFile(folder, {
        ...checkpointTeacher,
        tokenizer: { source: 'path', path: 'other' },
      });
      expect(ofTeacher).toMatchObject({
        code: 'tokenizer-of-another-model',
        remedy: expect.stringMatching(/"align"/) as string,
      });
      expect(ofTeacher!.fixes).toMatchObject([{ path: ['distillation', 'vocabulary'], change: { set: 'align' } }]);
      const [ofStudent] = await problemsOfFile(folder, { ...checkpointTeacher, ...started });
      expect(ofStudent!.fixes).toMatchObject([
        { path: ['tokenizer'], change: { set: { source: 'path', path: 'other' } } },
      ]);
      // PyTorch has it not.
      const torchrun = await problemsOfFile(folder, { ...aligned, distillation: {}, engine: 'torchrun' });
      expect(torchrun.map(({ fixes }) => fixes?.length)).toEqual([1]);
    });

    it('is offered for language models where the teacher is one whose weights are here', async () => {
      const folder = await withOther();
      const differing = { ...checkpointTeacher, task: 'causal-lm', tokenizer: { source: 'path', path: 'other' } };
      const offered = async (changes: Json): Promise<boolean[]> =>
        (await problemsOfFile(folder, { ...differing, ...changes }))
          .filter(({ code }) => code === 'tokenizer-of-another-model')
          .map(({ fixes = [] }) => fixes.some(({ title }) => title.includes('"align"')));
      expect(await offered({})).toEqual([true]);
      expect(await offered({ task: 'masked-lm' })).toEqual([false]);
    });

    it.each<[string, Json, RegExp]>([
      [
        'hidden states',
        { distillation: { ...aligned.distillation, hidden: { layers: [[0, 0]] } } },
        /Remove "hidden", or choose models that share a tokenizer/,
      ],
      [
        'attention',
        { distillation: { ...aligned.distillation, attention: { layers: 'last' } } },
        /no attention to imitate: nothing in it is of the student's tokens/,
      ],
      ['relations', { distillation: { ...aligned.distillation, relations: { layers: 'last' } } }, /Remove "relations"/],
      [
        'blocks',
        { student: { architecture: bertSizes, initialize: { from: 'teacher' } } },
        /embeddings of a teacher that reads its own tokens.*"random" or "checkpoint"/,
      ],
      ['a preset', { student: { preset: 'half-blocks' } }, /Describe it as "architecture"/],
      ['torchrun', { engine: 'torchrun' }, /Use another engine, or choose models that share a tokenizer/],
      [
        'used tokens',
        { tokenizer: { source: 'path', path: 'other', tokens: 'used' } },
        /Remove "tokens", or "vocabulary"/,
      ],
      ['masked-lm', { task: 'masked-lm' }, /"align" is not for masked-lm/],
      ['a teacher from nothing', { teacher: goodExperiment.teacher }, /has no tokenizer of its own\. Remove it/],
      ['the teacher’s tokenizer', { tokenizer: { source: 'teacher' } }, /warning: .*there is nothing to align/],
      [
        'a server',
        { teacher: { source: 'endpoint', url: 'http://127.0.0.1:9/v1', model: 'm', topLogprobs: 5 } },
        /reads by its own tokenizer: there is nothing to align/,
      ],
    ])('is told at its place what it has not: %s', async (_, changes, said) => {
      const folder = await withOther();
      expect(await problemsIn(folder, { ...aligned, ...changes })).toContainEqual(expect.stringMatching(said));
    });

    it('is told where the teacher has none, or one whose tokens it does not know', async () => {
      const folder = await withOther({ vocabularySize: 5 });
      expect(await problemsIn(folder, aligned)).toEqual([
        expect.stringContaining('The tokenizer has 6 tokens, the teacher knows only 5.'),
      ]);
      rmSync(join(folder, 'teacher', 'tokenizer.json'));
      expect(await problemsIn(folder, aligned)).toEqual([
        expect.stringMatching(
          /^x\.distill\.json:\d+:\d+: The teacher is to read texts by its own tokenizer, and has none in its folder\./,
        ),
      ]);
    });
  });

  it('refuses longer examples than the teacher has positions for', async () => {
    const folder = await withTeacher({ maxPositions: 16 });
    expect(await problemsIn(folder, checkpointTeacher)).toEqual([
      expect.stringContaining('Examples have up to 32 tokens, the teacher has 16 positions. Lower it to at most 16.'),
    ]);
  });

  it('refuses to start a student from blocks that are narrower, whose heads are others, or that are not there', async () => {
    const folder = await withTeacher();
    const initialize = { from: 'teacher', layers: [0, 4] };
    const startedWith = (sizes: object): Promise<string[]> =>
      problemsIn(folder, { ...checkpointTeacher, student: { architecture: { ...bertSizes, ...sizes }, initialize } });
    expect(await startedWith({ hiddenSize: 128, heads: 8 })).toEqual(
      expect.arrayContaining([expect.stringContaining("The student's hiddenSize is 128, the teacher's 64.")]),
    );
    expect(await startedWith({ hiddenSize: 32, heads: 4 })).toEqual([
      expect.stringContaining('Heads of the teacher are 16 wide, which 4 heads in a hidden size of 32 are not'),
    ]);
    // So many as the width has room for are all right.
    expect(await startedWith({ hiddenSize: 32, heads: 2 })).toEqual([
      expect.stringContaining('The teacher has no layer 4.'),
    ]);
    const architecture = { ...teacherSizes, layers: 2 };
    expect(await problemsIn(folder, { ...checkpointTeacher, student: { architecture, initialize } })).toEqual([
      expect.stringContaining('The teacher has no layer 4.'),
    ]);
  });

  it('cuts the vocabulary of a teacher that is there already, and of no other', async () => {
    const folder = await withTeacher();
    const tokenizer = { source: 'teacher', tokens: 'used' };
    const { teacher } = checkpointTeacher;
    expect(await problemsIn(folder, { teacher, tokenizer })).toEqual([]);
    const trained = { ...teacher, training: { epochs: 1 } };
    expect(await problemsIn(folder, { teacher: trained, tokenizer })).toEqual([
      expect.stringContaining('The vocabulary of a teacher that this run trains, or of an ONNX file, cannot be cut.'),
    ]);
    const student = { initialize: { from: 'checkpoint', path: 'teacher' } };
    expect(await problemsIn(folder, { teacher, tokenizer, student })).toEqual([
      expect.stringContaining('A student that starts from a folder has the whole vocabulary of its embeddings.'),
    ]);
  });

  it('refuses a preset beside what it says already, and one that the teacher does not allow', async () => {
    const folder = await withTeacher();
    const architecture = bertSizes;
    expect(
      await problemsIn(folder, { ...checkpointTeacher, student: { preset: 'half-blocks', architecture } }),
    ).toEqual([expect.stringContaining('"architecture" says what "preset" says already. Remove one of the two.')]);
    const small = { ...checkpointTeacher, student: { preset: { megabytes: 0.001 } } };
    expect(await problemsIn(folder, small)).toEqual([
      expect.stringContaining(
        'This teacher allows no student of {"megabytes":0.001} that is smaller than it. Take "half-blocks" or',
      ),
    ]);
    const source = { source: 'checkpoint', path: 'teacher' };
    const teacher = { source: 'ensemble', teachers: [source, source] };
    expect(await problemsIn(folder, { ...checkpointTeacher, teacher, student: { preset: 'half-blocks' } })).toEqual([
      expect.stringContaining('Take "quarter-parameters", or choose'),
    ]);
    expect(await problemsIn(folder, { ...checkpointTeacher, student: { preset: 'quarter' } })).toEqual([
      expect.stringContaining(
        '"preset" cannot be "quarter". Use "half-blocks", "third-blocks" or "quarter-parameters".',
      ),
    ]);
  });

  it("starts a student from a RoBERTa's blocks, with its one token type and not the usual two", async () => {
    const folder = await withTeacher({ family: 'roberta', typeVocabularySize: 1 });
    const student = {
      architecture: { ...teacherSizes, family: 'roberta', layers: 2 },
      initialize: { from: 'teacher' },
    };
    expect(await problemsIn(folder, { ...checkpointTeacher, student })).toEqual([]);
  });

  it('fine-tunes a teacher, or starts a student, from a model whose head is another', async () => {
    const folder = await withTeacher({ head: 'masked-lm' });
    expect(await problemsIn(folder, checkpointTeacher)).toEqual([
      expect.stringContaining('fine-tune this one: add "training".'),
    ]);
    const teacher = { source: 'checkpoint', path: 'teacher', training: { epochs: 1 } };
    expect(await problemsIn(folder, { ...checkpointTeacher, teacher })).toEqual([]);
    const initialize = { from: 'checkpoint', path: 'teacher' };
    expect(await problemsIn(folder, { ...checkpointTeacher, teacher, student: { initialize } })).toEqual([]);
    const trained = { source: 'train', kind: 'wordpiece', vocabularySize: 300 };
    expect(await problemsIn(folder, { ...checkpointTeacher, teacher, tokenizer: trained })).toEqual([
      expect.stringContaining('tokenizer'),
    ]);
    const task = 'causal-lm';
    const student = { architecture: { ...bertSizes, family: 'gpt2' } };
    expect(await problemsIn(folder, { ...checkpointTeacher, task, teacher, student })).toContainEqual(
      expect.stringMatching(/bert.+causal-lm/),
    );
  });

  it('takes the sizes of a student beside the folder that it starts from where both agree', async () => {
    const folder = await withTeacher();
    await writeModel(join(folder, 'start'), bertSizes);
    const start = { ...checkpointTeacher, tokenizer: { source: 'teacher' } };
    const initialize = { from: 'checkpoint', path: 'start' };
    expect(await problemsIn(folder, { ...start, student: { architecture: bertSizes, initialize } })).toEqual([]);
    const architecture = { ...bertSizes, layers: 3, maxPositions: 64 };
    expect(await problemsIn(folder, { ...start, student: { architecture, initialize } })).toEqual([
      expect.stringMatching(
        /"layers" is 3 here and 2 in the folder that the student starts from\. Write what the folder has, or leave out "architecture"\.$/,
      ),
      expect.stringContaining('"maxPositions" is 64 here and 32 in the folder'),
    ]);
  });

  it('marks a path that is no dataset in the experiment, at its entry of a list', async () => {
    const files = { 'notes.md': '# Mails', 'mails.pdf': '%PDF', 'lines.txt': 'one\ntwo\n' };
    const dataset = { train: ['train.jsonl', 'notes.md'], validation: 'lines.txt', test: '*.pdf' };
    expect(await problemsOf({ dataset }, files)).toEqual([
      'x.distill.json:6:7: notes.md: Distillery does not read .md files. Use a .jsonl, .csv, .tsv, .parquet or .txt file.',
      expect.stringMatching(/^x\.distill\.json:8:19: lines\.txt: A text file has no columns\. /),
      expect.stringMatching(/^x\.distill\.json:9:13: mails\.pdf: Distillery does not read \.pdf files\. /),
    ]);
  });

  it('refuses a T at which float32 has nothing left to tell, also in a schedule', async () => {
    expect(await problemsOf({ distillation: { temperature: 100 } })).toEqual([]);
    expect(await problemsOf({ distillation: { temperature: 10000 } })).toEqual([
      expect.stringMatching(/^x\.distill\.json:\d+:\d+: "temperature" must be at most 100/),
    ]);
    expect(await problemsOf({ distillation: { temperature: { from: 1000, to: 1 } } })).toEqual([
      expect.stringMatching(/"from" must be at most 100/),
    ]);
  });

  it('says which run is not known', async () => {
    const folder = await withTeacher();
    expect(await problemsIn(folder, { ...checkpointTeacher, teacher: { source: 'run', run: 'yesterday' } })).toEqual([
      expect.stringContaining('yesterday: There is no such run.'),
    ]);
  });
});

describe('validating an experiment whose teacher is an ensemble', () => {
  type Member = Record<string, unknown>;
  const model = (path: string): Member => ({ source: 'checkpoint', path });
  const trained: Member = { source: 'train', architecture: teacherSizes };
  const ofModels = (teachers: Member[], changes: Json = {}): Json => ({
    teacher: { source: 'ensemble', teachers },
    tokenizer: { source: 'teacher' },
    ...changes,
  });

  /** Models "a" and "b", the second one with these options. */
  async function withModels(options = {}): Promise<string> {
    const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10) });
    await writeModel(join(folder, 'a'));
    await writeModel(join(folder, 'b'), { layers: 1, ...options });
    return folder;
  }

  const place = (line: number): string => `^x\\.distill\\.json:${line}:\\d+: `;
  const lineOf = (folder: string, text: string): number =>
    readFileSync(join(folder, 'x.distill.json'), 'utf8')
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1;

  it.each(['text-classification', 'masked-lm'] as const)(
    'finds nothing wrong with one in order, for %s',
    async (task) => {
      const folder = await withModels();
      const head = task === 'masked-lm' ? ({ head: 'masked-lm' } as const) : {};
      for (const name of ['a', 'b']) await writeModel(join(folder, name), head);
      expect(await problemsIn(folder, ofModels([model('a'), model('b')], { task }))).toEqual([]);
    },
  );

  it('refuses one model, and weights that are not one for each entry', async () => {
    const alone = { teacher: { source: 'ensemble', teachers: [trained] } };
    expect(await problemsOf(alone)).toEqual([expect.stringContaining('An ensemble of one model is that model. Add')]);
    expect(await problemsOf({ teacher: { source: 'ensemble', teachers: [{ ...trained, seeds: 2 }] } })).toEqual([]);
    const weights = { teacher: { source: 'ensemble', teachers: [trained, trained], weights: [1, 2, 3] } };
    expect(await problemsOf(weights)).toEqual([
      expect.stringContaining('There are 3 weights for 2 entries of "teachers". Give one for each entry'),
    ]);
  });

  it('refuses to imitate hidden states, or to start from blocks, which a mean has not', async () => {
    const teacher = { source: 'ensemble', teachers: [trained, trained] };
    expect(await problemsOf({ teacher, distillation: { hidden: { layers: [[3, 1]] } } })).toEqual([
      expect.stringContaining('A mean of probabilities has no hidden states to imitate. Remove "hidden"'),
    ]);
    const student = { architecture: bertSizes, initialize: { from: 'teacher' } };
    expect(await problemsOf({ teacher, student })).toEqual([
      expect.stringContaining('An ensemble has no blocks of its own to start the student from. Use "random"'),
    ]);
  });

  it('refuses a member of another task, and one with other classes', async () => {
    const masked = await withModels({ head: 'masked-lm' });
    expect(await problemsIn(masked, ofModels([model('a'), model('b')]))).toEqual([
      expect.stringContaining('The teacher is a masked-lm model, which does not fit the task text-classification.'),
    ]);
    const swapped = await withModels({ labels: ['spam', 'ham'] });
    expect(await problemsIn(swapped, ofModels([model('a'), model('b')]))).toEqual([
      expect.stringContaining(
        'This member\'s classes are "spam", "ham", the first one\'s "ham", "spam". Choose models',
      ),
    ]);
  });

  it('names the member whose tokens are others, or which knows too few, or has too few positions', async () => {
    const folder = await withModels();
    const tokenizer = readFileSync(join(folder, 'b', 'tokenizer.json'), 'utf8');
    addFiles(folder, { 'b/tokenizer.json': tokenizer.replace('"mail"', '"post"') });
    const told = await problemsIn(folder, ofModels([model('a'), model('b')]));
    const ofSecond = place(lineOf(folder, '"path": "b"'));
    expect(told).toEqual([
      expect.stringMatching(
        new RegExp(
          `${ofSecond}The teacher was trained with another tokenizer, .* Choose models that share a tokenizer`,
        ),
      ),
    ]);
    expect(await problemsIn(await withModels({ vocabularySize: 5 }), ofModels([model('a'), model('b')]))).toEqual([
      expect.stringMatching(new RegExp(`${ofSecond}The tokenizer has 6 tokens, the teacher knows only 5\\.`)),
    ]);
    expect(await problemsIn(await withModels({ maxPositions: 16 }), ofModels([model('a'), model('b')]))).toEqual([
      expect.stringContaining('Examples have up to 32 tokens, the teacher has 16 positions.'),
    ]);
  });
});
