/** @file The Lab's page, bundled as it ships and served with the policy that the panel sets, opened in a headless Chromium. */

import { build } from 'esbuild';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type LaunchOptions, type Page } from 'playwright-core';
import { ensureBrowser } from '../harness/packages';
import { pseudoTranslated } from './untranslated';

/** A headless Chromium's path, and how it is started; undefined where there is none. */
export function launchOptions(): LaunchOptions | undefined {
  const executablePath = ensureBrowser('The tests of the Lab’s page');
  return executablePath === undefined ? undefined : { executablePath, args: ['--no-sandbox'] };
}

export interface LabPage {
  page: Page;
  /** Errors of its scripts so far. */
  errors: string[];
}

export interface Size {
  width: number;
  height: number;
}

async function bundle(entry: string, options: Parameters<typeof build>[0]): Promise<string> {
  const { outputFiles } = await build({
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
    loader: { '.css': 'text', '.svg': 'text' },
    entryPoints: [entry],
    ...options,
    write: false,
  });
  return outputFiles[0]!.text;
}

/** Serves the page on a local port. */
export async function servePage(): Promise<{ url: string; close(): Promise<void> }> {
  const nonce = randomBytes(16).toString('hex');
  const document = (await readFile('test/webview/harness.html', 'utf8')).replaceAll('{{nonce}}', nonce);
  const texts = JSON.parse(await readFile('l10n/bundle.l10n.json', 'utf8')) as Record<string, string>;
  const translated = `<script type="application/json" id="l10n">${JSON.stringify(pseudoTranslated(texts))}</script>`;
  const files: Record<string, [string, string]> = {
    '/': ['text/html', document],
    '/pseudo': ['text/html', document.replace('<body>', `<body>${translated}`)],
    '/webview.js': [
      'text/javascript',
      await bundle('webview/lab.ts', { minify: true, tsconfig: 'webview/tsconfig.json' }),
    ],
    '/fake-host.js': ['text/javascript', await bundle('test/webview/fake-host.js', {})],
  };
  const server = createServer((request, response) => {
    const [type, text] = files[new URL(request.url ?? '/', 'http://localhost').pathname] ?? ['text/plain', undefined];
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Opens the page that is served at `url`; `query` says which run, theme, kept state and language (`pseudo`). In a page that has shown another, where
 * one is given: its process is there, and knows the scripts.
 */
export async function openPage(
  browser: Browser,
  url: string,
  query: Record<string, string>,
  size: Size = { width: 1280, height: 800 },
  used?: Page,
): Promise<LabPage> {
  const page = used ?? (await browser.newPage({ viewport: size, reducedMotion: 'reduce' }));
  await used?.setViewportSize(size);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`${url}/${query.language ?? ''}?${new URLSearchParams(query).toString()}`);
  return { page, errors };
}

export interface Harness {
  browser: Browser;
  open(query: Record<string, string>, size?: Size): Promise<LabPage>;
  close(): Promise<void>;
}

/** Server and browser of one's own. */
export async function startHarness(): Promise<Harness> {
  const served = await servePage();
  const browser = await chromium.launch(launchOptions());
  return {
    browser,
    open: (query, size) => openPage(browser, served.url, query, size),
    close: async () => {
      await browser.close();
      await served.close();
    },
  };
}
