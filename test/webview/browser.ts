/** @file Opens the Lab's page in a headless Chromium: bundled as it ships, served with the policy that the panel sets. */

import { build } from 'esbuild';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { pseudoTranslated } from './untranslated';

/** Where distributions put it; undefined: these tests are skipped. */
export const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

export interface Harness {
  browser: Browser;
  server: Server;
  /** Opens the page; `query` says which run, theme, kept state and language (`pseudo`). Script errors of the page are collected in `errors`. */
  open(query: Record<string, string>, size?: { width: number; height: number }): Promise<LabPage>;
  close(): Promise<void>;
}

export interface LabPage {
  page: Page;
  errors: string[];
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

export async function startHarness(): Promise<Harness> {
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
  const browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] });
  return {
    browser,
    server,
    async open(query, size = { width: 1280, height: 800 }) {
      const page = await browser.newPage({ viewport: size });
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      await page.goto(`http://127.0.0.1:${port}/${query.language ?? ''}?${new URLSearchParams(query).toString()}`);
      return { page, errors };
    },
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
