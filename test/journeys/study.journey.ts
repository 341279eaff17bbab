/** @file A question to an experiment: from Study… through its runs to the picture of the answer in the Lab. */

import { expect, it } from 'vitest';
import { openTab, refusals } from './lab-window';
import { newWorkspace, writeClassifier } from './real-runs';
import { endOfAnimations, plain, Workbench } from './workbench';

it('Study… asks which question, leads to its answer in the Lab, and asked again shows what is known', async () => {
  const workspace = newWorkspace();
  writeClassifier(workspace, { training: { epochs: 1 } });
  const window = await Workbench.open(workspace, { theme: 'dark' });
  const { page, lab } = window;
  await window.openFile('spam.distill.json');
  const study = async (question: string): Promise<void> => {
    await window.runCommand('Distillery: Study…');
    const rows = page.locator('.quick-input-list .monaco-list-row');
    await rows.filter({ hasText: 'Twelve runs' }).waitFor();
    await window.picture('study-questions');
    await window.pick(question);
  };
  /** Its words, once it has slid in. */
  const told = async (words: string): Promise<void> => {
    await window.notification.filter({ hasText: words }).evaluate(endOfAnimations);
  };

  // The teacher of this experiment is trained on the labels that would be counted.
  await study('How many labels');
  await told('cannot be studied with one that is trained on the same labels');
  await window.picture('study-refused');

  await study('an encoder or for a decoder');
  await window.statusItem.filter({ hasText: '1 of 2' }).waitFor();
  await told('spam.distill.json: the study is done.');
  await window.picture('study-done');
  await window.notification.getByRole('button', { name: 'Show Answer' }).click();
  const answer = lab.locator('lab-study');
  await answer.locator('svg.drawn').waitFor();
  expect(plain(await answer.locator('h2').textContent())).toContain('2 of 2 runs of this study are done');
  expect(plain(await answer.locator('.said').textContent())).toMatch(
    /^In macro-F1, distillation gave over the control: the encoder bert .*; the decoder gpt2 .* 95 % interval /,
  );
  await window.picture('study-answer');

  await openTab(window, 'Loss');
  await answer.waitFor({ state: 'detached' });
  await page.getByRole('tab', { name: 'spam.distill.json' }).click();
  await study('an encoder or for a decoder');
  await answer.locator('svg.drawn').waitFor();
  expect(await refusals(window)).toEqual([]);
});
