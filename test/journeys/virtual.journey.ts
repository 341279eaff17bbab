/** @file A folder that is on no disk: what needs processes and files stays away, and nothing is broken. */

import path from 'node:path';
import { expect, it } from 'vitest';
import { Workbench } from './workbench';

it('is opened without us, without a word of complaint', async () => {
  const window = await Workbench.open('shelf:/sample', { installed: true });
  await window.page.getByRole('treeitem', { name: 'spam.distill.json' }).dblclick();
  await window.page.getByRole('tab', { name: 'spam.distill.json' }).waitFor();
  await window.page.locator('.view-line').filter({ hasText: 'text-classification' }).waitFor();
  expect(await window.palette('Test Helper:')).toContain('Test Helper: Call Tool');
  expect((await window.palette('Distillery')).filter((title) => title.startsWith('Distillery'))).toEqual([]);
  expect(await window.page.getByRole('tab', { name: 'Distillery' }).count()).toBe(0);
  expect(await window.notification.count()).toBe(0);
  await window.picture('virtual');
});

it('while the same installation is at work in a folder on a disk', async () => {
  const window = await Workbench.open(path.resolve('examples'), { installed: true });
  await window.openSidebar();
  await window.rows('Experiments').filter({ hasText: 'spam' }).waitFor();
});
