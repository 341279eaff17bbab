/** @file Teacher and student with tokenizers of their own: each reads its tokens of a row, and what the teacher says is held against the student word by word. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import type { Examples, ExamplesWithRows } from '../../src/dataset/example-store';
import { notCounted, rowEncoder, type EncodeRowsOptions, type Example } from '../../src/dataset/examples';
import { batchInputs } from '../../src/distill/batch-inputs';
import { nothingInside } from '../../src/distill/pairing';
import { epochBatches } from '../../src/distill/training/epochs';
import { cacheKey } from '../../src/distill/teacher/cache-key';
import { layoutCache } from '../../src/distill/teacher/cache-layout';
import { FrozenTeacher, inHostMemory } from '../../src/distill/teacher/teacher';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { large } from '../../src/experiment/large-rows';
import { loadExperiment } from '../../src/experiment/resolve';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { indexOfLargest } from '../../src/protocol/distribution';
import { loadData, type RunData } from '../../src/runner/run/data';
import { keptFrom } from '../../src/runner/run/kept-rows';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { trainTokenizer } from '../../src/tokenizer/train-tokenizer';
import { robertaTokenizer, writeRoberta } from '../runner/other-tokens';
import { asLines, entityTags, taggedRows } from '../runner/tagged';

const rows = taggedRows(40, 1);
const texts = rows.map(({ tokens }) => tokens.join(' '));
const own = trainTokenizer(texts, { kind: 'wordpiece', vocabularySize: 60 });
const theirs = robertaTokenizer(texts, 300);

const ofWords = (more: Partial<EncodeRowsOptions> = {}, teacherLength = 64) =>
  rowEncoder(own, {
    task: 'token-classification',
    maxLength: 64,
    labelNames: entityTags,
    teacher: { tokenizer: theirs, maxLength: teacherLength },
    ...more,
  });

const place = { file: 'rows.jsonl', line: 1 };
const taggedRow = (words: string[], tags: string[]) => ({ text: words.join(' '), words, tags, ...place });
const made = (row: ReturnType<typeof taggedRow>, encode = ofWords()): Example => encode(row) as Example;

/** Labels at the first token of each word that has one, in order. */
const labelled = (labels: Example['labels']): number[] =>
  Array.from(labels as Int32Array).filter((label) => label !== notCounted);

describe('a row for two tokenizers', () => {
  it('of a text is what each of them makes of it, with one label', () => {
    const encode = rowEncoder(own, {
      task: 'text-classification',
      maxLength: 12,
      labelNames: ['a', 'b'],
      teacher: { tokenizer: theirs, maxLength: 9 },
    });
    const row = { text: texts[0]!, pair: texts[1]!, label: 'b', ...place };
    const { inputIds, typeIds, labels, teacher } = encode(row) as Example;
    const [first, second] = [
      own.encode(row.text, { pair: row.pair, maxLength: 12 }),
      theirs.encode(row.text, { pair: row.pair, maxLength: 9 }),
    ];
    expect([inputIds, typeIds, labels]).toEqual([first.ids, first.typeIds, 1]);
    expect(teacher).toEqual({ inputIds: second.ids, typeIds: second.typeIds, labels: 1 });
    expect(encode({ ...row, text: '', pair: undefined })).toHaveProperty('code', 'text-empty');
  });

  it('of words has each label at the first token that each tokenizer has of the word', () => {
    for (const { tokens, ner_tags: tags } of rows) {
      const { encoding, labels, teacher } = made(taggedRow(tokens, tags));
      const other = theirs.encodeWords(tokens);
      const classes = tags.map((tag) => entityTags.indexOf(tag));
      expect(teacher!.inputIds).toEqual(other.ids);
      for (const [words, found] of [
        [(encoding as typeof other).words, labels],
        [other.words, teacher!.labels],
      ] as const) {
        const expected = Array.from(words, (word, i) =>
          word >= 0 && word !== words[i - 1] ? classes[word]! : notCounted,
        );
        expect(Array.from(found as Int32Array)).toEqual(expected);
      }
    }
  });

  it.each([
    ['the teacher', 64, 7],
    ['the student', 7, 64],
  ])('leaves out of both what %s has no room for, and counts it', (_, maxLength, teacherLength) => {
    const words = ['Paris', 'met', 'Florence', 'in', 'Georgia', 'and', 'Ms', 'Novak', 'left', '.'];
    const tags = words.map((__, i) => entityTags[i % 4]!);
    const { labels, teacher, cutWords, encoding } = made(taggedRow(words, tags), ofWords({ maxLength }, teacherLength));
    const read = labelled(labels);
    expect(read.length).toBeGreaterThan(0);
    expect(read.length).toBeLessThan(words.length);
    expect(read).toEqual(tags.slice(0, read.length).map((tag) => entityTags.indexOf(tag)));
    expect(labelled(teacher!.labels)).toEqual(read);
    expect(cutWords).toBe(words.length - read.length);
    // What is shown of it is shown as not read.
    expect(1 + Math.max(...(encoding as ReturnType<Tokenizer['encodeWords']>).words)).toBe(read.length);
  });

  it('leaves out a word of which one of them makes no token, and the row where no other is left', () => {
    // BERT's normalizer drops control characters, of which a tokenizer of bytes makes tokens.
    const nothing = '\u0007';
    expect([own, theirs].map((one) => one.encodeWords([nothing]).words.includes(0))).toEqual([false, true]);
    const { labels, teacher } = made(taggedRow(['Paris', nothing, 'left'], ['B-LOC', 'B-PER', 'O']));
    expect([labels, teacher!.labels].map(labelled)).toEqual([
      [0, 3],
      [0, 3],
    ]);
    expect(ofWords()(taggedRow([nothing], ['O']))).toHaveProperty('code', 'text-empty');
  });
});

/** Examples as both read them. */
function pairOf(some: readonly Example[]): Examples {
  const view = (at: (index: number) => Example | Example['teacher']): Examples => ({ length: some.length, at });
  return { ...view((index) => some[index]), teachers: view((index) => some[index]?.teacher) };
}

describe('what a teacher says of its own tokens', () => {
  let executor: Executor;
  let teacher: FrozenTeacher;
  const architecture = createArchitecture({
    family: 'roberta',
    head: 'token-classification',
    labels: entityTags,
    hiddenSize: 16,
    layers: 1,
    heads: 2,
    vocabularySize: theirs.vocabularySize,
    maxPositions: 64,
    initializerRange: 0.3,
    padId: theirs.padId,
  });
  const parameters = initializeParameters(architecture, 3);
  beforeAll(async () => {
    executor = await createCpuExecutor({ threads: 1 });
    teacher = new FrozenTeacher(executor, architecture, parameters);
  });
  const task = 'token-classification';
  const examples = rows
    .slice(0, 9)
    .map(({ tokens, ner_tags: tags }) => made(taggedRow(tokens, tags), ofWords({ maxLength: 24 }, 16)));

  it.each([
    ['each row by itself', undefined],
    ['packed rows', [4, 9]],
  ])('comes to the same words of the student, in %s', async (_, rowCounts) => {
    const order = [4, 0, 7, 2, 8, 5];
    const batch = collate(
      pairOf(examples),
      { length: 48, indices: order },
      { task, batchSize: 8, padId: 0, rowCounts, teacher: { padId: theirs.padId, lengths: [16, 24] } },
    );
    const inputs = batchInputs(batch, task);
    expect(inputs.teacher!.shape).toMatchObject({ rows: 8, length: 16 });
    expect(inputs.teacher!.count).toBe(inputs.count);
    const targets = teacher.targets();
    const { data, shape } = await inHostMemory((await targets.of(inputs)).prediction!);
    expect(shape).toEqual([inputs.shape.predictions, entityTags.length]);
    // Asked about one row after the other, its answers at the first tokens of words.
    const said: number[][] = [];
    const alone = teacher.targets();
    for (const index of order) {
      const { teacher: read } = examples[index]!;
      const single = collate(
        { length: 1, at: () => read },
        { length: 16, indices: [0] },
        { task, batchSize: 1, padId: theirs.padId },
      );
      const { prediction } = await alone.of(batchInputs(single, task));
      const logits = (await inHostMemory(prediction!)).data;
      for (const [i, label] of (read!.labels as Int32Array).entries())
        if (label !== notCounted) said.push([label, ...logits.subarray(i * 4, i * 4 + 4)]);
    }
    const { counted, labels, predictionRows } = inputs.tensors;
    const found = Array.from(counted!.data.keys())
      .filter((i) => counted!.data[i] === 1)
      .map((i) => ({ at: predictionRows!.data[i]!, said: [labels!.data[i]!, ...data.subarray(i * 4, i * 4 + 4)] }));
    // Where rows are shared, a text lies where there was room.
    const starts = batch.packed?.starts ?? Int32Array.from(order, (__, row) => row * 48);
    const textOf = (position: number): number => {
      const before = order.map((__, i) => ({ i, start: starts[i]! })).filter(({ start }) => start <= position);
      return before.sort((a, b) => b.start - a.start)[0]!.i;
    };
    const sorted = found.sort((a, b) => textOf(a.at) - textOf(b.at) || a.at - b.at).map((one) => one.said);
    expect(sorted).toHaveLength(said.length);
    for (const [i, values] of sorted.entries())
      for (const [k, value] of values.entries()) expect(value).toBeCloseTo(said[i]![k]!, 4);
    // They are not all alike, so that another order would be another thing.
    expect(new Set(said.map(([, ...logits]) => indexOfLargest(logits))).size).toBeGreaterThan(1);
    await targets.release();
    await alone.release();
  });

  it('is not asked about examples of whose other tokenizer a batch knows nothing', () => {
    const collating = { task, batchSize: 1, padId: 0 } as const;
    expect(() => collate(pairOf(examples), { length: 48, indices: [0] }, collating)).toThrow(/another tokenizer/);
  });

  it('is kept under a name that its own tokens make, whatever the student’s are', () => {
    const keyOf = (asRead: Examples): string => {
      const layout = layoutCache(asRead, {
        imitated: { teacher: architecture, ...nothingInside },
        task,
        maxLength: 16,
        values: 'float32',
      });
      const known = { task, maxLength: 16, values: 'float32' as const, computedBy: ['cpu'] };
      return cacheKey({ teacher: { architecture, parameters }, examples: asRead, layout, ...known });
    };
    const small = trainTokenizer(texts, { kind: 'wordpiece', vocabularySize: 50 });
    const other = rows.slice(0, 9).map(({ tokens, ner_tags: tags }) => {
      const row = taggedRow(tokens, tags);
      const encode = (tokenizer: Tokenizer, ofTeacher: Tokenizer) =>
        rowEncoder(tokenizer, {
          task,
          maxLength: 64,
          labelNames: entityTags,
          teacher: { tokenizer: ofTeacher, maxLength: 64 },
        })(row) as Example;
      return {
        bySmall: encode(small, theirs),
        byOwn: encode(own, theirs),
        otherTeacher: encode(own, robertaTokenizer(texts, 270)),
      };
    });
    const keys = (['bySmall', 'byOwn', 'otherTeacher'] as const).map((name) =>
      keyOf(pairOf(other.map((one) => one[name])).teachers!),
    );
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[1]);
  });
});

describe('the rows of a run', () => {
  const usual = { kept: { ...keptFrom }, large: { ...large } };
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-aligned-'));
  });
  afterEach(() => {
    Object.assign(keptFrom, usual.kept);
    Object.assign(large, usual.large);
    rmSync(folder, { recursive: true });
  });

  async function experimentOf(task: 'token-classification' | 'text-classification') {
    const isOfWords = task === 'token-classification';
    const lines = isOfWords
      ? asLines(rows)
      : rows.map(({ ner_tags: tags }, i) =>
          JSON.stringify({ text: texts[i], label: tags.includes('B-LOC') ? 'a' : 'b' }),
        );
    writeFileSync(path.join(folder, 'rows.jsonl'), `${lines.join('\n')}\n`);
    const labels = isOfWords ? entityTags : ['a', 'b'];
    const head = isOfWords ? 'token-classification' : 'sequence-classification';
    await writeRoberta(path.join(folder, 'teacher'), theirs, { head, labels });
    const experiment = {
      task,
      dataset: { train: 'rows.jsonl', validation: 0.2, maxLength: 16 },
      tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
      teacher: { source: 'checkpoint', path: 'teacher' },
      student: { architecture: { family: 'bert', hiddenSize: 8, layers: 1, heads: 2 } },
      distillation: { vocabulary: 'align' },
    };
    const file = path.join(folder, 'a.distill.json');
    writeFileSync(file, JSON.stringify(experiment));
    return (await loadExperiment(file)).experiment;
  }

  const load = async (experiment: Awaited<ReturnType<typeof experimentOf>>): Promise<RunData> =>
    (await loadData(experiment, {
      folder,
      keptIn: path.join(folder, 'kept'),
      isStopping: () => false,
      onProblem: () => undefined,
      teacher: { tokenizer: theirs, maxLength: 12 },
    }))!;

  const all = ({ train, validation }: RunData) =>
    [train, validation].map((some: ExamplesWithRows) =>
      Array.from({ length: some.length }, (_, i) =>
        [some, some.teachers!].map((read) => {
          const { inputIds, typeIds, labels } = read.at(i)!;
          return { inputIds, typeIds, labels };
        }),
      ),
    );

  it.each(['token-classification', 'text-classification'] as const)(
    'of %s are the same for both where they were kept',
    async (task) => {
      const experiment = await experimentOf(task);
      const unkept = await load(experiment);
      keptFrom.bytes = 0;
      const [first, again] = [await load(experiment), await load(experiment)];
      expect(all(first)).toEqual(all(unkept));
      expect(all(again)).toEqual(all(unkept));
      expect(again.validation.teachers!.rowAt(0)).toEqual(again.validation.rowAt(0));
      for (const data of [unkept, first, again]) {
        // Another tokenizer, other ids.
        expect(data.train.at(0)!.inputIds).not.toEqual(data.train.teachers!.at(0)!.inputIds);
        data.close();
      }
    },
  );

  it('that are read when their batch comes are the same for both, too', async () => {
    const experiment = await experimentOf('text-classification');
    const before = await load(experiment);
    large.bytes = 0;
    const later = await load(experiment);
    expect(later.train.sample).toBeDefined();
    expect(all(later)).toEqual(all(before));
    for (const { train, tokenizer, teacher } of [before, later]) {
      const batches = epochBatches(train, {
        ...{ task: 'text-classification', tokenizer, teacher, maxLength: 16, batchSize: 4, epochs: 1, seed: 1 },
        ...{ gradientAccumulation: 1, groupByLength: 'auto' },
      });
      for (let step = 0; step < batches.steps; step++) {
        for (const { indices, teacher: read } of batches.batchesOf(step)) {
          expect(read!.indices).toEqual(indices);
          for (const [row, index] of indices.entries()) {
            if (index < 0) continue;
            const { inputIds } = train.teachers!.at(index)!;
            const from = row * read!.length;
            expect(read!.inputIds.subarray(from, from + inputIds.length)).toEqual(inputIds);
          }
        }
      }
    }
    for (const data of [before, later]) data.close();
  });
});
