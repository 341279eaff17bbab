/** @file A study in the Lab: its answer and its picture stand in Compare of each of its runs. */

import { expect, it } from 'vitest';
import type { RunListing } from '../../src/protocol/lab-data';
import type { Comparison, RunRecord, StudyKind } from '../../src/protocol/records';
import { structure, violations, violationsInColours } from './axe';
import { describePage, spam, text } from './lab-page';
import { picture } from './picture';

/** A comparison in which student and control have a macro-F1, each give or take .02. */
function summary(student: number, control: number): Comparison {
  const [teacher, one, other] = spam.run.record.summary!.rows;
  const at = (row: typeof teacher, value: number) => ({
    ...row!,
    metrics: { ...row!.metrics, macroF1: value },
    intervals: { macroF1: [value - 0.02, value + 0.02] as [number, number] },
  });
  const gain = student - control;
  return {
    rows: [
      teacher!,
      { ...at(one, student), gain: { over: 'no-distillation', value: gain, interval: [gain - 0.02, gain + 0.02] } },
      at(other, control),
    ],
    validation: { macroF1: student },
  };
}

type Combination = [values: Record<string, unknown>, student: number, control: number];

const labels = [50, 100, 200, 500, 1000];
const studies: Record<StudyKind, Combination[]> = {
  labels: [
    ...labels.map((count, i): Combination => [
      { 'dataset.unlabelledRows': 0, 'dataset.trainRows': count },
      0.5 + 0.09 * i,
      0.42 + 0.1 * i,
    ]),
    ...labels.map((count, i): Combination => [
      { 'dataset.unlabelledRows': 5000, 'dataset.trainRows': count },
      0.7 + 0.05 * i,
      0.42 + 0.1 * i,
    ]),
  ],
  families: [
    [{ 'student.architecture.family': 'bert' }, 0.8, 0.7],
    [{ 'student.architecture.family': 'gpt2' }, 0.75, 0.72],
  ],
  temperature: [1, 2, 4, 8].flatMap((T, i) =>
    [0.3, 0.6, 0.9].map((alpha, j): Combination => [
      { 'distillation.temperature': T, 'distillation.alpha': alpha },
      0.8 + 0.02 * (i === 2 ? 1 : 0) + 0.01 * j,
      0.7,
    ]),
  ),
};

function listings(study: StudyKind): RunListing[] {
  return studies[study].map(([values, student, control], i) => {
    const record: RunRecord = {
      ...spam.run.record,
      sweep: { id: 'study', study, values },
      summary: summary(student, control),
    };
    return { id: i === 0 ? spam.run.id : `study-${i}`, record, label: `T ${i}` };
  });
}

describePage('a study in the Lab', (open) => {
  // 200 labels give the student .8; the control has .72 with 500 and .82 with 1,000: 500 · 2^(.08 / .1).
  it.each<[StudyKind, RegExp]>([
    [
      'labels',
      /With the teacher, 200 labels and 5,000 unlabelled texts are worth 870 labels to the same student without it \(95\s% interval 720 to more than 1,000\)\./,
    ],
    [
      'families',
      /encoder bert \+\.100 \(\+\.080 to \+\.120\); the decoder gpt2 \+\.030 .*for the encoder: the encoder's gain less the decoder's is \+\.070/,
    ],
    [
      'temperature',
      /On validation, T = 4 with α = \.9 is best: macro-F1 \.840 in the comparison, \+\.140 over its control/,
    ],
  ])('of %s says its answer, draws it, and keeps to WCAG 2.1 AA in each theme', async (study, said) => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    await page.locator('lab-model-table').waitFor();
    expect(await page.locator('lab-study figure').count()).toBe(0);
    const runs = listings(study);
    const { id } = spam.run;
    await page.evaluate(`send(${JSON.stringify({ type: 'runs', runs })})`);
    await page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: runs[0]!.record })})`);
    await page.locator('lab-study svg.drawn').waitFor();
    expect(await text(page, 'lab-study .said')).toMatch(said);
    expect(await page.locator('lab-study svg.drawn').getAttribute('aria-label')).toMatch(said);
    expect(await violations(page)).toEqual([]);
    const inDark = await structure(page);
    for (const theme of ['dark', 'light', 'hc', 'hc-light']) {
      await page.evaluate(`setTheme('${theme}')`);
      if (theme !== 'dark') expect(await violationsInColours(page)).toEqual([]);
      expect(await structure(page)).toEqual(inDark);
      await picture(page.locator('lab-study'), `study-${study}-${theme}`);
    }
  });
});
