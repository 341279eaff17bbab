/** @file Before the tests of the Lab's page: it is bundled and served once, and one browser opened in which each test gets pages. */

import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { launchOptions, servePage } from './browser';

declare module 'vitest' {
  interface ProvidedContext {
    /** Addresses of the page, and of the browser for those who want pages; absent where there is no browser. */
    labPage?: { url: string; browser: string };
  }
}

export async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  const options = launchOptions();
  if (!options) return undefined;
  const [served, browser] = await Promise.all([servePage(), chromium.launchServer(options)]);
  provide('labPage', { url: served.url, browser: browser.wsEndpoint() });
  return async () => {
    await browser.close();
    await served.close();
  };
}
