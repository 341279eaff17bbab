/** @file A request that fails: its words stand where it was asked, in whatever tab, and go when they are dismissed. */

import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import type { LabMethod } from '../../src/protocol/lab-requests';
import { describePage, heard, moby, spam } from './lab-page';

const problem = { message: 'The runner has died.', remedy: 'Resume the run.' };

const tab = (name: string, id = moby.run.id): Record<string, string> => ({
  state: JSON.stringify({ tab: name, id }),
});

/** What is done on a page, nothing where it asks as it opens, and the element that asks. */
interface Asked {
  act?: (page: Page) => Promise<unknown>;
  where: string;
}

/** A page, and what is asked there one after the other: the last may leave it as another. */
type AskedOn = [query: Record<string, string>, asked: Partial<Record<LabMethod, Asked>>];

const click = (selector: string) => (page: Page) => page.locator(selector).first().click();
const compare = { run: 'spam', ...tab('compare', spam.run.id) };

const show = (page: Page, record: object): Promise<unknown> =>
  page.evaluate(
    `send(${JSON.stringify({ type: 'record', id: moby.run.id, record: { ...moby.run.record, ...record } })})`,
  );

const asked: AskedOn[] = [
  [
    { run: 'empty' },
    {
      createSample: { act: click('#create-sample'), where: 'main.empty' },
      newExperiment: { act: click('#new-experiment'), where: 'main.empty' },
    },
  ],
  [{ trusted: 'no' }, { manageTrust: { act: click('#manage-trust'), where: '.notices .notice' } }],
  [
    {},
    {
      chooseRun: { act: click('#choose-run'), where: 'lab-header' },
      stop: { act: click('#stop'), where: 'lab-header' },
      pause: { act: click('#hold'), where: 'lab-header' },
      runNow: {
        act: async (page) => {
          await show(page, { status: 'queued', waiting: { device: 'cpu', run: '1_a', isPaused: false, ahead: 1 } });
          await page.locator('#run-now').click();
        },
        where: '.notices .notice',
      },
    },
  ],
  [{ status: 'paused' }, { continue: { act: click('#hold'), where: 'lab-header' } }],
  [
    { status: 'failed' },
    {
      resume: { act: click('.notice .link'), where: '.notices .notice.error' },
      showLog: { act: click('.notice .link:last-of-type'), where: '.notices .notice.error' },
    },
  ],
  [
    { run: 'spam' },
    {
      runAgain: { act: click('#run-again'), where: 'lab-header' },
      exportStudent: { act: click('#export'), where: 'lab-header' },
      more: { act: click('#more'), where: 'lab-header' },
      restore: {
        act: async (page) => {
          await page.evaluate(`send({ type: 'empty', deleted: 'Spam filter' })`);
          await page.locator('#restore').click();
        },
        where: 'main.empty',
      },
    },
  ],
  [
    { run: 'spam', ...tab('temperature', spam.run.id) },
    {
      sweepTemperature: {
        act: async (page) => {
          // A run of no sweep.
          await page.evaluate(`send({ type: 'runs', runs: [] })`);
          await page.locator('#sweep-temperature').click();
        },
        where: 'lab-temperature-view',
      },
    },
  ],
  [
    tab('loss'),
    {
      save: {
        act: async (page) => {
          await page.locator('lab-total lab-save .icon-button').click();
          await page.locator('lab-total lab-save [role=menuitem]').first().click();
        },
        where: 'lab-total lab-save',
      },
      besides: {
        act: async (page) => {
          await page.locator('#add-run').click();
          await page.locator('lab-run-chips [role=menuitem]').first().click();
        },
        where: 'lab-loss',
      },
    },
  ],
  [tab('tokens'), { probe: { where: 'lab-tokens' } }],
  [
    compare,
    {
      openFile: { act: click('lab-disagreements .place .link'), where: 'lab-disagreements' },
      inspectRow: { act: click('lab-disagreements .look .link'), where: 'lab-tokens' },
    },
  ],
  [compare, { comparison: { where: 'lab-compare' } }],
  [tab('temperature'), { showRun: { act: click('lab-sweep-table .link'), where: 'lab-sweep-table' } }],
  [
    tab('completions'),
    {
      prompts: { where: 'lab-completions' },
      stopCompletion: {
        act: async (page) => {
          await page.locator('#prompt textarea').fill('Call me…');
          await page.locator('#continue').click();
          await page.locator('#stop-completion').click();
        },
        where: 'lab-completions',
      },
    },
  ],
];

const named = asked.map(([query, requests]) => [Object.keys(requests).join(', '), query, requests] as const);

describePage('a request that fails', (open) => {
  it.each(named)('is said where it was asked: %s', async (_, query, requests) => {
    const failingAt = (method: string): string => JSON.stringify({ [method]: problem });
    const [first] = Object.keys(requests);
    const page = await open({ ...query, failing: failingAt(first!) });
    for (const [method, { act, where }] of Object.entries(requests)) {
      await page.evaluate(`failing = ${failingAt(method)}`);
      await act?.(page);
      const alert = page.locator(`${where} .request-failed`);
      await alert.waitFor();
      expect(await alert.innerText()).toBe(`${problem.message} ${problem.remedy}`);
      expect(await page.locator('.request-failed').count()).toBe(1);
      expect((await heard(page)).map((one) => one.method)).toContain(method);
      await page.evaluate('failing = {}');
      await alert.getByRole('button', { name: 'Dismiss' }).click();
      await alert.waitFor({ state: 'detached' });
    }
  });

  it('is said in the place of the answer where models were to continue a prompt', async () => {
    const page = await open({ ...tab('completions'), failing: JSON.stringify({ complete: problem }) });
    await page.locator('#prompt textarea').fill('Call me');
    await page.locator('#continue').click();
    await page.getByText(`${problem.message} ${problem.remedy}`).waitFor();
    expect(await page.locator('#continue').count()).toBe(1);
  });

  it('is forgotten once it succeeds, and where another run is shown', async () => {
    const page = await open({ failing: JSON.stringify({ pause: problem }) });
    const alert = page.locator('lab-header .request-failed');
    await page.locator('#hold').click();
    await alert.waitFor();
    await page.evaluate('failing = {}');
    await page.locator('#hold').click();
    await alert.waitFor({ state: 'detached' });

    await page.evaluate(`failing = ${JSON.stringify({ pause: problem })}`);
    await page.locator('#hold').click();
    await alert.waitFor();
    const other = { ...moby.run, id: 'another', series: [] };
    await page.evaluate(`send(${JSON.stringify({ type: 'run', run: other })})`);
    await alert.waitFor({ state: 'detached' });
  });
});
