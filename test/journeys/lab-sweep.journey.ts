/** @file A real sweep over two fields in the Lab's Temperature tab: as lines over T, and as a heat map. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatQuantity } from '../../src/protocol/format';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { openLab, openTab, refusals } from './lab-window';
import { sweepLanguageModel } from './real-runs';
import { plain, Workbench } from './workbench';

const [temperature, alpha] = ['distillation.temperature', 'distillation.alpha'];

let workspace = '';
let result: SweepResult;
let workbench: Workbench | undefined;

beforeAll(async () => {
  workspace = mkdtempSync(path.join(tmpdir(), 'journey-'));
  result = await sweepLanguageModel(workspace, { [temperature]: [1, 4], [alpha]: [0.3, 0.7] });
});
afterAll(async () => {
  await workbench?.close();
  rmSync(workspace, { recursive: true, force: true });
});

it('a sweep over T and α is drawn over T and as a heat map, from which one goes to each run', async ({
  onTestFailed,
}) => {
  const window = (workbench = await Workbench.open(workspace, { theme: 'dark' }));
  onTestFailed(() => window.picture('failed-sweep'));
  const { lab } = window;
  await openLab(window, 'moby', 'T=4, α=0.7');
  await openTab(window, 'Temperature');
  const chart = lab.locator('lab-sweep-chart');
  await chart.locator('path[stroke-dasharray]').nth(1).waitFor();
  expect((await chart.locator('text', { hasText: 'α' }).allTextContents()).sort()).toEqual(['α .3', 'α .7']);
  const qualityAt = (T: number, a: number): string => {
    const row = result.rows.find(({ values }) => values[temperature] === T && values[alpha] === a)!;
    const student = row.summary!.rows.find(({ role }) => role === 'student')!;
    return formatQuantity(student.metrics.perplexity);
  };
  expect(await chart.locator('svg.plot').getAttribute('aria-label')).toContain(`α .3: T 1, ${qualityAt(1, 0.3)}`);

  const rows = await lab.locator('lab-sweep-table tbody tr').all();
  // Across α, down T: by the fields' names.
  expect(await lab.locator('lab-sweep-table thead th').allTextContents()).toEqual(['T', '.3', '.7']);
  const cells = await Promise.all(rows.map((row) => row.locator('td').allInnerTexts()));
  expect(cells.map((row) => row.map(plain))).toEqual([
    [qualityAt(1, 0.3), qualityAt(1, 0.7)],
    [qualityAt(4, 0.3), qualityAt(4, 0.7)],
  ]);
  expect(await lab.locator('lab-sweep-table td.best').count()).toBe(1);
  await chart.scrollIntoViewIfNeeded();
  await window.picture('lab-sweep');
  await lab.locator('lab-sweep-table').scrollIntoViewIfNeeded();
  await window.picture('lab-sweep-heat-map');
  await lab.locator('lab-sweep-table td').first().locator('.link').click();
  await expect.poll(async () => plain(await lab.locator('#big-t').textContent())).toBe('1.00');
  expect(await refusals(window)).toEqual([]);
});
