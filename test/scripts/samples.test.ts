/** @file The sample data keeps its promises: no repeats across splits, honest counts; and the rules that make it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, type ParseError } from 'jsonc-parser';
import { beforeAll, describe, expect, it } from 'vitest';
import { definitionOf } from '../../scripts/samples/definitions';
import { storeHalved } from '../../scripts/samples/halved-model';
import { cleanMail, MAXIMUM_CHARACTERS, threadOf } from '../../scripts/samples/mail';
import {
  groupVariants,
  normalizeText,
  removeRepeats,
  similarPairs,
  VARIANT_THRESHOLD,
} from '../../scripts/samples/near-duplicates';
import { splitGroups } from '../../scripts/samples/split';
import { loadCheckpoint, saveCheckpoint } from '../../src/model/files/checkpoint';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { expectClose } from '../golden/compare';

const examples = join(import.meta.dirname, '../../examples');
const splits = ['train', 'validation', 'test'] as const;

interface SampleRow {
  text: string;
  label?: string;
  split: string;
}

async function readRows(name: string, files: readonly string[] = splits): Promise<SampleRow[]> {
  const parts = await Promise.all(
    files.map(async (split) => {
      const content = await readFile(join(examples, 'data', name, `${split}.jsonl`), 'utf8');
      const lines = content.trimEnd().split('\n');
      return lines.map((line) => ({ ...(JSON.parse(line) as Omit<SampleRow, 'split'>), split }));
    }),
  );
  return parts.flat();
}

/** The numbers of a table row of SOURCES.md, by its first cell, below the heading that names the data. */
async function statedCounts(name: string): Promise<Map<string, number[]>> {
  const sources = await readFile(join(examples, 'SOURCES.md'), 'utf8');
  const [section = ''] = sources.split(`<!-- counts: ${name} -->`)[1]?.split('<!-- end -->') ?? [];
  const rows = [...section.matchAll(/^\| (\w+) \|((?: \d+ \|)+)$/gm)];
  return new Map(rows.map(([, split, cells]) => [split!, (cells!.match(/\d+/g) ?? []).map(Number)]));
}

describe('the spam sample', () => {
  let rows: SampleRow[];
  beforeAll(async () => {
    rows = await readRows('spam');
  });

  it('has no mail twice, neither equal but for case, digits and spacing nor nearly equal', () => {
    expect(new Set(rows.map((row) => normalizeText(row.text))).size).toBe(rows.length);
    expect(removeRepeats(rows, (row) => row.text)).toHaveLength(rows.length);
  });

  it('keeps variants of one mailing within one split', () => {
    const pairs = similarPairs(
      rows.map((row) => row.text),
      VARIANT_THRESHOLD,
    );
    expect(pairs.length).toBeGreaterThan(0);
    for (const [a, b] of pairs) expect(rows[b]!.split, rows[b]!.text).toBe(rows[a]!.split);
  });

  it('keeps a conversation within one split', () => {
    const splitOf = new Map<string, string>();
    const torn = rows.filter((row) => {
      const thread = threadOf(row.text.split('\n')[0]!);
      const first = splitOf.get(thread) ?? row.split;
      splitOf.set(thread, first);
      return thread !== '' && first !== row.split;
    });
    expect(torn.map((row) => row.text.split('\n')[0])).toEqual([]);
  });

  it('is labelled ham or spam, about three to two in each split, as SOURCES.md counts', async () => {
    const stated = await statedCounts('spam');
    for (const split of splits) {
      const labels = rows.filter((row) => row.split === split).map((row) => row.label);
      const ham = labels.filter((label) => label === 'ham').length;
      const spam = labels.filter((label) => label === 'spam').length;
      expect([ham, spam, ham + spam]).toEqual(stated.get(split));
      expect(ham + spam).toBe(labels.length);
      expect(ham / spam).toBeGreaterThan(1.35);
      expect(ham / spam).toBeLessThan(1.65);
    }
  });

  it('holds no e-mail address, no control character and no text above the stated length', () => {
    for (const { text } of rows) {
      expect(text).not.toMatch(/[\w.]@(?!host)\w+\.\w/);
      expect(text).not.toMatch(/[^\P{Cc}\n]|\ufffd/u);
      expect(text.length).toBeLessThanOrEqual(MAXIMUM_CHARACTERS);
    }
  });
});

describe('the definitions sample', () => {
  const parts = ['labelled', 'unlabelled', 'validation', 'test'] as const;
  let rows: SampleRow[];
  beforeAll(async () => {
    rows = await readRows('definitions', parts);
  });

  it('has no definition twice, and variants of one within one part', () => {
    expect(new Set(rows.map((row) => normalizeText(row.text))).size).toBe(rows.length);
    const pairs = similarPairs(
      rows.map((row) => row.text),
      VARIANT_THRESHOLD,
    );
    expect(pairs.length).toBeGreaterThan(0);
    for (const [a, b] of pairs) expect(rows[b]!.split, rows[b]!.text).toBe(rows[a]!.split);
  });

  it('is labelled but for the part that is not, each kind as often as SOURCES.md says', async () => {
    const stated = await statedCounts('definitions');
    const labelled = parts.filter((part) => part !== 'unlabelled');
    expect(rows.filter((row) => row.split === 'unlabelled').every((row) => row.label === undefined)).toBe(true);
    for (const [kind, counts] of stated) {
      for (const part of labelled) {
        const own = rows.filter((row) => row.split === part && (kind === 'all' || row.label === kind)).length;
        expect(own, `${kind} in ${part}`).toBe(counts[parts.indexOf(part)]);
        expect(own).toBeGreaterThanOrEqual(2);
      }
    }
    expect(stated.size).toBe(25); // 24 kinds and their sum
    expect(parts.map((part) => rows.filter((row) => row.split === part).length)).toEqual([500, 20000, 1000, 4000]);
  });

  it("comes with WordNet's licence", async () => {
    const licence = await readFile(join(examples, 'data/definitions/LICENSE.txt'), 'utf8');
    expect(licence).toContain('Copyright 2006 by Princeton University');
    expect(licence).toContain('NO REPRESENTATIONS OR WARRANTIES');
  });

  it('gives the language model as its own lines the first that have no label, which neither test nor teacher has', async () => {
    const own = await readRows('definitions', ['own-lines']);
    const first = rows.filter((row) => row.split === 'unlabelled').slice(0, 4000);
    expect(own.map((row) => row.text)).toEqual(first.map((row) => row.text));
    expect(own.every((row) => row.label === undefined)).toBe(true);
  });

  it('comes with a language model of a few MB', async () => {
    const folder = join(examples, 'models/language-model-teacher');
    const { architecture } = await loadCheckpoint(folder);
    expect(architecture).toMatchObject({ family: 'gpt2', head: 'causal-lm' });
    expect((await stat(join(folder, 'model.safetensors'))).size).toBeLessThan(6e6);
  });

  it('comes with a teacher of a few MB that knows the 24 kinds', async () => {
    const folder = join(examples, 'models/definitions-teacher');
    const { architecture } = await loadCheckpoint(folder);
    const kinds = new Set(rows.flatMap((row) => row.label ?? []));
    expect([...kinds].sort()).toEqual(architecture.labels);
    expect((await stat(join(folder, 'model.safetensors'))).size).toBeLessThan(6e6);
  });
});

describe('definitionOf', () => {
  it('takes the kind from the lexicographer file and the definition from before the examples', () => {
    const line =
      '07929519 13 n 02 coffee 0 java 0 001 @ 07881800 n 0000 | a beverage consisting of an infusion of ground coffee beans; "he ordered a cup of coffee"; "black"  ';
    expect(definitionOf(line)).toEqual({
      id: '07929519',
      text: 'a beverage consisting of an infusion of ground coffee beans',
      label: 'food',
    });
  });

  it.each([
    ['  29 Princeton University and LICENSEE agrees to preserve same.  '],
    ['00001740 03 n 01 entity 0 000 | that which is perceived to have its own distinct existence'],
    ['09178141 16 n 01 motive 0 000 | the psychological feature that arouses an organism to action'],
    ['06400000 10 n 01 x 0 000 | an edition'],
  ])('leaves out the licence, roots, motives and synonyms: %s', (line) => {
    expect(definitionOf(line)).toBeUndefined();
  });
});

describe('storeHalved', () => {
  it('writes the same model with weights rounded to float16, in half the bytes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'distillery-halved-'));
    const architecture = createArchitecture({
      family: 'bert',
      head: 'sequence-classification',
      hiddenSize: 8,
      layers: 1,
      heads: 2,
      vocabularySize: 20,
      maxPositions: 8,
      labels: ['a', 'b'],
      problemType: 'single-label',
    });
    const parameters = initializeParameters(architecture, 1);
    await saveCheckpoint(join(folder, 'whole'), architecture, parameters);
    await storeHalved(join(folder, 'whole'), join(folder, 'half'));
    const half = await loadCheckpoint(join(folder, 'half'));
    expect(half.architecture).toEqual(architecture);
    for (const [name, values] of Object.entries(parameters)) expectClose(name, half.parameters[name]!, values, 5e-4);
    const sizes = await Promise.all(['whole', 'half'].map((one) => stat(join(folder, one, 'model.safetensors'))));
    const count = Object.values(parameters).reduce((sum, values) => sum + values.length, 0);
    expect(sizes[0]!.size - sizes[1]!.size).toBeGreaterThan(1.9 * count);
    rmSync(folder, { recursive: true });
  });
});

describe('the sample experiments', () => {
  it.each(['definitions', 'language-model', 'spam'])(
    '%s is JSON with comments and names files that exist',
    async (name) => {
      const errors: ParseError[] = [];
      const content = await readFile(join(examples, `${name}.distill.json`), 'utf8');
      const experiment = parse(content, errors) as {
        dataset: Record<(typeof splits)[number], string>;
        controls: string[];
      };
      expect(errors).toEqual([]);
      expect(experiment.controls).toEqual(['no-distillation']);
      for (const split of splits)
        expect(await readFile(join(examples, experiment.dataset[split]), 'utf8')).not.toBe('');
    },
  );
});

describe('cleanMail', () => {
  const body = 'Please have a look at this page, which explains how the new release is made.';

  it('takes off list tags and list footers, plain and quoted', () => {
    const mail = cleanMail(
      'Re: [ILUG] release',
      `${body}\n\n> -- \n> Irish Linux Users' Group: ilug@linux.ie\n> information.\n>\n> yes\n\n` +
        `____________________________\nExmh-users mailing list\nhttps://lists.example/mailman/listinfo/exmh\n`,
    );
    expect(mail).toEqual({ text: `Re: release\n${body}\n\n> yes`, cut: false });
  });

  it('takes off the header lines of the news gateway', () => {
    expect(cleanMail('News', `URL: http://news.example/1\nDate: Not supplied\n\n${body}`).text).toBe(`News\n${body}`);
  });

  it('replaces addresses, shortens URLs to the host and ornaments to one sign', () => {
    const { text } = cleanMail(
      'Hello',
      `a.b+c@mail.example.com <http://www.x.example:80/p?q=1>, ***** = = = =\n${body}`,
    );
    expect(text).toBe(`Hello\nname@host <x.example>, * =\n${body}`);
  });

  it('cuts a long mail between words', () => {
    const mail = cleanMail('Long', 'word '.repeat(1000));
    expect(mail.cut).toBe(true);
    expect(mail.text.length).toBeLessThanOrEqual(MAXIMUM_CHARACTERS);
    expect(mail.text).toMatch(/ word$/);
  });

  it.each([
    ['short', 'See picture'],
    ['script', '안녕하세요 여러분 '.repeat(20) + body],
    ['explicit', `${body} Free porn.`],
  ])('leaves out a mail as %s', (reason, text) => {
    expect(cleanMail('', text).rejected).toBe(reason);
  });
});

describe('threadOf', () => {
  it('is the same for a mail, its replies and the next number of a newsletter', () => {
    const subjects = ['[ILUG] News 12', 'Re: News 13', 'FW: RE: [ILUG] news', 'Re[2]: News #1'];
    expect(new Set(subjects.map(threadOf))).toEqual(new Set(['news']));
  });
});

describe('near duplicates', () => {
  const text = 'You have won 500 dollars in our great summer lottery, claim them before the end of the week';
  const variant = 'You have won 500 dollars in our great summer lottery, claim them before Sunday now';
  const texts = [
    text,
    text.replace('500', '9').toUpperCase(),
    `Hi, ${text}`,
    variant,
    'Something else entirely, thanks',
  ];

  it('are repeats where they differ by digits, case and a word or two', () => {
    expect(removeRepeats(texts, (t) => t)).toEqual([text, variant, texts[4]]);
  });

  it('are variants where they share half of their word runs', () => {
    expect(similarPairs([text, variant], VARIANT_THRESHOLD)).toEqual([[0, 1]]);
    expect(similarPairs(['one two three four five six', 'one two three four nine ten'], VARIANT_THRESHOLD)).toEqual([]);
  });

  it('are grouped with what shares their key, through any chain', () => {
    const items = [
      { text: 'first', key: 'a' },
      { text, key: 'b' },
      { text: 'alone', key: 'c' },
      { text: variant, key: 'a' },
    ];
    const groups = groupVariants(
      items,
      (item) => item.text,
      (item) => item.key,
    );
    expect(groups).toEqual([[items[0], items[1], items[3]], [items[2]]]);
  });
});

describe('splitGroups', () => {
  const items = Array.from({ length: 120 }, (_, i) => ({ group: `g${Math.floor(i / 2)}`, label: i < 40 ? 'a' : 'b' }));
  const divided = splitGroups(
    items,
    { train: 0.7, validation: 0.15, test: 0.15 },
    {
      groupOf: (item) => item.group,
      stratumOf: (item) => item.label,
      sizeOf: () => 1,
      orderOf: (text) => text,
    },
  );

  it('gives each stratum the same shares and tears no group', () => {
    for (const [label, size] of [
      ['a', 40],
      ['b', 80],
    ] as const) {
      const counts = splits.map((split) => divided[split].filter((item) => item.label === label).length);
      expect(counts.map((count) => count / size)).toEqual([0.7, 0.15, 0.15]);
    }
    const groups = splits.flatMap((split) => [...new Set(divided[split].map((item) => item.group))]);
    expect(groups).toHaveLength(60);
  });
});
