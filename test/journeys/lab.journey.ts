/** @file The Lab's five tabs on real runs in the real editor: what a person sees there is what the command line says. */

import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { readProbeExamples } from '../../src/run-directory/probes';
import { readRecords } from '../../src/run-directory/record-file';
import { listRuns, type Run } from '../../src/run-directory/run-directory';
import { formatQuantity, formatShare } from '../../src/protocol/format';
import type { CompleteResult, InspectResult } from '../../src/protocol/records';
import { hostileText } from '../webview/sample/texts';
import { openLab, openTab, refusals } from './lab-window';
import { processesOf } from './processes';
import { distillery, sampleWorkspace } from './real-runs';
import { plain, Workbench } from './workbench';

async function setNumber({ lab }: Workbench, id: string, value: number): Promise<void> {
  await lab.locator(`#${id} input`).fill(String(value));
  await lab.locator(`#${id} input`).press('Tab');
}

describe('the Lab on the run of a language model', () => {
  let workspace = '';
  let run: Run;
  let window: Workbench;
  beforeAll(async () => {
    workspace = sampleWorkspace('moby');
    run = (await listRuns(path.join(workspace, '.distillery/runs')))[0]!;
    window = await Workbench.open(workspace, { theme: 'dark' });
    await openLab(window, 'moby', 'T 2 · α .5');
  });

  it("shows the losses of the run's last step, and zooms by brushing", async () => {
    const { lab } = window;
    await openTab(window, 'Loss');
    await lab.locator('lab-figure canvas').nth(3).waitFor();
    await lab.locator('#smoothing').fill('0');
    const shown = lab.locator('lab-figure', { hasText: 'Distillation loss (soft)' }).locator('.value.number');
    const metrics = await readRecords(run.paths, 'metrics');
    expect(plain(await shown.textContent())).toBe(formatQuantity(metrics.at(-1)!.loss.soft));
    const chart = lab.locator('lab-total .overlay');
    const box = (await chart.boundingBox())!;
    await window.page.mouse.move(box.x + 0.2 * box.width, box.y + 60);
    await window.page.mouse.down();
    await window.page.mouse.move(box.x + 0.5 * box.width, box.y + 80, { steps: 4 });
    await window.page.mouse.up();
    await lab.getByText('Show all steps').click();
    await lab.getByText('Show all steps').waitFor({ state: 'detached' });
    await window.picture('lab-real-loss');
    expect(await refusals(window)).toEqual([]);
  });

  it('shows the distributions that `inspect` prints, token by token', async () => {
    const { paths } = run;
    const { examples } = (await readProbeExamples(paths.probes))!;
    const index = 3;
    const example = examples[index]!;
    const inspected = (await distillery(
      workspace,
      'inspect',
      paths.directory,
      '--text',
      example.text,
      '--temperature',
      '2',
      '--top',
      '5',
    )) as InspectResult;
    const { lab } = window;
    await openTab(window, 'Tokens');
    await lab.locator('lab-examples .example').nth(index).click();
    await lab.locator('lab-distribution .body').first().waitFor();
    const position = 4;
    await lab.locator('lab-chips [role=option]').nth(position).click();
    // The exported student is the best one: the probe of that evaluation has its logits, in half precision.
    const wanted = inspected.positions[example.positions[position]!.token]!;
    const teacher = wanted.teacher!;
    await expect
      .poll(async () => plain(await lab.locator('#entropy').textContent()))
      .toContain(formatQuantity(teacher.entropy).slice(0, 3));
    const row = lab.locator(`lab-distribution .body[data-id="${teacher.top[0]!.id}"] .share`).first();
    expect(Math.abs(Number(plain(await row.textContent())) - teacher.top[0]!.probability)).toBeLessThan(0.002);
    await window.picture('lab-real-tokens');
    expect(await refusals(window)).toEqual([]);
  });

  it('shows a dataset full of markup as text in every tab', async () => {
    const { lab } = window;
    const isText = async (): Promise<void> => {
      expect(await lab.locator('distillery-lab').locator('img, script').count()).toBe(0);
      expect(await refusals(window)).toEqual([]);
    };
    await openTab(window, 'Loss');
    await lab.locator('lab-figure canvas').first().waitFor();
    await isText();
    await openTab(window, 'Tokens');
    await lab.locator('lab-examples .text').first().waitFor();
    expect(await lab.locator('lab-examples .text').first().textContent()).toBe(hostileText);
    await isText();
    await openTab(window, 'Temperature');
    await lab.locator('lab-curve svg').first().waitFor();
    await isText();
    await openTab(window, 'Completions');
    await lab.locator('#prompt textarea').fill(hostileText);
    await setNumber(window, 'maxNewTokens', 4);
    await lab.locator('#continue').click();
    await lab.locator('lab-surprises').first().waitFor();
    expect(await lab.locator('lab-completion .tokens > .muted').first().textContent()).toBe(
      `…${hostileText.slice(-28)}`,
    );
    await isText();
    await openTab(window, 'Compare');
    await lab.locator('lab-disagreements', { hasText: hostileText.slice(0, 24) }).waitFor();
    await isText();
  });

  it('shows what was expected while tokens stream, and stops them', async () => {
    const { lab } = window;
    await openTab(window, 'Completions');
    await lab.locator('#prompt textarea').fill('The whale');
    const tokens = lab.locator('lab-completion').first().locator('[role=option]');
    await setNumber(window, 'maxNewTokens', 1);
    await lab.locator('#continue').click();
    await lab.locator('lab-surprises').first().waitFor();

    // These models write 512 tokens faster than a busy page draws one: the process that holds them goes on in small steps.
    const [server, ...others] = processesOf(window.serverFolder, /runner\.js serve/);
    expect(others).toEqual([]);
    await setNumber(window, 'maxNewTokens', 512);
    process.kill(server!, 'SIGSTOP');
    try {
      await lab.locator('#continue').click();
      await lab.locator('#stop-completion').waitFor();
      while ((await tokens.count()) === 0) {
        process.kill(server!, 'SIGCONT');
        await setTimeout(10);
        process.kill(server!, 'SIGSTOP');
      }
      await tokens.first().hover();
      await lab.locator('lab-expected tr.strong').waitFor();
      await lab.locator('#stop-completion').click();
    } finally {
      process.kill(server!, 'SIGCONT');
    }
    await lab.locator('#continue').waitFor();
    const count = await tokens.count();
    expect(count).toBeLessThan(512);
    expect(await lab.locator('lab-surprises').count()).toBe(0);
    await window.picture('lab-stopped-completion');
    expect(await tokens.count()).toBe(count);
  });

  it('lets teacher, student and control continue a prompt, with the words of `complete`', async () => {
    const { paths } = run;
    const prompt = 'The whale';
    const complete = async (target: string): Promise<CompleteResult> =>
      (await distillery(workspace, 'complete', target, '--prompt', prompt, '--max-new-tokens', '6')) as CompleteResult;
    const models = await complete(paths.directory);
    const control = await complete(`${paths.directory}/controls/no-distillation`);
    const { lab } = window;
    await openTab(window, 'Completions');
    await lab.locator('#prompt textarea').fill(prompt);
    await setNumber(window, 'maxNewTokens', 6);
    await lab.getByText('Control too').click();
    // The only token that can be drawn is the most probable.
    await lab.getByLabel('Sample').check();
    await setNumber(window, 'samplingTopK', 1);
    await setNumber(window, 'samplingTemperature', 1.5);
    await lab.locator('#continue').click();
    await lab.locator('lab-surprises').first().waitFor();
    const sides = [models.teacher, models.student, control.student];
    for (const [i, side] of sides.entries()) {
      const tokens = await lab.locator('lab-completion').nth(i).locator('[role=option]').all();
      const labels = await Promise.all(tokens.map((token) => token.getAttribute('aria-label')));
      expect(labels.map((label) => label?.split(', ').at(-1))).toEqual(
        side!.tokens.map(({ probability }) => formatShare(probability)),
      );
    }
    await window.picture('lab-real-completions');
    expect(await refusals(window)).toEqual([]);
  });

  it('keeps what was chosen over a reload of the window', async () => {
    await openTab(window, 'Tokens');
    await window.lab.locator('lab-examples .example').nth(2).click();
    await window.untilKept(/example\W+2\b/);
    await window.reload();
    await window.lab.locator('lab-examples .example[aria-selected=true]').waitFor();
    expect(await window.lab.locator('lab-examples .example').nth(2).getAttribute('aria-selected')).toBe('true');
  });
});

describe('the Lab on the run of a classifier', () => {
  let run: Run;
  let window: Workbench;
  beforeAll(async () => {
    const workspace = sampleWorkspace('spam');
    run = (await listRuns(path.join(workspace, '.distillery/runs')))[0]!;
    window = await Workbench.open(workspace, { theme: 'dark' });
    await openLab(window, 'spam', 'T 4 · α .7');
  });

  it('softens in the page, and says what a sweep would add', async () => {
    const { lab } = window;
    await openTab(window, 'Temperature');
    await lab.locator('lab-curve svg').nth(2).waitFor();
    expect(await lab.locator('#big-t').textContent()).toBe('4.00');
    await lab.locator('#slider').press('End');
    expect(await lab.locator('#big-t').textContent()).toBe('20.0');
    await lab.getByText('not part of a sweep').waitFor();
    await window.picture('lab-real-temperature');
    expect(await refusals(window)).toEqual([]);
  });

  it('compares with intervals, and opens a row on which the models differ', async () => {
    const { lab } = window;
    await openTab(window, 'Compare');
    await lab.locator('lab-confusion').waitFor();
    const student = run.record.summary!.rows.find(({ role }) => role === 'student')!;
    // Beside an editor the models are columns.
    const table = plain(await lab.locator('lab-model-table table').textContent());
    expect(table).toContain(formatShare(student.metrics.macroF1));
    expect(table).toContain(
      `${formatShare(student.intervals!.macroF1![0])}–${formatShare(student.intervals!.macroF1![1])}`,
    );
    await window.picture('lab-real-compare');
    const apart = lab.locator('lab-disagreements .place .link').first();
    const place = plain(await apart.textContent());
    await apart.click();
    await window.page.getByRole('tab', { name: place.split(':')[0]! }).waitFor();
    await window.page.getByRole('button', { name: new RegExp(`^Ln ${place.split(':')[1]!}, Col`) }).waitFor();
    expect(await refusals(window)).toEqual([]);
  });
});
