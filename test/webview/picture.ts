/** @file Pictures of the page for whoever wants to look at it: in .cache/lab, where DISTILLERY_LOOK=1 asks for them. No test needs one, and a tenth of the page's tests would be the drawing of them. */

import type { Locator, Page } from 'playwright-core';

export async function picture(of: Page | Locator, name: string): Promise<void> {
  if (process.env.DISTILLERY_LOOK === '1') await of.screenshot({ path: `.cache/lab/${name}.png` });
}
