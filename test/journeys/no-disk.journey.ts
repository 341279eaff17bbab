/** @file A folder that is on no disk, in an editor as it is shipped: the extension, which is installed in it, stays away. */

import { expect, it } from 'vitest';
import { shippedDesk, Workbench } from './workbench';

it('a folder that is on no disk is opened without us, without a word of complaint', async () => {
  const window = await Workbench.open('shelf:/sample', { installedIn: await shippedDesk(process.cwd()) });
  await window.page.getByRole('treeitem', { name: 'spam.distill.json' }).dblclick();
  await window.page.getByRole('tab', { name: 'spam.distill.json' }).waitFor();
  await window.page.locator('.view-line').filter({ hasText: 'text-classification' }).waitFor();
  expect(await window.palette('Test Helper:')).toContain('Test Helper: Call Tool');
  expect((await window.palette('Distillery')).filter((title) => title.startsWith('Distillery'))).toEqual([]);
  expect(await window.page.getByRole('tab', { name: 'Distillery' }).count()).toBe(0);
  expect(await window.notification.count()).toBe(0);
  await window.picture('virtual');
});
