/** @file The Lab panel, on the editor's side: one panel that shows one run at a time and survives a reload. */

import { l10n, Uri, ViewColumn, window, type Disposable, type WebviewPanel } from 'vscode';
import { isPageMessage, type HostMessage, type LabTarget, type PageMessage } from '../../protocol/panel';
import { InputError } from '../../protocol/problem';
import { execute } from '../commands/commands';
import type { ListedRun, RunList } from '../runs/run-list';
import { labPage, pageRoot } from './lab-page';
import { openDatasetFile } from './open-dataset-file';
import { resolveTarget } from './resolve-target';
import { RunFeed } from './run-feed';

const viewType = 'distillery.lab';

export class Lab implements Disposable {
  readonly #disposables: Disposable[];
  #panel: WebviewPanel | undefined;
  #run: ListedRun | undefined;
  #feed: RunFeed | undefined;
  /** Where the page is to be led once it shows the run. */
  #target: LabTarget | undefined;
  /** From the page's `ready` until it is hidden. */
  #pageListens = false;

  constructor(
    private readonly runs: RunList,
    private readonly extensionUri: Uri,
  ) {
    this.#disposables = [
      window.registerWebviewPanelSerializer(viewType, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
      }),
      runs.onDidChange(() => this.#update()),
    ];
  }

  /** Shows a run, and of it the target's place, or without a run what can be done to get one. There is one panel. */
  open(run: ListedRun | undefined, target?: LabTarget): void {
    this.#target = target;
    if (!this.#panel) {
      const options = { enableScripts: true, localResourceRoots: [pageRoot(this.extensionUri)] };
      this.#adopt(window.createWebviewPanel(viewType, '', ViewColumn.Active, options));
    }
    this.#panel!.reveal(undefined, false);
    if (this.#run?.paths.directory !== run?.paths.directory || !run) this.#choose(run);
    else if (this.#pageListens) this.#showTarget();
  }

  /** Leads the page to where the person was sent, once. */
  #showTarget(): void {
    const [run, target] = [this.#run, this.#target];
    this.#target = undefined;
    if (run && target)
      void this.#orTell(
        resolveTarget(run.paths, target).then((resolved) => this.#post({ type: 'target', target: resolved })),
      );
  }

  /** Whether the person can see this run in the Lab now. */
  isShown(id: string): boolean {
    return this.#panel?.visible === true && this.#run?.paths.id === id;
  }

  async #restore(panel: WebviewPanel, state: unknown): Promise<void> {
    if (this.#panel) {
      panel.dispose();
      return;
    }
    this.#adopt(panel);
    await this.runs.ready();
    this.#choose(this.runs.find(keptId(state) ?? ''));
  }

  #adopt(panel: WebviewPanel): void {
    this.#panel = panel;
    panel.iconPath = { light: this.#media('lab-light.svg'), dark: this.#media('lab-dark.svg') };
    panel.title = title(this.#run);
    // A hidden page is taken down; when it is shown again it starts anew and says `ready`.
    panel.onDidChangeViewState(() => {
      if (!panel.visible) this.#pageGone();
    });
    panel.onDidDispose(() => {
      this.#pageGone();
      this.#panel = undefined;
      this.#run = undefined;
    });
    panel.webview.onDidReceiveMessage((message: unknown) => {
      if (isPageMessage(message)) void this.#receive(message);
    });
    panel.webview.html = labPage(panel.webview, this.extensionUri);
  }

  #choose(run: ListedRun | undefined): void {
    this.#run = run;
    if (this.#panel) this.#panel.title = title(run);
    if (this.#pageListens) this.#startFeed();
  }

  async #receive(message: PageMessage): Promise<void> {
    if (message.type === 'ready') {
      this.#pageListens = true;
      this.#startFeed();
    } else if (message.type === 'createSample') {
      await execute('distillery.createSampleWorkspace');
    } else if (this.#run?.paths.id === message.id) {
      // Otherwise the page still speaks of the run that it showed a moment ago.
      await this.#receiveAbout(this.#run, message);
    }
  }

  async #receiveAbout({ paths }: ListedRun, message: Extract<PageMessage, { id: string }>): Promise<void> {
    switch (message.type) {
      case 'stop':
        await execute('distillery.stopRun', paths.id);
        break;
      case 'openFile':
        await this.#orTell(openDatasetFile(paths, message.file, message.line));
        break;
      case 'showProbe':
        await this.#feed?.showProbe(message.step);
    }
  }

  #startFeed(): void {
    this.#stopFeed();
    const run = this.#run;
    if (!run) {
      this.#post({ type: 'empty' });
      return;
    }
    const feed = new RunFeed(run.paths, run.record, (message) => this.#post(message));
    this.#feed = feed;
    void this.#orTell(feed.start().then(() => this.#showTarget()));
  }

  #pageGone(): void {
    this.#pageListens = false;
    this.#stopFeed();
  }

  #stopFeed(): void {
    this.#feed?.dispose();
    this.#feed = undefined;
  }

  #update(): void {
    const now = this.#run && this.runs.find(this.#run.paths.id);
    if (!now) return;
    this.#run = now;
    this.#feed?.update(now.record);
  }

  async #orTell(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const [problem] = error instanceof InputError ? error.problems : [];
      this.#post({
        type: 'error',
        message: problem?.message ?? (error instanceof Error ? error.message : String(error)),
        ...(problem ? { remedy: problem.remedy } : {}),
      });
    }
  }

  #media(name: string): Uri {
    return Uri.joinPath(this.extensionUri, 'media', name);
  }

  #post(message: HostMessage): void {
    void this.#panel?.webview.postMessage(message);
  }

  dispose(): void {
    this.#stopFeed();
    this.#panel?.dispose();
    for (const disposable of this.#disposables) disposable.dispose();
  }
}

function title(run: ListedRun | undefined): string {
  return run ? l10n.t('Lab: {0}', run.record.name) : l10n.t('Distillery Lab');
}

/** The run that the page showed, from what it kept: see PageState. */
function keptId(state: unknown): string | undefined {
  return typeof state === 'object' && state !== null && 'id' in state && typeof state.id === 'string'
    ? state.id
    : undefined;
}
