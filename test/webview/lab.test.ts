/** @file The Lab's page in a browser, with sample data: its other tabs, its states, links. The real thing: test/journeys. */

import type { Locator } from 'playwright-core';
import { expect, it } from 'vitest';
import { formatQuantity } from '../../src/protocol/format';
import { describePage, expected, expectedBars, heard, kept, moby, shownBars, spam, text, tokens } from './lab-page';

describePage('the Lab page', (open) => {
  it('compares teacher, student and control from the summary, the finding first', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    const finding = (await text(page, 'lab-compare .finding')).replaceAll('\u202f', ' ');
    expect(finding).toContain("keeps 98.9 % of the teacher's macro-F1");
    expect(finding).toContain('Distillation gave +.019 over the control');
    expect(finding).toContain('(95 % interval +.008 to +.030)');
    expect(finding).toContain('closed 63.3 % of the gap from the control to the teacher (31.0 % to 97.0 %)');
    const control = await page.locator('lab-model-table tbody tr').nth(2).locator('td:not(.drawing)').allInnerTexts();
    expect(control.slice(0, 2).map((cell) => cell.replace(/\s+/g, ' '))).toEqual([
      'Control same student, no distillation',
      '.952 ± .004 .941–.961',
    ]);
  });

  it('tells two controls apart, in words, drawings and curves', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    const { id, record, series } = spam.run;
    const [plain] = record.summary!.rows.filter(({ role }) => role === 'control');
    const smoothed = { ...plain!, name: 'label-smoothing', metrics: { ...plain!.metrics, macroF1: 0.958 } };
    const summary = { ...record.summary, rows: [...record.summary!.rows, smoothed] };
    await page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: { ...record, summary } })})`);
    const finding = page.locator('lab-compare .finding');
    await finding.getByText('With smoothed labels and no teacher, the same student reaches').waitFor();
    expect((await finding.innerText()).replace(/\s+/g, ' ')).toMatch(/the same student reaches \.958\.$/);
    const names = await page.locator('lab-model-table tbody tr').locator('td:first-child, th').allInnerTexts();
    expect(names.map((name) => name.replace(/\s+/g, ' ').trim())).toEqual(
      expect.arrayContaining(['Control same student, no distillation', 'Control same student, smoothed labels']),
    );
    const drawn = await page.locator('lab-compare svg').allInnerTexts();
    expect(drawn.join(' ')).not.toMatch(/NaN/);

    const own = series.find(({ role }) => role === 'control')!;
    const columns = Object.entries(own.metrics).map(([name, values]) => [name, [...values]] as const);
    const made = `Object.fromEntries(${JSON.stringify(columns)}.map(([name, values]) => [name, Float64Array.from(values)]))`;
    const further = `{ role: 'control', name: 'label-smoothing', metrics: ${made}, evaluations: [] }`;
    await page.evaluate(`send({ type: 'append', id: ${JSON.stringify(id)}, series: [${further}] })`);
    await page.getByRole('tab', { name: 'Loss' }).click();
    const hard = page.locator('lab-figure', { hasText: 'Student loss' });
    await hard.getByText('control, no distillation').first().waitFor();
    await hard.getByText('control, label smoothing').first().waitFor();
  });

  it('offers to train a control where there is none', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    await page.locator('lab-model-table').waitFor();
    expect(await page.locator('#run-control').count()).toBe(0);
    const { id, record } = spam.run;
    const summary = { rows: record.summary!.rows.filter(({ role }) => role !== 'control') };
    await page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: { ...record, summary } })})`);
    await page.getByText('this run cannot tell: it has no control').waitFor();
    await page.getByRole('button', { name: /Run the control \(about/ }).click();
    await expect.poll(() => heard(page)).toContainEqual({ method: 'runControl', id });
    await page.evaluate(`send({ type: 'trust', trusted: false })`);
    await page.locator('#run-control').waitFor({ state: 'detached' });
  });

  it('asks the extension to stop the run, and offers that only while it goes on', async () => {
    const page = await open({});
    await page.locator('#stop').click();
    expect(await heard(page)).toContainEqual({ method: 'stop', id: moby.run.id });
    await page.evaluate(
      `send(${JSON.stringify({ type: 'record', id: moby.run.id, record: { ...moby.run.record, status: 'stopped', ended: moby.run.record.started } })})`,
    );
    await page.getByText('Stopped at step 1,840 of 2,400').waitFor();
    expect(await page.locator('#stop').count()).toBe(0);
  });

  it('leads to the log of a run that has failed and has not said why', async () => {
    const page = await open({});
    const { id, record } = moby.run;
    await page.evaluate(
      `send(${JSON.stringify({ type: 'record', id, record: { ...record, status: 'failed', error: null, ended: record.started } })})`,
    );
    const notice = page.locator('.notices .notice.error');
    await notice.getByText('This run has failed and has not said why.').waitFor();
    await notice.getByRole('button', { name: 'Show Log' }).click();
    await expect.poll(() => heard(page)).toContainEqual({ method: 'showLog', id });
  });

  it('shows what models with different tokenizers expect after the same text, and of what the KL is', async () => {
    const page = await open({ run: 'aligned', state: JSON.stringify({ tab: 'tokens' }) });
    await page.locator('lab-chips [role=option]').nth(1).click();
    await page.getByText('what each expects after the same text').waitFor();
    // Of “ Ishmael” the student has the beginning, and the teacher the whole.
    const row = (name: string): Locator => page.locator('lab-distribution .body.label').filter({ hasText: name });
    const shares = (name: string): Promise<string[]> => row(name).locator('.share').allInnerTexts();
    expect((await shares('·Ishmael'))[1]).toContain('–');
    await page.keyboard.press('s');
    expect((await shares('·Ishmae'))[0]).toContain('–');
    expect(await text(page, '#kl')).toMatch(/^\d/);
    const chip = page.locator('lab-chips .token[title*="counts with the tokens before it"]').first();
    expect(await chip.innerText()).toBe('l');
    await page.getByRole('tab', { name: 'Temperature' }).click();
    await page.locator('lab-curve svg').nth(2).waitFor();
    await page.getByText('what each expects after the same text').waitFor();
    const { run } = moby;
    const other = {
      ...run,
      id: `${run.id}-other`,
      series: [],
      experiment: { ...run.experiment, predictsOtherTokens: true },
    };
    // What is minimized is another loss, too.
    const columns = `Object.fromEntries(['step', 'time', 'soft', 'hard', 'total'].map((name) => [name, Float64Array.of(1, 2)]))`;
    const series = `[{ role: 'student', name: 'student', evaluations: [], metrics: ${columns} }]`;
    await page.evaluate(
      `send({ type: 'run', run: { ...${JSON.stringify({ ...other, id: 'with-steps' })}, series: ${series} } })`,
    );
    await page.getByRole('tab', { name: 'Loss' }).click();
    await page.getByText('of the tokens that both have, and the others sorted, span by span at T = ').waitFor();
  });

  it('says what a queued run waits for, and that it is paused, and offers to run now', async () => {
    const page = await open({});
    const { id, record } = moby.run;
    const show = (waiting: object | undefined, status = 'queued'): Promise<unknown> =>
      page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: { ...record, status, waiting } })})`);
    const notice = page.locator('.notices .notice').filter({ has: page.locator('#run-now') });
    await show({ device: 'cpu', run: '2026-11-27T15-36-05Z_Spam-filter', isPaused: false, ahead: 1 });
    await notice.getByText('This run waits for the CPU, until Spam-filter has ended.').waitFor();
    await show({ device: 'cpu', run: '2026-11-27T15-36-05Z_Spam-filter', isPaused: true, ahead: 3 });
    await notice.getByText('Spam-filter is paused and has the CPU').waitFor();
    await notice.getByText('3 are before it').waitFor();
    await page.locator('#run-now').click();
    await expect.poll(() => heard(page)).toContainEqual({ method: 'runNow', id });
    await show(undefined, 'running');
    await notice.waitFor({ state: 'detached' });
  });

  it('offers what can be done with a run that has ended, and only looking where it is not trusted', async () => {
    const page = await open({ run: 'spam' });
    const { id } = spam.run;
    for (const [button, method] of [
      ['#run-again', 'runAgain'],
      ['#export', 'exportStudent'],
      ['#more', 'more'],
    ] as const) {
      await page.locator(button).click();
      await expect.poll(() => heard(page)).toContainEqual({ method, id });
    }
    await page.evaluate(`send({ type: 'trust', trusted: false })`);
    await page.locator('#run-again').waitFor({ state: 'detached' });
    expect(await page.locator('#export').count()).toBe(0);
    expect(await page.locator('#more').count()).toBe(1);
  });

  it('says that its run was deleted, and offers to restore it, not to resume it', async () => {
    const page = await open({ run: 'moby', status: 'stopped' });
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    await page.evaluate(`send({ type: 'empty', deleted: 'Moby Dick' })`);
    await page.getByText('Moby Dick was deleted').waitFor();
    expect(await page.getByRole('button', { name: 'Resume' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Restore it' }).click();
    await expect.poll(() => heard(page)).toContainEqual({ method: 'restore' });
  });

  it('says of a teacher at chance that it has learnt nothing, and of harm that it is harm', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    const { id, record } = spam.run;
    const finding = page.locator('lab-compare .finding');
    const show = (summary: object): Promise<unknown> =>
      page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: { ...record, summary } })})`);
    const rows = record.summary!.rows.map((row) =>
      row.role === 'student' ? { ...row, gain: { ...row.gain!, value: -0.012, interval: [-0.02, -0.004] } } : row,
    );
    await show({ ...record.summary, rows });
    await finding.getByText('Distillation did harm:').waitFor();
    const without = rows.map((row) => ({ ...row, retention: undefined, gapClosed: undefined }));
    await show({ rows: without, teacherAtChance: true });
    await finding.getByText('The teacher has learnt nothing').waitFor();
    expect(await finding.innerText()).not.toContain('keeps');
    expect(await page.locator('lab-header').getByText('Of the teacher').count()).toBe(0);
  });

  it('says nothing of the size and speed of a teacher behind a server, of which nobody knows', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    const { id, record } = spam.run;
    const rows = record.summary!.rows.map((row) => {
      if (row.role !== 'teacher') return row;
      const { parameters, bytes, latencyMs, ...known } = row;
      return known;
    });
    const summary = { ...record.summary, rows };
    await page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: { ...record, summary } })})`);
    const finding = page.locator('lab-compare .finding');
    await expect.poll(() => finding.innerText()).toMatch(/keeps 98\.9\s% of the teacher's macro-F1\./);
    const cells = await page.locator('lab-model-table tbody tr').first().locator('td:not(.drawing)').allInnerTexts();
    // Three of them, and three that only others have.
    expect(cells.filter((cell) => cell.trim() === '–')).toHaveLength(6);
    expect(await page.locator('lab-compare').innerText()).not.toMatch(/NaN|undefined|Infinity/);
    expect(await page.locator('lab-compare').innerHTML()).not.toMatch(/NaN|Infinity/);
  });

  it('counts no soft labels as steps, and promises no end while the models are compared', async () => {
    const page = await open({});
    const { id, record } = moby.run;
    const show = (progress: object): Promise<unknown> =>
      page.evaluate(
        `send(${JSON.stringify({ type: 'record', id, record: { ...record, progress: { role: 'student', ...progress } } })})`,
      );
    const header = page.locator('lab-header');
    await show({ phase: 'preparing', step: 10, steps: 60, fraction: 0.04, secondsLeft: 90 });
    await header.getByText('Soft labels').waitFor();
    await header.getByText(/16\.7\s%/).waitFor();
    expect(await header.getByText('of 60').count()).toBe(0);
    await show({ phase: 'comparing', step: 0, steps: 1, fraction: 0.97 });
    await header.getByText('comparing the models').waitFor();
    expect(await header.getByText(/Left, about|of 1$/).count()).toBe(0);
  });

  it('keeps the tab, example, token, temperature and smoothing, and the run they belong to', async () => {
    const page = await open({ state: tokens });
    await page.locator('lab-examples .example').nth(2).click();
    await page.locator('lab-chips [role=option]').nth(4).click();
    await page.getByLabel('Temperature', { exact: true }).fill('790');
    const state = await kept(page);
    expect(state).toMatchObject({ id: moby.run.id, tab: 'tokens', example: 2, position: 4, temperature: 8 });
    const again = await open({ state: JSON.stringify(state) });
    await again.locator('lab-distribution .body').first().waitFor();
    expect(await shownBars(again)).toEqual(expectedBars(expected(moby, 2, 4, 1800, 8), 10));
  });

  it.each([
    ['empty', 'Nothing distilled yet'],
    ['silent', 'Reading the run…'],
    ['early', "The teacher's loss, as it is fine-tuned"],
  ])('says what it waits for (%s)', async (run, words) => {
    const page = await open({ run });
    await page.getByText(words).waitFor();
  });

  it('shows a failed run with its error and what to do', async () => {
    const page = await open({ status: 'failed' });
    const alert = page.getByRole('alert');
    expect(await alert.innerText()).toContain('The loss became NaN at step 1,841. Lower training.learningRate');
    await alert.getByRole('button', { name: 'Show Log' }).click();
    await alert.getByRole('button', { name: 'Resume' }).click();
    const { id } = moby.run;
    await expect
      .poll(() => heard(page))
      .toEqual(
        expect.arrayContaining([
          { method: 'showLog', id },
          { method: 'resume', id },
        ]),
      );
    const { record } = moby.run;
    const diverged = { ...record, status: 'failed', error: { code: 'training-diverged', message: 'It is NaN.' } };
    await page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: diverged })})`);
    await alert.getByText('It is NaN.').waitFor();
    // It would be NaN again.
    expect(await alert.getByRole('button').allInnerTexts()).toEqual(['Show Log']);
  });

  it('shows what one T makes of a token, and what the sweep measured', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'temperature', id: moby.run.id, temperature: 4 }) });
    await page.locator('lab-curve svg').nth(2).waitFor();
    const { kl, teacher, student } = expected(moby, 0, 0, 1800, 4);
    expect(await text(page, '#t2kl')).toBe(formatQuantity(16 * kl));
    const gradient = Math.hypot(...student.map((s, i) => (s - teacher[i]!) / 4));
    expect(await text(page, '#gradient')).toBe(formatQuantity(gradient));
    const sweep = page.locator('lab-sweep-table tbody tr');
    expect(await sweep.count()).toBe(4);
    expect(await sweep.nth(2).locator('td').first().innerText()).toBe('4');
    expect(await sweep.nth(2).locator('td').nth(3).innerText()).toBe(formatQuantity(kl));
    expect(await page.locator('lab-sweep-chart circle').count()).toBe(4);
    await sweep.nth(0).locator('.link').click();
    await expect.poll(() => heard(page)).toContainEqual(expect.objectContaining({ method: 'showRun' }));
  });

  it('streams completions, says what each model expected, and can be stopped', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'completions', id: moby.run.id }) });
    await page.locator('#prompt textarea').fill('Call me');
    await page.locator('#prompt textarea').press('Control+Enter');
    await page.locator('lab-surprises').nth(1).waitFor();
    expect((await heard(page)).find(({ method }) => method === 'complete')).toEqual({
      method: 'complete',
      id: moby.run.id,
      prompt: 'Call me',
      maxNewTokens: 32,
      sampling: undefined,
      control: undefined,
    });
    expect(await page.locator('lab-completion').nth(1).locator('[role=option]').allInnerTexts()).toEqual([
      'and',
      'the',
      'whale',
      'was',
      'white',
      '.',
    ]);
    await page.locator('lab-completion').nth(1).locator('[role=option]').nth(2).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('lab-expected h2').innerText()).toContain('At “');
  });

  it('shows what a model expected at a token while the others still come', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'completions', id: moby.run.id }) });
    await page.locator('#prompt textarea').fill('Call me…');
    await page.locator('#continue').click();
    const teacher = page.locator('lab-completion').first();
    await teacher.locator('[role=option]').nth(3).hover();
    await page.locator('#stop-completion').waitFor();
    expect(await page.locator('lab-expected h2').innerText()).toContain('At “·was”');
    const first = page.locator('lab-expected tbody tr').first().locator('td');
    expect(await first.nth(3).innerText()).toBe('.400');
    // The student's part is known once it was asked about the teacher's words.
    expect(await first.nth(4).innerText()).toBe('–');
    expect(await page.locator('lab-expected tr.strong .name').innerText()).toBe('·was');
    // What was asked is still known when the tab is come back to.
    await page.getByRole('tab', { name: 'Loss' }).click();
    await page.getByRole('tab', { name: 'Completions' }).click();
    expect(await page.locator('lab-completion .tokens > .muted').first().innerText()).toBe('Call me…');
  });

  it('leads from a link to the row and token that it names, and asks for a row that is not pinned', async () => {
    const page = await open({});
    const { file, line, tokens: all } = moby.probes.examples.examples[2]!;
    const location = { run: moby.run.id, tab: 'tokens', row: { file, line }, offset: all[6]!.start, temperature: 8 };
    await page.locator('lab-total').waitFor();
    await page.evaluate(`send(${JSON.stringify({ type: 'location', location })})`);
    await page.locator('lab-distribution .body').first().waitFor();
    await expect.poll(() => kept(page)).toMatchObject({ tab: 'tokens', example: 2, position: 5, temperature: 8 });
    await page.evaluate(
      `send(${JSON.stringify({ type: 'location', location: { ...location, row: { file, line: 9999 } } })})`,
    );
    await expect.poll(() => heard(page)).toContainEqual({ method: 'inspectRow', id: moby.run.id, file, line: 9999 });
  });

  it('runs nothing in a folder that is not trusted', async () => {
    const page = await open({ trusted: 'no', state: JSON.stringify({ tab: 'completions', id: moby.run.id }) });
    await page.getByText('the models cannot be run here').waitFor();
    expect(await page.locator('#stop, #hold').count()).toBe(0);
  });
});
