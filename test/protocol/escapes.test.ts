/** @file The same hostile strings through every place where a text of a file is written or shown outside the page. */

import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { asText } from '../../src/extension/inspection/as-text';
import { createArchitecture } from '../../src/model/layouts/config';
import { inLabel, inMarkdown, inOneLine, inTerminal, inXml } from '../../src/protocol/escapes';
import { formatProblem, problemAt } from '../../src/protocol/problem';
import { appendLog } from '../../src/run-directory/run-directory';
import { writePredictions } from '../../src/run-directory/predictions';
import { readRunExperiment } from '../../src/experiment/experiment-record';
import { modelCard } from '../../src/runner/report/model-card';
import { writeReport } from '../../src/runner/report/report';
import { terminalTable } from '../../src/runner/report/comparison-table';
import { beginRun, changeRun, summary, train } from '../extension/sample-run';
import { goodExperiment, mails, makeFolder } from '../experiment/workspace';
import { distillery } from '../runner/program';

type Markdown = new (options: object) => { render(text: string): string };
const MarkdownIt = createRequire(import.meta.url)('markdown-it') as Markdown;
const render = (text: string): string => new MarkdownIt({ html: true, linkify: true }).render(text);

const hostile = [
  '<img src=x onerror=alert(1)>',
  '</text></svg><script>alert(1)</script>',
  '[click](command:workbench.action.quit)',
  '![x](http://example.com/x.png) http://example.com www.example.com a@example.com',
  '`code` **bold** __bold__ ~~gone~~ <b>b</b>',
  '| a | b |\n| --- | --- |',
  'one\n# two\n- three\n> four\n```\nfive',
  '$(error) $(sync~spin)',
  '\u001b[2J\u001b]0;owned\u0007\u009b31m',
  '\u202egnp.exe \u2066x\u2069',
  '&lt;img&gt; &#x41; \\',
  '---',
  '=====',
  '1. one',
  '    indented',
];

/** Nothing a terminal obeys, and nothing that turns the direction of a line. */

const commanding = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** The text of HTML, as a reader sees it. */
const textOf = (html: string): string =>
  html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .trim();

const tagsIn = (html: string): string[] => [...new Set(Array.from(html.matchAll(/<\/?([\w-]+)/g), ([, tag]) => tag!))];

describe('in Markdown', () => {
  it.each(hostile)('a text is that text, in a heading, a list, a table and between words: %j', (text) => {
    const shown = inOneLine(text);
    const heading = render(`# ${inMarkdown(text)}: student`);
    expect([textOf(heading), tagsIn(heading)]).toEqual([`${shown}: student`, ['h1']]);
    const list = render(`- ${inMarkdown(text)}`);
    expect([textOf(list), tagsIn(list)]).toEqual([shown, ['ul', 'li']]);
    const cell = render(`| a | b |\n| --- | --- |\n| ${inMarkdown(text)} | 1 |`);
    expect([...cell.matchAll(/<td>/g)]).toHaveLength(2);
    expect(textOf(/<td>(.*?)<\/td>/s.exec(cell)![1]!)).toBe(shown);
    const sentence = render(`As "${inMarkdown(text)}" says.`);
    expect([textOf(sentence), tagsIn(sentence)]).toEqual([`As "${shown}" says.`, ['p']]);
    const token = render(`| ${asText(text)} |\n| --- |`);
    expect(tagsIn(token)).toEqual(['table', 'thead', 'tr', 'th']);
    expect(inMarkdown(text)).not.toMatch(commanding);
  });
});

describe('in a label of the editor', () => {
  it.each(hostile)('there is one line without links, icons and commands: %j', (text) => {
    expect(inLabel(text)).not.toMatch(commanding);
    expect(inLabel(text)).not.toMatch(/\n|\$\(|\]\(/);
  });
});

describe('in XML', () => {
  it.each(hostile)('a text is that text: %j', (text) => {
    expect(inXml(text)).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|apos;)/);
  });
});

describe('of a run with hostile names', () => {
  it.each(hostile)('card, report, charts, log and tables hold no markup and no commands: %j', async (name) => {
    const folder = makeFolder({ '.distillery/runs/x': '' });
    const run = await beginRun(folder, { name });
    await train(run.paths, 'student', 1, 2);
    const place = { file: path.join(folder, name.slice(0, 20)), line: 1 };
    const said = { choice: name, probability: 1, predictions: 1, correct: 0, negativeLogLikelihood: 1 };
    await writePredictions(run.paths, [
      { ...place, text: name, label: name, models: { teacher: said, student: { ...said, choice: 'other' } } },
    ]);
    const experiment = await readRunExperiment(run.paths);
    const comparison = summary(run);
    comparison.rows[2]!.name = name;
    await writeReport(run.paths, experiment, comparison);
    const report = readFileSync(run.paths.report, 'utf8');
    expect(tagsIn(render(report)).filter((tag) => ['script', 'a', 'svg', 'b', 's'].includes(tag))).toEqual([]);
    expect(render(report).match(/<img[^>]*>/g) ?? []).not.toContain('<img src=x onerror=alert(1)>');
    expect(render(report).match(/<h1>/g)).toHaveLength(1);

    const sizes = { family: 'bert', hiddenSize: 8, layers: 1, heads: 1, vocabularySize: 9 } as const;
    const architecture = createArchitecture({ ...sizes, head: 'sequence-classification', labels: [name, 'ham'] });
    const card = render(
      modelCard(experiment, architecture, { role: 'student' }, { labelled: 8, unlabelled: 4, validation: 2 }).replace(
        /^---.*?\n---\n/s,
        '',
      ),
    );
    expect(tagsIn(card)).toEqual(['h1', 'p', 'ul', 'li']);

    await appendLog(run.paths, name);
    const charts = readdirSync(run.paths.directory).filter((file) => file.endsWith('.svg'));
    expect(charts.length).toBeGreaterThan(0);
    for (const file of ['report.md', 'log.txt', ...charts]) {
      const text = readFileSync(path.join(run.paths.directory, file), 'utf8');
      expect(text).not.toMatch(commanding);
      if (file.endsWith('.svg')) expect(text).not.toMatch(/<script|<img/);
    }
    expect(inTerminal(terminalTable(comparison))).not.toMatch(commanding);
    const problem = formatProblem(problemAt({ file: name, line: 1, column: 1 }, 'dataset-file-missing', { name }));
    expect(problem).not.toMatch(commanding);
    expect(problem).not.toContain('\n');
    await changeRun(run, { status: 'stopped' });
  });
});

it('a terminal gets no command from what an experiment names', async () => {
  const folder = makeFolder({ 'train.jsonl': mails(4), 'validation.jsonl': mails(4) });
  const dataset = { ...goodExperiment.dataset, train: hostile };
  const labels = makeFolder({
    'x.distill.json': { ...goodExperiment, dataset },
    'validation.jsonl': mails(4),
  });
  const { stdout, stderr } = await distillery(['validate', 'x.distill.json'], labels);
  expect(stdout).toContain('\\u001b[2J');
  expect(stdout + stderr).not.toMatch(commanding);
  expect((await distillery(['inspect', '\u001b[2J', '--text', 'a'], folder)).stderr).not.toMatch(commanding);
});
