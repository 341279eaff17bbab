/** @file A folder that is on no disk: what needs processes and files stays away, and nothing is broken. In an editor as it is shipped. */

import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { Desk } from './desk';
import { shippedDesk, Workbench } from './workbench';

let installedIn: Desk;
beforeAll(async () => {
  installedIn = await shippedDesk(process.cwd());
});

it('is opened without us, without a word of complaint', async () => {
  const window = await Workbench.open('shelf:/sample', { installedIn });
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
  const window = await Workbench.open(path.resolve('examples'), { installedIn });
  await window.openSidebar();
  await window.rows('Experiments').filter({ hasText: 'spam' }).waitFor();
});
