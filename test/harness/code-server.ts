/** @file Starts code-server on a free local port, everything in a folder of its own, and opens windows on it in headless Chromium. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BrowserContext, LaunchOptions, Page } from 'playwright-core';
import { untilEnded } from './processes';
import type { Editor } from './setup';

export interface CodeServer {
  url: string;
  /** Where all its files lie. */
  folder: string;
  /** Resolves, with its last words, when the server ends or says that its extension host died. */
  died: Promise<string>;
  /** What it has printed so far. */
  output(): string;
  stop(): Promise<void>;
}

/** Of each window: quiet, and nothing that asks the network. */
const baseSettings = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'extensions.ignoreRecommendations': true,
  'telemetry.telemetryLevel': 'off',
  'git.enabled': false,
  // A tooltip lies over what is clicked next.
  'workbench.hover.delay': 3_600_000,
  // Or all processes of the machine are looked through for ports, again and again.
  'remote.autoForwardPorts': false,
};

/**
 * Of the editor's own hundred extensions those that ours never meets, among them the largest. Each window reads, sends and sorts what
 * all of them contribute, and starts some. Others than those that only Node runs cannot be left out: the page has them too, and would
 * run them itself.
 */
export const builtInElsewhere = [
  'copilot',
  'debug-auto-launch',
  'debug-server-ready',
  'git',
  'github',
  'grunt',
  'gulp',
  'jake',
  'microsoft-authentication',
  'ms-vscode.js-debug',
  'ms-vscode.js-debug-companion',
  'php-language-features',
  'terminal-suggest',
  'tunnel-forwarding',
] as const;

/** Of each window that is not to be as it is shipped: nothing in it blinks or is drawn a second time in small, and lists stay until they are answered. */
const calmSettings = {
  'editor.cursorBlinking': 'solid',
  'editor.minimap.enabled': false,
  'editor.stickyScroll.enabled': false,
  'editor.occurrencesHighlight': 'off',
  'breadcrumbs.enabled': false,
  // A view of the sidebar that had the focus a moment before takes it back when its rows are new (the editor's `doRefresh`), and a list that
  // was opened meanwhile would close.
  'workbench.quickOpen.closeOnFocusLost': false,
};

/** Starts a server whose files all lie in a new temporary folder, which `stop` removes. */
export async function startCodeServer(
  editor: Editor,
  options: {
    /** Folder of an extension. */
    installed?: string;
    /** Names of the editor's own extensions that it has not. */
    without?: readonly string[];
    /** More of it, for what lies in the folder that is given. */
    environment?: (folder: string) => NodeJS.ProcessEnv;
    /** Any that is free where none is named. */
    port?: number;
    /** Folder of what Node has compiled before; one of its own where none is named. */
    compiled?: string;
  } = {},
): Promise<CodeServer> {
  const base = mkdtempSync(path.join(tmpdir(), 'cs-')); // Short: a socket's path has at most 107 characters.
  for (const folder of ['data/User', 'extensions', 'tmp']) mkdirSync(path.join(base, folder), { recursive: true });
  if (options.installed) symlinkSync(options.installed, path.join(base, 'extensions/installed'));
  writeFileSync(path.join(base, 'config.yaml'), '{}\n');
  const args = [
    '--auth',
    'none',
    '--bind-addr',
    `127.0.0.1:${options.port ?? 0}`,
    '--config',
    path.join(base, 'config.yaml'),
  ];
  args.push('--user-data-dir', path.join(base, 'data'), '--extensions-dir', path.join(base, 'extensions'));
  args.push('--disable-telemetry', '--disable-update-check', '--disable-getting-started-override');
  args.push('--ignore-last-opened', '--reconnection-grace-time', '5');
  if (options.without) {
    const own = path.join(path.dirname(editor.codeServer), '../../lib/vscode/extensions');
    const chosen = path.join(base, 'built-in');
    mkdirSync(chosen);
    for (const name of readdirSync(own))
      if (!options.without.includes(name)) symlinkSync(path.join(own, name), path.join(chosen, name));
    args.push('--builtin-extensions-dir', chosen);
  }
  // Should this process be killed, the server ends by itself; a journey may be at another server meanwhile, for minutes on a slow machine.
  args.push('--idle-timeout-seconds', '900');
  const child = spawn(editor.node, [editor.codeServer, ...args], {
    env: {
      ...cleanEnvironment(),
      XDG_DATA_HOME: path.join(base, 'data'),
      TMPDIR: path.join(base, 'tmp'),
      // Each window starts an extension host and programs, which compile the same.
      NODE_COMPILE_CACHE: options.compiled ?? path.join(base, 'compiled'),
      ...options.environment?.(base),
    },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const lines = (listener: (seen: string) => void): void => {
    for (const stream of [child.stdout, child.stderr]) stream.on('data', () => listener(output));
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += String(bytes)));
  const died = new Promise<string>((resolve) => {
    child.once('exit', (code) => resolve(`code-server ended with exit code ${code ?? 'none'}`));
    lines((seen) => {
      const dead = /Extension Host Process exited with code: [^0].*/.exec(seen);
      if (dead) resolve(dead[0]);
    });
  });
  const url = new Promise<string>((resolve) => {
    lines((seen) => {
      const listening = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(seen);
      if (listening) resolve(listening[1]!);
    });
  });
  const failed = died.then((reason) => {
    throw new Error(`${reason}\n${output}`);
  });
  return {
    url: await Promise.race([url, failed]),
    folder: base,
    died,
    output: () => output,
    stop: async () => {
      await stopGroup(child);
      await untilEnded(base);
      rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** Without what the surrounding editor or terminal would tell a server that is not theirs. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const notTheirs = { VSCODE_IPC_HOOK_CLI: undefined, PORT: undefined, PASSWORD: undefined, NODE_OPTIONS: undefined };
  // No gallery: no look-ups in a marketplace.
  return { ...process.env, ...notTheirs, EXTENSIONS_GALLERY: '{}' };
}

async function stopGroup(child: ChildProcess): Promise<void> {
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, name);
    } catch {
      // The whole group has ended.
    }
  };
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
  signal('SIGTERM');
  await Promise.race([gone, delay(4000)]);
  signal('SIGKILL');
}

/**
 * What the browser does without. A script that it fetches in the background it always compiles anew, a second of the processor for each window, and never
 * takes what it has kept of it. The others are Playwright's, in whose place this list comes.
 */
const withoutFeatures = [
  'BackgroundResourceFetch',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsUpgrades',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'ThirdPartyStoragePartitioning',
];

/** How the browser is started in which windows are opened. */
export function browserOptions(editor: Editor): LaunchOptions {
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const features = `--disable-features=${withoutFeatures.join()}`;
  return { executablePath: editor.chromium, args: ['--disable-gpu', '--disable-dev-shm-usage', features, ...root] };
}

export interface EditorWindow {
  page: Page;
  /** Ends its extension host, and forgets what the browser has kept of it. */
  close(): Promise<void>;
}

export interface WindowOptions {
  /** A path, or the address of a folder that is on no disk. */
  folder?: string;
  /** The extension under development, loaded as F5 would. */
  extension: string;
  /** Loaded beside it. */
  helper?: string;
  /** A module with `run()` to execute in the extension host. */
  tests?: string;
  /** Whether workspaces are asked about, as for people; otherwise all are trusted. */
  trust?: boolean;
  /** Whether what moves and blinks in the editor does so. */
  asShipped?: boolean;
  /** What the person has set, as far as it is not the tests' own. */
  settings?: Record<string, unknown>;
  /** What the editor is told that its language is; its own texts stay English. */
  language?: string;
  /** With `tests`: what the window says when they have ended, 0 for passed. */
  onExit?: (code: number) => void;
}

/** How large a window is. */
export const viewport = { width: 1280, height: 800 };

/**
 * Opens a window on the server, as a person does who was never there: nothing is kept from other windows.
 * @param context that of a browser with a profile keeps what it has fetched and compiled of the editor, and no more
 */
export async function openWindow(
  context: BrowserContext,
  server: Pick<CodeServer, 'url'>,
  options: WindowOptions,
): Promise<EditorWindow> {
  const page = await context.newPage();
  await withoutNetworkEvents(page);
  const { origin, host } = new URL(server.url);
  if (options.onExit) await page.exposeFunction('codeAutomationExit', options.onExit);
  await page.addInitScript(configurationScript(host, options));
  await page.addInitScript(withoutMotion(endless));
  if (!options.asShipped) {
    await page.addInitScript(withoutMotion(passing));
    // The Lab stands still: what turns there while a run is at work is drawn sixty times a second.
    await page.emulateMedia({ reducedMotion: 'reduce' });
  }
  if (options.language) {
    await page.addInitScript(`globalThis._VSCODE_NLS_LANGUAGE = ${JSON.stringify(options.language)};`);
  }
  const query = options.folder ? `?folder=${encodeURI(options.folder)}` : '';
  // Whoever opens it knows what to wait for.
  await page.goto(`${origin}/${query}`, { waitUntil: 'commit' });
  return { page, close: () => leave(page, origin) };
}

/** Playwright's own part of a page, which lies in this process. */
interface Inside {
  _connection: {
    toImpl: (page: unknown) => {
      delegate: { _mainFrameSession: { _client: { send: (method: 'Network.disable') => Promise<void> } } };
    };
  };
}

/**
 * Playwright has each page tell it of all that it fetches, and of each message between window and server: the page writes them, the browser
 * passes them on and Playwright reads them, a seventh of what a window takes of the processor. Nobody here asks for them. Its public part
 * has no word for that (docs/decisions/0121).
 */
async function withoutNetworkEvents(page: Page): Promise<void> {
  const { _connection: connection } = page as unknown as Inside;
  await connection.toImpl(page).delegate._mainFrameSession._client.send('Network.disable');
}

/**
 * Each frame of what moves is drawn by the processor: of what turns for ever thirty a second, or sixty, for as long as something loads or a
 * run goes on; of a list that opens or a scroll bar that fades some fifteen, or fifty, each time.
 */
const endless = `.codicon-modifier-spin, .codicon-loading, .codicon-tree-item-loading::before, .progress-bit { animation: none !important }`;
const passing = `.quick-input-widget, .wiggle { animation: none !important }
  .scrollbar, .indent-guide, .part.statusbar { transition: none !important }`;

/** In the editor's own page; the pages within it move as they do. */
const withoutMotion = (rules: string): string => `if (globalThis === globalThis.top) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(${JSON.stringify(rules)});
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}`;

/** By going elsewhere the window tells its extension host to end; one that is only closed is waited for by its host. */
async function leave(page: Page, origin: string): Promise<void> {
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto('about:blank');
  const protocol = await page.context().newCDPSession(page);
  await protocol.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' });
  await page.close();
}

/**
 * What the workbench is told of extensions under development, settings and trust: the page's configuration is changed as it is
 * read. The documented way, the address's payload, works only together with the smoke-test driver, which suppresses toasts and
 * dialogs. Settings given here are defaults: they are known before anything is shown, and no file is shared with other windows.
 */
function configurationScript(authority: string, options: WindowOptions): string {
  const uri = (file: string): object => ({ scheme: 'vscode-remote', authority, path: path.resolve(file) });
  const development = {
    extensions: [options.extension, ...(options.helper ? [options.helper] : [])].map(uri),
    ...(options.tests ? { extensionTestsPath: uri(options.tests) } : {}),
  };
  const configuration = {
    enableWorkspaceTrust: options.trust ?? false,
    configurationDefaults: { ...baseSettings, ...(options.asShipped ? {} : calmSettings), ...options.settings },
  };
  return `{
    const get = Element.prototype.getAttribute;
    Element.prototype.getAttribute = function (name) {
      const value = get.call(this, name);
      if (name !== 'data-settings' || this.id !== 'vscode-workbench-web-configuration') return value;
      const settings = Object.assign(JSON.parse(value), ${JSON.stringify(configuration)});
      Object.assign((settings.developmentOptions ??= {}), ${JSON.stringify(development)});
      return JSON.stringify(settings);
    };
  }`;
}
